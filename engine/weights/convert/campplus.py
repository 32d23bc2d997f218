"""CAM++ as an ONNX graph (arXiv 2303.00332), with Kaldi's mel filters in front."""

import numpy as np
import numpy.typing as npt

from engine.weights.convert.builder import Graph
from engine.weights.convert.checkpoints import load_tensors

SAMPLE_RATE = 16_000
DENSE_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation


def convert(weights: bytes) -> bytes:
    """Return the ONNX model of a CAM++ checkpoint.

    Takes ``power``, (voices, frames, 256); gives one embedding a voice, (voices, 192).
    """
    graph = Graph("campplus", load_tensors(weights))

    def relu(x: str) -> str:
        return graph("Relu", x)

    def norm(x: str, name: str) -> str:
        shift = [f"{name}.running_mean", f"{name}.running_var"]
        if graph.has(f"{name}.weight"):
            scale = [f"{name}.weight", f"{name}.bias"]
        else:
            size = len(graph.tensor(shift[0]))
            scale = [graph.constant(np.ones(size)), graph.constant(np.zeros(size))]
        return graph("BatchNormalization", x, *scale, *shift, epsilon=1e-5)

    def conv2d(x: str, name: str, step: int = 1) -> str:
        edge = graph.tensor(name).shape[-1] // 2
        return graph("Conv", x, name, strides=[step, 1], pads=[edge] * 4)

    def block(x: str, name: str, step: int) -> str:
        out = relu(norm(conv2d(x, f"{name}.conv1.weight", step), f"{name}.bn1"))
        out = norm(conv2d(out, f"{name}.conv2.weight"), f"{name}.bn2")
        if graph.has(f"{name}.shortcut.0.weight"):
            x = norm(conv2d(x, f"{name}.shortcut.0.weight", step), f"{name}.shortcut.1")
        return relu(graph("Add", out, x))

    def conv1d(x: str, name: str, step: int = 1, dilation: int = 1) -> str:
        # Over one row of an image: only for those does onnxruntime have its fast kernels.
        weight = graph.tensor(f"{name}.weight")
        edge = weight.shape[-1] // 2 * dilation
        inputs = [x, graph.constant(weight[:, :, None, :])]
        if graph.has(f"{name}.bias"):
            inputs.append(f"{name}.bias")
        return graph(
            "Conv", *inputs, strides=[1, step], dilations=[1, dilation], pads=[0, edge, 0, edge]
        )

    def dense_layer(x: str, name: str, dilation: int) -> str:
        x = relu(norm(x, f"{name}.nonlinear1.batchnorm"))
        x = conv1d(x, f"{name}.linear1")
        x = relu(norm(x, f"{name}.nonlinear2.batchnorm"))
        cam = f"{name}.cam_layer"
        local = conv1d(x, f"{cam}.linear_local", dilation=dilation)
        # The mean of all frames plus the mean of each 2 s: one and the same up to 2 s.
        mean = graph("ReduceMean", x, axes=[-1], keepdims=1)
        gate = graph("Add", mean, mean)
        gate = conv1d(relu(conv1d(gate, f"{cam}.linear1")), f"{cam}.linear2")
        return graph("Mul", local, graph("Sigmoid", gate))

    mel = graph("MatMul", "power", graph.constant(_mel_filters()))
    x = graph("Log", graph("Max", mel, graph.constant(np.finfo(np.float32).eps)))
    x = graph("Sub", x, graph("ReduceMean", x, axes=[1], keepdims=1))
    x = graph("Transpose", x, perm=[0, 2, 1])
    x = graph("Unsqueeze", x, graph.constant([1], np.int64))
    x = relu(norm(conv2d(x, "head.conv1.weight"), "head.bn1"))
    for layer in ("layer1", "layer2"):
        x = block(block(x, f"head.{layer}.0", 2), f"head.{layer}.1", 1)
    x = relu(norm(conv2d(x, "head.conv2.weight", 2), "head.bn2"))
    x = graph("Reshape", x, graph.constant([0, 320, 1, -1], np.int64))

    x = conv1d(x, "xvector.tdnn.linear", step=2)
    x = relu(norm(x, "xvector.tdnn.nonlinear.batchnorm"))
    for number, (layers, dilation) in enumerate(DENSE_BLOCKS, start=1):
        for layer_number in range(1, layers + 1):
            name = f"xvector.block{number}.tdnnd{layer_number}"
            x = graph("Concat", x, dense_layer(x, name, dilation), axis=1)
        x = relu(norm(x, f"xvector.transit{number}.nonlinear.batchnorm"))
        x = conv1d(x, f"xvector.transit{number}.linear")
    x = relu(norm(x, "xvector.out_nonlinear.batchnorm"))

    mean = graph("ReduceMean", x, axes=[-1], keepdims=1)
    apart = graph("Sub", x, mean)
    squares = graph("ReduceSum", graph("Mul", apart, apart), graph.constant([-1], np.int64))
    size = graph("Cast", graph("Shape", x, start=3), to=1)
    variance = graph("Div", squares, graph("Sub", size, graph.constant([1.0])))
    x = graph("Concat", mean, graph("Sqrt", variance), axis=1)
    x = conv1d(x, "xvector.dense.linear")
    x = norm(x, "xvector.dense.nonlinear.batchnorm")
    x = graph("Squeeze", x, graph.constant([2, 3], np.int64))
    return graph.model({"power": (np.float32, ["voices", "frames", 256])}, x)


def _mel_filters() -> npt.NDArray[np.float32]:
    """Return Kaldi's triangles from 20 Hz to 8 kHz, ``(256, 80)``."""
    mel = 1127.0 * np.log1p(np.arange(256) * SAMPLE_RATE / 512 / 700.0)
    low, high = 1127.0 * np.log1p(np.array([20.0, SAMPLE_RATE / 2]) / 700.0)
    edges = np.linspace(low, high, 82)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    filters: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters.astype(np.float32)
