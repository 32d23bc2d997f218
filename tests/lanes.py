"""Lane of each test: `make quick` runs every test that is not marked `full`.

A test is `full` when it starts a process or a server, makes speech or needs a model or a browser:

- a fixture that starts one uses the fixture `full_lane`, which marks every test that uses it;
- a test or a module that starts one itself is marked with ``pytest.mark.full``.

A quick test that starts a process or a server, or makes speech, fails and names the mark.
"""

import functools
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Reading the repository's own list of files takes milliseconds.
ALLOWED_PROGRAMS = {"git"}
FULL_MODULE = re.compile(
    r"^pytestmark = (?:pytest\.mark\.full$|\[pytest\.mark\.full,)", re.MULTILINE
)
_started: list[str] = []  # by the test that runs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module of the full lane for the fast one: that takes as long as many tests."""
    if collection_path.suffix != ".py" or config.option.markexpr != "not full":
        return None
    return bool(FULL_MODULE.search(collection_path.read_text())) or None


@pytest.fixture(scope="session")
def full_lane() -> None:
    """Mark of a fixture that starts something: see the docstring of this module."""


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    if "full_lane" in getattr(item, "fixturenames", ()):
        item.add_marker("full")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _started.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    result = yield
    # Not while it runs: product code would take the error for one of its own.
    if _started and item.get_closest_marker("full") is None:
        pytest.fail(f"This test {_started[0]}: mark it with pytest.mark.full.", pytrace=False)
    return result


def note(what: str) -> None:
    """Remember that the test that runs did ``what``, which only a full one may."""
    _started.append(what)


def _note_before(kind: type, method: str, describe: Callable[..., str | None]) -> None:
    """Note what a call of ``kind.method`` starts: ``describe`` has its arguments.

    Not with an audit hook, which Python also calls for every `id()`: 2 % of the fast lane.
    """
    original = getattr(kind, method)

    @functools.wraps(original)
    def noting(self: Any, *arguments: Any, **options: Any) -> Any:
        if what := describe(*arguments, **options):
            note(what)
        return original(self, *arguments, **options)

    setattr(kind, method, noting)


def _program(args: Any, *_: object, **__: object) -> str | None:
    program = str(args[0] if isinstance(args, list | tuple) else args)
    return None if Path(program).name in ALLOWED_PROGRAMS else f"starts {program}"


_note_before(subprocess.Popen, "__init__", _program)
_note_before(socket.socket, "listen", lambda *_: "starts a server")
