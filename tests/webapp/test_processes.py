"""The process group: what dies comes back, what is stopped is gone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from webapp.running.processes import Process, ProcessGroup

pytestmark = pytest.mark.full

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"


def sleeper(folder: Path, source: str = SLEEPER) -> Process:
    (folder / "sleeper.py").write_text(source)
    return Process(
        "sleeper", ["sleeper"], folder / "sleeper.log", environ={"PYTHONPATH": str(folder)}
    )


def until(fact, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_process_is_started_again(tmp_path):
    process = sleeper(tmp_path)
    group = ProcessGroup([process])
    group.start()
    first = process.popen.pid
    os.kill(first, signal.SIGKILL)
    process.popen.wait()
    assert group.restart_dead() == [process]
    until(lambda: not group.restart_dead() and process.running)
    assert process.popen.pid != first
    group.stop()
    assert not process.running


def test_a_process_that_keeps_dying_is_started_ever_more_slowly(tmp_path):
    process = sleeper(tmp_path, "raise SystemExit(3)")
    group = ProcessGroup([process])
    group.start()
    pauses = []
    for _ in range(3):
        process.popen.wait()
        group.restart_dead()
        pauses.append(process.pause)
        process.due = 1e-9
        group.restart_dead()
    process.popen.wait()
    assert pauses == [1.0, 2.0, 4.0]


def test_only_the_named_processes_are_restarted(tmp_path):
    for name in ("web", "engine"):
        (tmp_path / name).mkdir()
    web, engine = sleeper(tmp_path / "web"), sleeper(tmp_path / "engine")
    web.name, engine.name = "web", "engine"
    group = ProcessGroup([engine, web])
    group.start()
    before = web.popen.pid, engine.popen.pid
    assert group.restart({"web"}) == [web]
    assert (web.popen.pid == before[0], engine.popen.pid == before[1]) == (False, True)
    assert web.running
    group.stop()


def test_what_a_process_prints_is_in_its_log(tmp_path):
    process = sleeper(tmp_path)
    group = ProcessGroup([process])
    group.start()
    until(lambda: process.log.exists() and "ready" in process.log.read_text())
    group.stop()


def test_a_killed_parent_leaves_nothing_behind(tmp_path):
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; sys.path.insert(0, sys.argv[1]);"
            "from tests.webapp.test_processes import sleeper;"
            "from pathlib import Path;"
            "p = sleeper(Path(sys.argv[2])); p.start(); print(p.popen.pid, flush=True);"
            "time.sleep(600)",
            os.getcwd(),
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    child = int(parent.stdout.readline())
    until(lambda: (tmp_path / "sleeper.log").exists())
    until(lambda: "ready" in (tmp_path / "sleeper.log").read_text())
    parent.kill()
    parent.wait()
    until(lambda: not alive(child))
