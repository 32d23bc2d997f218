"""`make bench`: rows are written when measured, kept when stopped, and no process remains."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.bench.against import measure
from tests.bench.results import Report, Result, at_most, read_rows

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parent.parent
# A benchmark that measures one figure and then waits for a process with a child of its own.
PROGRAM = """
import subprocess, sys, types
from pathlib import Path
import tests.bench
from tests.bench import __main__ as bench
from tests.bench.results import Result

def run():
    yield Result("first figure", 1.5, "s")
    with subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600"]) as process:
        process.wait()
    yield Result("second figure", 2.5, "s")

module = types.ModuleType("tests.bench.slow")
module.run = run
sys.modules["tests.bench.slow"] = module
bench.KEPT = Path(sys.argv[1])
sys.argv = ["bench", "slow"]
bench.main()
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_keeps_its_rows_and_leaves_no_process(stop: int, tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while "first figure" not in process.stdout.readline():
            assert process.poll() is None
        family: list[psutil.Process] = []
        while len(family) < 2:
            assert process.poll() is None
            family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(stop)
        _, errors = process.communicate()
    (kept,) = tmp_path.iterdir()
    assert "| first figure | 1.5 s |" in kept.read_text()
    assert str(kept) in errors
    assert process.returncode == 1
    assert not [one for one in family if one.is_running()]


def test_a_comparison_writes_each_row_before_the_next_is_measured(tmp_path: Path):
    bench = tmp_path / "tests" / "bench"
    bench.mkdir(parents=True)
    written = tmp_path / "written"
    # Measures its second figure when the first is written, or fails after a minute.
    (bench / "__main__.py").write_text(
        "import pathlib, time\n"
        "print('| first figure | 1.5 s | | |', flush=True)\n"
        f"for _ in range(600):\n"
        f"    if 'first figure' in pathlib.Path({str(written)!r}).read_text():\n"
        "        print('| second figure | 2.5 s | | |')\n"
        "        break\n"
        "    time.sleep(0.1)\n"
    )
    with written.open("w") as file:
        rows = measure(tmp_path, "slow", Report(file))
    assert rows == {"first figure": (1.5, "s"), "second figure": (2.5, "s")}


def test_rows_are_read_back_as_they_were_written():
    results = [
        Result("plain", 12.0, "ms"),
        at_most("under its limit", 0.5, 1, "times"),
        at_most("without a unit", 3, 0, ""),
    ]
    rows = list(read_rows(result.row for result in results))
    assert rows == [
        ("plain", 12.0, "ms"),
        ("under its limit", 0.5, "times"),
        ("without a unit", 3.0, ""),
    ]
