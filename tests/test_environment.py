"""No test depends on the speed of the machine."""

import ast
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).resolve().parent
CLOCKS = ("monotonic()", "perf_counter()", "time.time()", "elapsed")


def test_property_tests_have_no_deadline():
    assert settings.default.deadline is None


def test_every_profile_of_property_tests_has_no_deadline():
    assert settings.get_profile("tests").deadline is None
    declared = [
        ast.unparse(node)
        for path in TESTS.rglob("*.py")
        if "deadline=" in (source := path.read_text())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.keyword) and node.arg == "deadline"
    ]
    assert set(declared) == {"deadline=None"}


def timed_assertions(source: str) -> list[str]:
    """The assertions of a test that less than some time has passed."""
    if not any(clock in source for clock in CLOCKS):
        return []
    return [
        ast.unparse(node.test)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assert)
        and any(clock in ast.unparse(node.test) for clock in CLOCKS)
        and "deadline" not in ast.unparse(node.test)
        and "<" in ast.unparse(node.test)
    ]


def test_no_test_asserts_how_fast_something_is():
    found = {
        path.relative_to(TESTS).as_posix(): timed
        for path in sorted(TESTS.rglob("*.py"))
        if not path.is_relative_to(TESTS / "bench")
        and path != Path(__file__)
        and (timed := timed_assertions(path.read_text()))
    }
    assert found == {}
