"""Programs that tests need: found on the machine, or installed on Debian."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest


def needed(what: str, packages: str, find: Callable[[], Path]) -> Path:
    """Return the result of ``find``, after installing Debian's ``packages`` if it is missing.

    ``find`` raises ``FileNotFoundError`` when it is. Skips the test where nothing may be
    installed, and says what to install.
    """
    try:
        return find()
    except FileNotFoundError:
        pass
    if not is_root() or shutil.which("apt-get") is None:
        pytest.skip(f"{what} is not installed here: on Debian, apt-get install {packages}.")
    # Packages start what they install unless the run level says that services are down.
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with open(Path(tempfile.gettempdir()) / "earshot-tests-apt.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (
            ["apt-get", "update", "--quiet"],
            ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"],
        ):
            arguments = packages.split() if "install" in command else []
            done = subprocess.run([*command, *arguments], env=environ, capture_output=True)
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()[-300:]
                pytest.skip(f"{what} could not be installed: {said}")
    return find()


def found(*programs: str) -> Path:
    """The path of the first of ``programs`` that is here."""
    for program in programs:
        if path := shutil.which(program):
            return Path(path)
    raise FileNotFoundError(programs[0])


def is_root() -> bool:
    return os.geteuid() == 0
