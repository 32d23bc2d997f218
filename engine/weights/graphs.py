"""Networks written down as ONNX graphs around the weights of a checkpoint."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

Tensors = dict[str, npt.NDArray[Any]]

OPSET = 17
IR_VERSION = 9


class Graph:
    """An ONNX graph under construction; a value is known by its name.

    ``graph("Conv", x, "head.weight", pads=[1, 1])`` adds a node and returns its output. An
    input that names a tensor of the checkpoint brings that tensor along.
    """

    def __init__(self, name: str, tensors: Tensors) -> None:
        self._name = name
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: Tensors = {}

    def __call__(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        from onnx import helper  # only needed once, when a model is written

        for name in inputs:
            if name in self._tensors:
                self._constants[name] = self._tensors[name]
        names = [f"{op}_{len(self._nodes)}_{index}" for index in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants[name] = np.asarray(value, dtype)
        return name

    def tensor(self, name: str) -> npt.NDArray[Any]:
        return self._tensors[name]

    def has(self, name: str) -> bool:
        return name in self._tensors

    def write(self, path: Path, inputs: dict[str, tuple[type, list[Any]]], output: str) -> None:
        """Write the model to ``path``, which appears whole or not at all.

        ``inputs`` gives each input's element type and shape, free dimensions by name.
        """
        from onnx import helper, numpy_helper

        values = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape
            )
            for name, (kind, shape) in inputs.items()
        ]
        result = helper.make_empty_tensor_value_info(output)
        constants = [
            numpy_helper.from_array(np.ascontiguousarray(value), name)
            for name, value in self._constants.items()
        ]
        graph = helper.make_graph(self._nodes, self._name, values, [result], constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        write_whole(path, model.SerializeToString())


def write_whole(path: Path, content: bytes) -> None:
    """Write ``path``, which appears whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def written(path: Path, write: Callable[[Path], None]) -> Path:
    """``path``, written first by ``write`` if it is not there yet."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    return path


def open_session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """The model at ``path`` ready to run, each run with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take the cores from recognition.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena keeps the memory of the longest input for good: 75 MiB after one long clause, and
    # the same processor time.
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
