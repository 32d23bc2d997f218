"""Read the tensors of a PyTorch checkpoint without PyTorch, and without running its code."""

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.weights.errors import MissingWeights

_STORAGES = {"FloatStorage": np.float32, "LongStorage": np.int64}


def load_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The state dict of a checkpoint: tensor name to array.

    A checkpoint that nests it under ``state_dict`` is understood too. Raises
    ``MissingWeights`` for a file that is no checkpoint or asks for anything but tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = pickled.removesuffix("data.pkl")
            content = _TensorUnpickler(archive, folder).load()
    except (OSError, zipfile.BadZipFile, StopIteration, KeyError, pickle.UnpicklingError) as error:
        raise MissingWeights(f"{path} is no checkpoint that can be read here") from error
    state = content.get("state_dict", content)
    return {name: value for name, value in state.items() if isinstance(value, np.ndarray)}


class _TensorUnpickler(pickle.Unpickler):
    """Knows dictionaries and tensors; every other class is refused."""

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
    """A strided view of a storage, as ``torch._utils._rebuild_tensor_v2`` makes it."""
    steps = [step * storage.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape=shape, strides=steps)
    return np.ascontiguousarray(view)


def load_safetensors(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The float32 tensors of a safetensors file. Raises ``MissingWeights`` for anything else."""
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
    except (OSError, ValueError) as error:
        raise MissingWeights(f"{path} holds no safetensors") from error
    tensors = {}
    for name, about in header.items():
        if about.get("dtype") == "F32":
            start, end = (8 + length + offset for offset in about["data_offsets"])
            values = np.frombuffer(content[start:end], np.float32)
            tensors[name] = values.reshape(about["shape"])
    return tensors
