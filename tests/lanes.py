"""Lane of each test: `make quick` runs every test that is marked neither `full` nor `slow`.

A test is `full` when it starts a process or a server, makes speech or needs a model or a browser:

- a fixture that starts one uses the fixture `full_lane`, which marks every test that uses it;
- a test or a module that starts one itself is marked with ``pytest.mark.full``.

A test is `slow` when it requests a page of the website with Django's test client, which takes as
long as ten other tests, or takes so long for another reason (`--durations` names the longest).

A test without its mark fails and names it; those that are slow for another reason pass.
"""

import functools
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

QUICK = "not full and not slow"  # of the option -m
# Reading the repository's own list of files takes milliseconds.
ALLOWED_PROGRAMS = {"git"}
MARKED_MODULE = re.compile(
    r"^pytestmark = (?:\[pytest\.mark\.(full|slow),|pytest\.mark\.(full|slow)$)", re.MULTILINE
)
_noted: list[tuple[str, str]] = []  # lane and deed of the test that runs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module of another lane: that takes as long as many tests."""
    if collection_path.suffix != ".py" or config.option.markexpr not in (QUICK, "not full"):
        return None
    marked = MARKED_MODULE.search(collection_path.read_text())
    if marked is None:
        return None
    return f"not {marked[1] or marked[2]}" in config.option.markexpr or None


@pytest.fixture(scope="session")
def full_lane() -> None:
    """Mark of a fixture that starts something: see the docstring of this module."""


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    if "full_lane" in getattr(item, "fixturenames", ()):
        item.add_marker("full")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _noted.clear()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    result = yield
    if item.get_closest_marker("full") is None:
        # Not while it runs: product code would take the error for one of its own.
        for lane, deed in _noted:
            if item.get_closest_marker(lane) is None:
                pytest.fail(f"This test {deed}: mark it with pytest.mark.{lane}.", pytrace=False)
    return result


def note(deed: str, lane: str = "full") -> None:
    """Remember that the test that runs did what only a test of this lane may."""
    _noted.append((lane, deed))


def _note_before(
    kind: type, method: str, describe: Callable[..., str | None], lane: str = "full"
) -> None:
    """Note what a call of ``kind.method`` does: ``describe`` has its arguments.

    Not with an audit hook, which Python also calls for every `id()`: 2 % of the fast lane.
    """
    original = getattr(kind, method)

    @functools.wraps(original)
    def noting(self: Any, *arguments: Any, **options: Any) -> Any:
        if deed := describe(*arguments, **options):
            note(deed, lane)
        return original(self, *arguments, **options)

    setattr(kind, method, noting)


def _program(args: Any, *_: object, **__: object) -> str | None:
    program = str(args[0] if isinstance(args, list | tuple) else args)
    return None if Path(program).name in ALLOWED_PROGRAMS else f"starts {program}"


_note_before(subprocess.Popen, "__init__", _program)
_note_before(socket.socket, "listen", lambda *_: "starts a server")
_note_before(Client, "request", lambda **_: "requests a page", lane="slow")
