"""Forks that run the tests: every outcome is reported, and a fork that ends is an error."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.full

PASSES = """
import pytest
from management.models import User

@pytest.fixture(scope="module")
def once(tmp_path_factory):
    yield
    print("the module is over")

@pytest.mark.django_db
@pytest.mark.parametrize("number", range(3))
def test_database(number, once):
    User.objects.create_user("ada@example.test", "pass-word-1")
"""
FAILS = """
def test_sum():
    print("printed by the test")
    assert 1 + 1 == 3
"""
DIES = """
import os

def test_end():
    os._exit(3)
"""


def run(folder: Path, **modules: str) -> tuple[int, str]:
    """Run these modules in two forks; return the exit status and what was shown."""
    for name, source in modules.items():
        (folder / f"test_{name}.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--forks", "2"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_the_outcome_of_every_test_is_reported(tmp_path: Path):
    status, shown = run(tmp_path, passes=PASSES, fails=FAILS, others=PASSES)
    assert status == 1
    assert "1 failed, 6 passed" in shown
    assert "printed by the test" in shown
    assert "assert (1 + 1) == 3" in shown


def test_a_fork_that_ends_is_an_error(tmp_path: Path):
    status, shown = run(tmp_path, passes=PASSES, dies=DIES)
    assert status == 3
    assert "A fork ended with" in shown
