"""One command runs everything, and says in a sentence why it cannot."""

import os
import signal
import subprocess
import sys

import pytest

from tests.product import ROOT, Product, free_port, until

pytestmark = pytest.mark.full


def test_a_second_one_on_the_same_data_is_refused(product):
    environ = product.environ | {"PORT": str(free_port()), "ENGINE_PORT": str(free_port())}
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Earshot already runs on {product.data}" in second.stderr


def test_a_port_in_use_is_named_with_what_to_set(product, tmp_path):
    environ = product.environ | {"EARSHOT_DATA": str(tmp_path), "ENGINE_PORT": str(free_port())}
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert f"Cannot listen on 127.0.0.1:{product.port}" in second.stderr
    assert "Set PORT to a free port" in second.stderr


def test_a_killed_group_leaves_nothing_behind_and_no_recording_is_lost(tmp_path, talk):
    running = Product(tmp_path, ENGINE_WARM_VOICES="")  # nothing speaks
    running.start()
    member = running.member()
    recording = member.upload(talk).recording
    names = {"engine", "web", "worker", "beat"}
    until(lambda: set(running.processes()) == names, 20, "every child runs")
    children = running.processes()
    running.stop(signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in children.values()), 20, "every child is gone")
    running.start()
    try:
        assert running.member().transcript(recording, 120)
    finally:
        running.stop()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that has ended and was not waited for is no process any more.
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"
