"""The fault matrix names tests that exist."""

import ast
from pathlib import Path

import pytest

from tests.faults.rows import ROWS, Row

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


def test_every_line_of_bad_input_and_faults_that_can_be_tried_has_a_row():
    numbers = {
        group: {
            int(number) for row in ROWS if row.group == group for number in row.number.split(", ")
        }
        for group in ("bad input", "fault", "attack", "ground")
    }
    # Imports, speaker names in CSV and sockets of the web come with what they need.
    assert set(range(1, 31)) - numbers["bad input"] == {13, 14, 17, 27, 29}
    assert set(range(1, 21)) - numbers["fault"] == {13, 14, 15}
    assert set(range(1, 13)) == numbers["attack"]
    assert {1, 2, 3} == numbers["ground"]
