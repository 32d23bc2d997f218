"""ONNX graphs built around the weights of a checkpoint."""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper, numpy_helper

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

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        (output,) = self.outputs(1, op, *inputs, **attributes)
        return output

    def outputs(self, count: int, op: str, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs and return them."""
        for name in inputs:
            if name in self._tensors:
                self._constants[name] = self._tensors[name]
        names = [f"{op}_{len(self._nodes)}_{index}" for index in range(count)]
        self._nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants[name] = np.asarray(value, dtype)
        return name

    def tensor(self, name: str) -> npt.NDArray[Any]:
        return self._tensors[name]

    def has(self, name: str) -> bool:
        return name in self._tensors

    def model(self, inputs: dict[str, tuple[type, list[Any]]], output: str) -> bytes:
        """Return the serialized model.

        ``inputs`` gives each input's element type and shape, free dimensions by name.
        """
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
        return bytes(model.SerializeToString(deterministic=True))
