from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

import pytest

from engine.weights.convert.__main__ import CONVERSIONS
from engine.weights.converted import SOURCES, Source

WEIGHTS = (b"first ", b"second")


@pytest.fixture
def small(tmp_path: Path, monkeypatch) -> str:
    """The name of a conversion of a few bytes, whose source is in two packages."""
    parts = []
    for number, part in enumerate(WEIGHTS):
        folder = tmp_path / "site" / f"weights_{number}"
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "part").write_bytes(part)
        parts.append((folder.name, "part"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    source = Source(tuple(parts), hashlib.sha256(b"".join(WEIGHTS)).hexdigest())
    monkeypatch.setitem(SOURCES, "small/model", source)
    monkeypatch.setitem(CONVERSIONS, "small/model", bytes.upper)
    return "small/model"
