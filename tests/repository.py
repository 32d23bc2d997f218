"""Content that no tracked file may have: addresses of package indexes, local paths, bulk."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST_BYTES = 600 * 1024
# Written in two halves so that this file does not hold what it forbids.
FORBIDDEN = {
    "a package index": re.compile(
        r"\"resolved\"|--(?:extra-)?index" + r"-url|--find" + r"-links|py" + r"pi\.org"
        r"|pythonhosted" + r"\.org|registry\.npm" + r"js|registry *= *\"?https?:"
    ),
    "a path of this machine": re.compile(
        "|".join(re.escape(str(path)) + r"\b" for path in (ROOT, Path.home()))
    ),
}


def complaints() -> list[str]:
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    found = []
    for name in filter(None, tracked):
        path = ROOT / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        if len(content) > LARGEST_BYTES:
            found.append(f"{name}: {len(content)} bytes; the most is {LARGEST_BYTES}")
        text = content.decode("utf-8", errors="ignore")
        found += [
            f"{name}:{text.count(chr(10), 0, match.start()) + 1}: holds {what}"
            for what, pattern in FORBIDDEN.items()
            for match in pattern.finditer(text)
        ]
    return found


if __name__ == "__main__":
    if lines := complaints():
        sys.exit("\n".join(lines))
