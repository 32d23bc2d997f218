"""Node.js and the packages of package.json: `python -m tests.node` lints scripts and styles."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import found, needed

ROOT = Path(__file__).resolve().parent.parent
BIOME = ROOT / "node_modules" / ".bin" / "biome"


def node() -> Path:
    """Return the path of Node.js, after installing the packages of package-lock.json.

    Skips the test where that is not possible, and says why.
    """
    npm = needed("npm", "nodejs npm", lambda: found("npm"))
    if not packages_match_the_lock():
        done = subprocess.run([npm, "ci"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm ci failed: {done.stderr[-300:]}")
    return found("node")


def packages_match_the_lock() -> bool:
    """Return True when every package of package-lock.json is installed in its version.

    Packages for other platforms are optional and may be missing.
    """
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    locked = {place: facts for place, facts in packages.items() if place}
    return all(
        installed_version(place) == facts["version"]
        or (facts.get("optional", False) and installed_version(place) is None)
        for place, facts in locked.items()
    )


def installed_version(place: str) -> str | None:
    manifest = ROOT / place / "package.json"
    if not manifest.is_file():
        return None
    version: str = json.loads(manifest.read_text())["version"]
    return version


def lint(*files: str) -> int:
    """Lint the scripts and styles, or those named; return Biome's exit code."""
    try:
        node()
    except pytest.skip.Exception as reason:
        print(f"Scripts and styles cannot be checked: {reason}")
        return 1
    command = [str(BIOME), "lint", "--error-on-warnings", "--no-errors-on-unmatched", *files]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(lint(*sys.argv[1:]))
