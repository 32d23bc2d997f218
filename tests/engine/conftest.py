"""Fixtures that the tests of REST and of the sockets share."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from engine.env import Environment, read_environment
from tests.debian import found, needed
from tests.engine.engine import ROOT

# EARSHOT_CASES=200 looks longer.
settings.register_profile(
    "engine", max_examples=max(50, int(os.environ.get("EARSHOT_CASES", "0"))), deadline=None
)
settings.load_profile("engine")


@pytest.fixture
def environment(settings: Any, tmp_path: Path) -> Environment:
    """Default environment of an engine with a data folder of its own."""
    settings.ENVIRONMENT = made = read_environment({"EARSHOT_DATA": str(tmp_path)})
    return made


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js with the packages of package.json."""
    npm = needed("npm", "nodejs npm", lambda: found("npm"))
    if not node_packages_match_the_lock():
        done = subprocess.run([npm, "ci"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm ci failed, the JavaScript SDK is not driven: {done.stderr[-300:]}")
    return str(found("node"))


def node_packages_match_the_lock() -> bool:
    """Return True when every package of package-lock.json is installed in its version."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    manifests = [ROOT / place / "package.json" for place in packages if place]
    versions = [found["version"] for place, found in packages.items() if place]
    return all(
        manifest.is_file() and json.loads(manifest.read_text())["version"] == version
        for manifest, version in zip(manifests, versions, strict=True)
    )
