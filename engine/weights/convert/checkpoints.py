"""Tensors of a PyTorch checkpoint, read without PyTorch and without running its code."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.weights.errors import MissingWeights

_STORAGES = {"FloatStorage": np.float32, "LongStorage": np.int64}


def load_tensors(checkpoint: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the state dict of a checkpoint: tensor name to array.

    The state dict may also be nested under ``state_dict``. Raises ``MissingWeights`` for content
    that is no checkpoint or asks for anything but tensors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(checkpoint)) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = pickled.removesuffix("data.pkl")
            content = _TensorUnpickler(archive, folder).load()
    except (zipfile.BadZipFile, StopIteration, KeyError, pickle.UnpicklingError) as error:
        raise MissingWeights("the weights are no checkpoint that can be read here") from error
    state = content.get("state_dict", content)
    return {name: value for name, value in state.items() if isinstance(value, np.ndarray)}


class _TensorUnpickler(pickle.Unpickler):
    """Unpickler of dictionaries and tensors; every other class is rejected."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(folder + "data.pkl")))
        self._archive = archive
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no tensor")

    def persistent_load(self, pid: Any) -> npt.NDArray[Any]:
        _, storage, key, _, _ = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), _STORAGES[storage])


def _tensor(
    storage: npt.NDArray[Any], offset: int, shape: Sequence[int], stride: Sequence[int], *_: Any
) -> npt.NDArray[Any]:
    """Return a tensor of a part of ``storage``, as ``torch._utils._rebuild_tensor_v2`` does."""
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape=shape, strides=steps).copy()
