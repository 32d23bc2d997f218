"""Checkpoints of PyTorch, read without PyTorch: tensors of any layout, and nothing else."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from engine.weights.convert.checkpoints import load_tensors
from engine.weights.errors import MissingWeights


class FloatStorage:
    """Named like the class of PyTorch that a checkpoint refers to."""


class LongStorage:
    """The same of 64-bit integers."""


def _rebuild_tensor_v2(*parts: Any) -> None:
    """Named like the function of PyTorch that a checkpoint refers to."""


class Tensor:
    """A tensor as PyTorch pickles it: a view of a storage that is a file of the archive."""

    def __init__(self, values: Any, offset: int, shape: Any, stride: Any) -> None:
        self.values = np.asarray(values)
        self.layout = offset, shape, stride

    def __reduce__(self) -> Any:
        return _rebuild_tensor_v2, (self, *self.layout, False, OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2)
        self.storages: dict[str, bytes] = {}
        self._reduced: set[int] = set()

    def persistent_id(self, value: Any) -> Any:
        # The first time a tensor is pickled it is reduced; inside that, it stands for its storage.
        if not isinstance(value, Tensor):
            return None
        if id(value) not in self._reduced:
            self._reduced.add(id(value))
            return None
        key = str(len(self.storages))
        self.storages[key] = value.values.tobytes()
        kind = FloatStorage if value.values.dtype == np.float32 else LongStorage
        return "storage", kind, key, "cpu", value.values.size


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of PyTorch's modules, which are needed to write a checkpoint and not to read it."""
    package, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    package.FloatStorage, package.LongStorage = FloatStorage, LongStorage  # type: ignore[attr-defined]
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    for kind in (FloatStorage, LongStorage):
        monkeypatch.setattr(kind, "__module__", "torch")
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def checkpoint(content: Any) -> bytes:
    pickled, archived = io.BytesIO(), io.BytesIO()
    pickler = Pickler(pickled)
    pickler.dump(content)
    with zipfile.ZipFile(archived, "w") as archive:
        archive.writestr("model/data.pkl", pickled.getvalue())
        for key, storage in pickler.storages.items():
            archive.writestr(f"model/data/{key}", storage)
    return archived.getvalue()


SIX = np.arange(6, dtype=np.float32)


@pytest.mark.parametrize(
    ("offset", "shape", "stride", "values"),
    [
        (0, (2, 3), (3, 1), [[0, 1, 2], [3, 4, 5]]),
        (0, (3, 2), (1, 3), [[0, 3], [1, 4], [2, 5]]),  # transposed
        (2, (2, 2), (2, 1), [[2, 3], [4, 5]]),  # a part of a storage
        (1, (2, 3), (0, 1), [[1, 2, 3], [1, 2, 3]]),  # expanded
        (5, (), (), 5),
    ],
)
def test_a_tensor_is_a_view_of_its_storage(offset: int, shape: Any, stride: Any, values: Any):
    (tensor,) = load_tensors(checkpoint({"w": Tensor(SIX, offset, shape, stride)})).values()
    assert tensor.tolist() == values
    assert (tensor.shape, tensor.flags["C_CONTIGUOUS"]) == (shape, True)


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_a_tensor_has_the_type_of_its_storage(kind: type):
    values: Any = np.array([1, 2], kind)
    (tensor,) = load_tensors(checkpoint({"w": Tensor(values, 0, (2,), (1,))})).values()
    assert tensor.dtype == kind


def test_a_state_may_be_nested_and_ordered():
    state = OrderedDict(w=Tensor(SIX, 0, (6,), (1,)))
    assert load_tensors(checkpoint({"epoch": 3, "state_dict": state})).keys() == {"w"}
    assert load_tensors(checkpoint(state)).keys() == {"w"}


def test_other_facts_of_a_state_are_left_out():
    content = {"w": Tensor(SIX, 0, (6,), (1,)), "version": 2, "name": "small"}
    assert load_tensors(checkpoint(content)).keys() == {"w"}


@pytest.mark.parametrize("content", [{"w": sys}, {"w": print}, {"w": complex(1, 2)}])
def test_any_other_object_is_rejected(content: Any):
    try:
        archive = checkpoint(content)
    except TypeError:  # a module cannot be pickled at all
        return
    with pytest.raises(MissingWeights, match="no checkpoint that can be read"):
        load_tensors(archive)


def test_a_missing_storage_is_rejected():
    whole = checkpoint({"w": Tensor(SIX, 0, (6,), (1,))})
    without = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(without, "w") as target:
        target.writestr("model/data.pkl", source.read("model/data.pkl"))
    with pytest.raises(MissingWeights, match="no checkpoint that can be read"):
        load_tensors(without.getvalue())
