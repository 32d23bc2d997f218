"""Lane of each test: `make quick` runs every test that is not marked `full`.

A test is `full` when it starts a process, makes speech or needs a model, a browser or a server:

- a fixture that starts one uses the fixture `full_lane`, which marks every test that uses it;
- a test or a module that starts one itself is marked with ``pytest.mark.full``.

A quick test that starts a process or makes speech fails, and names the mark.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Reading the repository's own list of files takes milliseconds.
ALLOWED_PROGRAMS = {"git"}
_started: list[str] = []  # by the test that runs


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module of the full lane for the fast one: that takes as long as many tests."""
    if collection_path.suffix != ".py" or config.option.markexpr != "not full":
        return None
    return "\npytestmark = pytest.mark.full\n" in collection_path.read_text() or None


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


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and Path(str(arguments[0])).name not in ALLOWED_PROGRAMS:
        note(f"starts {arguments[0]}")


sys.addaudithook(_watch)
