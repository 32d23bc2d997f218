"""``python -m engine.weights.convert``: convert the installed weights, where that is not done yet.

Writes into ``share/earshot/models`` of the Python environment. Files whose recorded digest is
still theirs are kept; weights that are not installed are skipped. Part of ``make install``.
"""

from __future__ import annotations

import hashlib
import lzma
import sys
import time
from collections.abc import Callable
from pathlib import Path

from engine.weights.convert import campplus, kokoro_graphs, minilm, segmentation
from engine.weights.converted import (
    CAMPPLUS,
    FOLDER,
    FRENCH,
    KOKORO_FRAMES,
    KOKORO_SOUND,
    MINILM,
    SEGMENTATION,
    SOURCES,
    WHISPER_BASE,
    Source,
    converted,
    keep,
)
from engine.weights.errors import MissingWeights

CONVERSIONS: dict[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(WHISPER_BASE, bytes),
    CAMPPLUS: campplus.convert,
    SEGMENTATION: segmentation.convert,
    MINILM: minilm.convert,
    KOKORO_FRAMES: kokoro_graphs.convert_frames,
    KOKORO_SOUND: kokoro_graphs.convert_sound,
    FRENCH: lzma.decompress,
}


def main(folder: Path = FOLDER) -> None:
    for name, source in SOURCES.items():
        if not source.is_installed():
            print(f"Skipping {name}: {source.parts[0][0]} is not installed", flush=True)
        elif not _is_converted(name, folder):
            started = time.monotonic()
            try:
                convert(name, folder)
            except MissingWeights as error:
                sys.exit(f"{name} cannot be converted: {error}")
            print(f"Converted {name} in {time.monotonic() - started:.1f} s", flush=True)


def convert(name: str, folder: Path) -> None:
    """Convert the source of ``name`` into ``folder``. Raises ``MissingWeights``."""
    keep(folder / name, CONVERSIONS[name](read_source(SOURCES[name])))


def read_source(source: Source) -> bytes:
    """Return the content of ``source``, joined from its parts.

    Raises ``MissingWeights`` when a part is not installed, or the sha256 is another.
    """
    files = source.files()
    content = b"".join(file.read_bytes() for file in files)
    actual = hashlib.sha256(content).hexdigest()
    if actual != source.sha256:
        raise MissingWeights(
            f"{files[0]} has sha256 {actual}, expected {source.sha256}: install it again"
        )
    return content


def _is_converted(name: str, folder: Path) -> bool:
    try:
        converted(name, folder)
    except MissingWeights:
        return False
    return True


if __name__ == "__main__":
    main()
