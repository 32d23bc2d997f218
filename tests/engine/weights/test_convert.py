"""Conversion of packaged weights: ``python -m engine.weights.convert``."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.weights.convert.__main__ import CONVERSIONS, convert, main
from engine.weights.convert.checkpoints import load_tensors
from engine.weights.converted import (
    CAMPPLUS,
    FOLDER,
    KOKORO_FRAMES,
    KOKORO_SOUND,
    MINILM,
    SEGMENTATION,
    SOURCES,
    Source,
    converted,
)
from engine.weights.errors import MissingWeights
from tests.engine.engine import ROOT

pytestmark = pytest.mark.full


@pytest.fixture
def only_small(small, monkeypatch) -> str:
    for name in [name for name in SOURCES if name != small]:
        monkeypatch.delitem(SOURCES, name)
    return small


def test_each_source_has_a_conversion():
    assert SOURCES.keys() == CONVERSIONS.keys()


@pytest.mark.full
@pytest.mark.parametrize("name", [CAMPPLUS, SEGMENTATION, MINILM, KOKORO_FRAMES, KOKORO_SOUND])
def test_conversion_is_deterministic(name, tmp_path):
    convert(name, tmp_path)
    records = [(folder / f"{name}.sha256").read_text() for folder in (tmp_path, FOLDER)]
    assert records[0] == records[1]


def test_the_command_converts_once(only_small, tmp_path, capsys):
    main(tmp_path)
    assert f"Converted {only_small}" in capsys.readouterr().out
    converted_at = (tmp_path / only_small).stat().st_mtime_ns
    main(tmp_path)
    assert capsys.readouterr().out == ""
    assert (tmp_path / only_small).stat().st_mtime_ns == converted_at


@pytest.mark.parametrize("lost", ["model", "model.sha256"])
def test_the_command_completes_an_interrupted_conversion(only_small, tmp_path, lost):
    main(tmp_path)
    (tmp_path / "small" / lost).unlink()
    main(tmp_path)
    assert converted(only_small, tmp_path).read_bytes() == b"FIRST SECOND"


def test_the_command_converts_a_changed_file_again(only_small, tmp_path):
    main(tmp_path)
    (tmp_path / only_small).write_bytes(b"FIRST")
    main(tmp_path)
    assert converted(only_small, tmp_path).read_bytes() == b"FIRST SECOND"


def test_the_command_skips_weights_that_are_not_installed(
    only_small, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(SOURCES, "other", Source((("no_such_package", "model"),), ""))
    main(tmp_path)
    assert "Skipping other: no_such_package is not installed" in capsys.readouterr().out
    assert converted(only_small, tmp_path)


def test_changed_weights_are_rejected(only_small, tmp_path):
    (tmp_path / "site" / "weights_1" / "part").write_bytes(b"Second")
    with pytest.raises(SystemExit, match=r"weights_0/part has sha256 .*: install it again"):
        main(tmp_path)
    assert not (tmp_path / only_small).exists()


@pytest.mark.full
def test_the_engine_loads_its_models_without_the_conversion(tmp_path):
    program = """
import sys, django
django.setup()
import engine.__main__, engine.asgi
from engine.gateway.operations import find_operation
from engine.speech.diarization.diarizer import Diarizer
from engine.text.embeddings import Embeddings
find_operation("/healthz", "GET")  # loads every view
Diarizer(), Embeddings()
conversion = {"onnx", "safetensors", "engine.weights.convert"} & sys.modules.keys()
print(sorted(conversion))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "engine.settings", "EARSHOT_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


class Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_a_checkpoint_runs_no_code(tmp_path, capsys):
    path: Path = tmp_path / "harmful.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Harmful()))
    with pytest.raises(MissingWeights, match="no checkpoint"):
        load_tensors(path.read_bytes())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_other_content_is_no_checkpoint(content):
    with pytest.raises(MissingWeights, match="no checkpoint"):
        load_tensors(content)
