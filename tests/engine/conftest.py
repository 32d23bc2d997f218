"""What the tests of REST and of the sockets share."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.engine.engine import ROOT


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js with the packages of package.json."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip(
            "Node.js is not installed: the JavaScript SDK is not driven. Install nodejs, npm."
        )
    if not (ROOT / "node_modules" / "@deepgram" / "sdk").is_dir():
        done = subprocess.run([npm, "ci"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm ci failed, the JavaScript SDK is not driven: {done.stderr[-300:]}")
    return program
