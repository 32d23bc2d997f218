"""The order of the full lane, and what one process has of it."""

import re

import pytest

from tests.spread import FOLDERS, LONGEST, Scheduling, rank
from tests.test_imports import ROOT

SHARED_SERVER = re.compile(r'scope="session"\)\ndef [^@]* = (start_engine|Product)\(')


@pytest.mark.parametrize("place", LONGEST)
def test_what_takes_longest_is_there(place: str):
    assert (ROOT / place).exists()


def test_tests_that_share_a_server_run_in_one_process():
    shared = {
        path.parent.relative_to(ROOT).as_posix() + "/"
        for path in ROOT.glob("tests/**/conftest.py")
        if SHARED_SERVER.search(path.read_text())
    }
    assert shared == {*FOLDERS}
    scope = object.__new__(Scheduling)._split_scope
    for folder in FOLDERS:
        assert scope(f"{folder}test_a.py::test_one[x::y]") == scope(f"{folder}test_b.py::test_two")
    assert scope("tests/pages/test_a.py::test_one") != scope("tests/pages/test_b.py::test_one")


def test_the_longest_tests_come_first():
    named = ["tests/a.py::test_one", *(f"{place}::test_two" for place in reversed(LONGEST))]
    assert sorted(named, key=rank) == [*reversed(named[1:]), named[0]]
