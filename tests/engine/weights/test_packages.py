"""From a model's name to checked weights on this machine."""

from __future__ import annotations

import hashlib
import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.weights import packages as weights
from engine.weights.errors import MissingWeights
from engine.weights.packages import Package, find_weights, is_at_hand


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch) -> Path:
    """A model of a few bytes, called ``small``, in two packages."""
    for package, part in (("weights_one", b"first "), ("weights_two", b"second")):
        folder = tmp_path / "site" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "part").write_bytes(part)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    files = {"model.bin": (("weights_one", "part"), ("weights_two", "part"))}
    package = Package(files, hashlib.sha256(b"first second").hexdigest())
    monkeypatch.setitem(weights.PACKAGED, "small", package)
    return tmp_path / "cache"


def test_a_path_is_taken_as_it_is(tmp_path):
    (tmp_path / "model.bin").touch()
    assert find_weights(str(tmp_path), cache=tmp_path / "cache") == tmp_path


def test_a_path_without_a_model_is_named(tmp_path):
    with pytest.raises(MissingWeights, match=r"no model\.bin"):
        find_weights(str(tmp_path), cache=tmp_path / "cache")


def test_parts_are_joined_once(packaged):
    folder = find_weights("small", cache=packaged)
    model = folder / "model.bin"
    assert model.read_bytes() == b"first second"
    joined = model.stat().st_mtime_ns
    assert find_weights("small", cache=packaged) == folder
    assert model.stat().st_mtime_ns == joined


def test_parts_joined_by_two_at_once_are_whole(packaged):
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: find_weights("small", cache=packaged), range(8)))
    assert {(folder / "model.bin").read_bytes() for folder in folders} == {b"first second"}
    assert {path.name for path in packaged.iterdir() if path.is_dir()} == {folders[0].name}


def test_changed_weights_are_refused(packaged):
    folder = find_weights("small", cache=packaged)
    (folder / "model.bin").write_bytes(b"first Second")
    with pytest.raises(MissingWeights, match="sha256"):
        find_weights("small", cache=packaged)


def test_the_check_is_remembered_until_the_file_changes(packaged):
    find_weights("small", cache=packaged)
    (note,) = packaged.glob("checked-*.json")
    assert json.loads(note.read_text())["size"] == len(b"first second")


def test_a_model_that_is_nowhere_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingWeights, match="allow downloads"):
        find_weights("large-v2", cache=tmp_path)
    assert not is_at_hand("large-v2")


@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_the_packaged_models_are_at_hand(name):
    assert is_at_hand(name)
