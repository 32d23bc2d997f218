"""The fault matrix names tests that exist."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.outcomes import Tally, of_report
from tests.faults.rows import ROWS, Row

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.group} {row.number}")
def test_every_test_of_a_row_is_there(row: Row):
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        names = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert not name or name in names, test


def test_every_line_of_bad_input_and_faults_has_a_row():
    numbers = {
        group: {
            int(number)
            for row in ROWS
            if row.group == group
            for number in row.number.split(", ")
            if number.isdecimal()
        }
        for group in ("bad input", "fault", "attack", "ground")
    }
    assert numbers == {
        "bad input": set(range(1, 31)),
        "fault": set(range(1, 21)),
        "attack": set(range(1, 13)),
        "ground": {1, 2, 3},
    }


def test_a_row_that_was_not_tried_is_no_success():
    tally = Tally(ok=5)
    assert tally.is_good
    tally.counted("not tried: mounting a file system needs root")
    assert not tally.is_good


def test_a_failed_row_and_a_run_of_nothing_are_no_success():
    assert not Tally().is_good
    tally = Tally(ok=5)
    tally.counted("FAILED: 1, such as ['00001.wav']")
    assert not tally.is_good


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("def test_a(): pass", "ok (1 tests)"),
        ("def test_a(): assert False", "FAILED (1 tests): test_a"),
        ("def test_a(): pytest.skip('no disk')", "not tried: no disk"),
        ("def test_a(): pytest.skip('elsewhere')", "not tried: elsewhere"),
        ("def test_a(): pass\ndef test_b(): pytest.skip('no disk')", "not tried: no disk"),
        ("def test_a(): pass\ndef test_b(): pytest.skip('elsewhere')", "ok (1 tests; on SQLite)"),
        ("", "not tried: no test ran"),
    ],
)
def test_outcome_of_a_row_is_that_of_all_of_its_tests(tmp_path, test, outcome):
    (tmp_path / "test_row.py").write_text(f"import pytest\n{test}\n")
    report = tmp_path / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:django",
         "-p", "no:asyncio", "-c", "/dev/null", f"--junitxml={report}", "test_row.py"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert of_report(report, {"elsewhere": "on SQLite"}) == outcome
