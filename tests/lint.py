"""`make lint`: every check of the code that runs nothing of it. Exits 1 when any fails."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = [
    *("webapp", "management", "transcripts", "speechclient", "network", "sandbox", "engine"),
    "tests",
]
# What a real deployment sets: `check --deploy` must find nothing to complain about.
DEPLOYED = {
    "EARSHOT_URL": "https://earshot.example.test",
    "EARSHOT_SECRET_KEY": "a-key-of-fifty-characters-for-the-deployment-check-0",
    "DJANGO_SETTINGS_MODULE": "webapp.settings",
}
ENGINE = {"DJANGO_SETTINGS_MODULE": "engine.settings"}
BOTH = DEPLOYED | {"DJANGO_SETTINGS_MODULE": "tests.settings"}

python = [sys.executable, "-m"]
CHECKS: dict[str, tuple[list[str], dict[str, str]]] = {
    "style": ([*python, "ruff", "check", "."], {}),
    "format": ([*python, "ruff", "format", "--check", "."], {}),
    "types": ([*python, "mypy", *PACKAGES], BOTH),
    "scripts and styles": ([*python, "tests.node"], {}),
    "templates": ([*python, "djlint", "templates", "--check", "--lint", "--quiet"], {}),
    "migrations": ([*python, "django", "makemigrations", "--check", "--dry-run"], DEPLOYED),
    "engine migrations": ([*python, "django", "makemigrations", "--check", "--dry-run"], ENGINE),
    "deployment": ([*python, "django", "check", "--deploy", "--fail-level", "WARNING"], DEPLOYED),
    "repository": ([*python, "tests.repository"], {}),
}


def run(name: str) -> bool:
    """Run one check and print its output when it has ended; True when it found nothing."""
    command, environ = CHECKS[name]
    environ = os.environ | environ
    result = subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(f"== {name}\n{result.stdout.decode(errors='replace')}", end="", flush=True)
    return result.returncode == 0


def main() -> None:
    # The types take as long as all the others together.
    first = sorted(CHECKS, key=lambda name: name != "types")
    with ThreadPoolExecutor(2) as threads:
        passed = dict(zip(first, threads.map(run, first), strict=True))
    failed = [name for name in CHECKS if not passed[name]]
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")
    print("All checks passed")


if __name__ == "__main__":
    main()
