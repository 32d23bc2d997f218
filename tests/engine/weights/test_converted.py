"""Converted weights are opened only when their content has the recorded digest."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from engine.weights import files
from engine.weights.convert.__main__ import convert
from engine.weights.converted import (
    COMMAND,
    FOLDER,
    MINILM,
    SOURCES,
    Source,
    check_installed,
    converted,
)
from engine.weights.errors import MissingWeights
from tests.engine.engine import ROOT, free_port


def test_a_converted_file_is_opened(small, tmp_path):
    convert(small, tmp_path)
    assert converted(small, tmp_path).read_bytes() == b"FIRST SECOND"


def test_the_record_is_one_of_sha256sum(small, tmp_path):
    convert(small, tmp_path)
    digest = hashlib.sha256(b"FIRST SECOND").hexdigest()
    assert (tmp_path / "small" / "model.sha256").read_text() == f"{digest}  model\n"


def test_another_user_may_read_converted_files(small, tmp_path):
    convert(small, tmp_path)
    for path in (tmp_path / "small").iterdir():
        assert path.stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("lost", ["model", "model.sha256"])
def test_a_missing_file_names_the_command(small, tmp_path, lost):
    convert(small, tmp_path)
    (tmp_path / "small" / lost).unlink()
    with pytest.raises(MissingWeights, match=f"run `make install`, or `{COMMAND}`"):
        converted(small, tmp_path)


@pytest.mark.parametrize("content", [b"FIRST THIRD?", b"FIRST", b""])
def test_a_changed_file_names_the_command(small, tmp_path, content):
    convert(small, tmp_path)
    (tmp_path / small).write_bytes(content)
    with pytest.raises(MissingWeights, match=f"recorded .*: run `{COMMAND}`"):
        converted(small, tmp_path)


@pytest.mark.full
def test_weights_that_are_not_installed_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "other", Source((("no_such_package", "model"),), ""))
    with pytest.raises(MissingWeights, match="no_such_package/model is not on this machine"):
        converted("other", tmp_path)
    assert check_installed() == ["other"]


@pytest.mark.full
def test_the_engine_does_not_start_with_unconverted_weights(tmp_path):
    program = (
        "import engine.__main__; from engine.weights.converted import KOKORO, SOURCES; "
        "SOURCES['unconverted'] = KOKORO; engine.__main__.main()"
    )
    environ = {"EARSHOT_DATA": str(tmp_path), "ENGINE_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"The engine cannot start: {FOLDER}/unconverted has not been converted: "
        f"run `make install`, or `{COMMAND}`."
    )


def test_a_process_reads_an_unchanged_file_once(small, tmp_path):
    convert(small, tmp_path)
    path = converted(small, tmp_path)
    read = files._digest.cache_info().misses
    assert converted(small, tmp_path) == path
    assert files._digest.cache_info().misses == read
    path.write_bytes(b"FIRST SECOND")
    os.utime(path, ns=(1, 1))
    assert converted(small, tmp_path) == path
    assert files._digest.cache_info().misses == read + 1


@pytest.mark.full
def test_installed_weights_are_converted_in_the_python_environment():
    assert converted(MINILM) == FOLDER / MINILM
    assert check_installed() == []
