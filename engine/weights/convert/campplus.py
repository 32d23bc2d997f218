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
    network = _Network("campplus", load_tensors(weights))
    features = network.features("power")
    frames = network.dense_blocks(network.head(features))
    embedding = network.embedding(network.statistics(frames))
    return network.model({"power": (np.float32, ["voices", "frames", 256])}, embedding)


class _Network(Graph):
    """The parts of CAM++; each adds its nodes and returns its output.

    Layers and blocks are named by the prefix of their tensors in the checkpoint.
    """

    def features(self, power: str) -> str:
        """Return the logarithms of the mel bands, without their mean over time."""
        mel = self("MatMul", power, self.constant(_mel_filters()))
        x = self("Log", self("Max", mel, self.constant(np.finfo(np.float32).eps)))
        x = self("Sub", x, self("ReduceMean", x, axes=[1], keepdims=1))
        return self("Transpose", x, perm=[0, 2, 1])

    def head(self, features: str) -> str:
        """Return the convolutions over time and frequency, with the frequencies as channels."""
        x = self("Unsqueeze", features, self.constant([1], np.int64))
        x = self._relu(self._norm(self._conv2d(x, "head.conv1.weight"), "head.bn1"))
        for layer in ("layer1", "layer2"):
            x = self._residual(x, f"head.{layer}.0", 2)
            x = self._residual(x, f"head.{layer}.1", 1)
        x = self._relu(self._norm(self._conv2d(x, "head.conv2.weight", 2), "head.bn2"))
        return self("Reshape", x, self.constant([0, 320, 1, -1], np.int64))

    def dense_blocks(self, x: str) -> str:
        """Return the densely connected layers over time."""
        x = self._conv1d(x, "xvector.tdnn.linear", step=2)
        x = self._relu(self._norm(x, "xvector.tdnn.nonlinear.batchnorm"))
        for number, (layers, dilation) in enumerate(DENSE_BLOCKS, start=1):
            for layer_number in range(1, layers + 1):
                name = f"xvector.block{number}.tdnnd{layer_number}"
                x = self("Concat", x, self._dense_layer(x, name, dilation), axis=1)
            x = self._relu(self._norm(x, f"xvector.transit{number}.nonlinear.batchnorm"))
            x = self._conv1d(x, f"xvector.transit{number}.linear")
        return self._relu(self._norm(x, "xvector.out_nonlinear.batchnorm"))

    def statistics(self, x: str) -> str:
        """Return the mean and the standard deviation of each channel over time."""
        mean = self("ReduceMean", x, axes=[-1], keepdims=1)
        difference = self("Sub", x, mean)
        squares = self("Mul", difference, difference)
        total = self("ReduceSum", squares, self.constant([-1], np.int64))
        size = self("Cast", self("Shape", x, start=3), to=1)
        variance = self("Div", total, self("Sub", size, self.constant([1.0])))
        return self("Concat", mean, self("Sqrt", variance), axis=1)

    def embedding(self, statistics: str) -> str:
        x = self._conv1d(statistics, "xvector.dense.linear")
        x = self._norm(x, "xvector.dense.nonlinear.batchnorm")
        return self("Squeeze", x, self.constant([2, 3], np.int64))

    def _relu(self, x: str) -> str:
        return self("Relu", x)

    def _norm(self, x: str, name: str) -> str:
        shift = [f"{name}.running_mean", f"{name}.running_var"]
        if self.has(f"{name}.weight"):
            scale = [f"{name}.weight", f"{name}.bias"]
        else:
            size = len(self.tensor(shift[0]))
            scale = [self.constant(np.ones(size)), self.constant(np.zeros(size))]
        return self("BatchNormalization", x, *scale, *shift, epsilon=1e-5)

    def _conv2d(self, x: str, name: str, step: int = 1) -> str:
        edge = self.tensor(name).shape[-1] // 2
        return self("Conv", x, name, strides=[step, 1], pads=[edge] * 4)

    def _conv1d(self, x: str, name: str, step: int = 1, dilation: int = 1) -> str:
        # Over one row of an image: only for those does onnxruntime have its fast kernels.
        weight = self.tensor(f"{name}.weight")
        edge = weight.shape[-1] // 2 * dilation
        inputs = [x, self.constant(weight[:, :, None, :])]
        if self.has(f"{name}.bias"):
            inputs.append(f"{name}.bias")
        return self(
            "Conv", *inputs, strides=[1, step], dilations=[1, dilation], pads=[0, edge, 0, edge]
        )

    def _residual(self, x: str, name: str, step: int) -> str:
        conv1 = self._conv2d(x, f"{name}.conv1.weight", step)
        out = self._relu(self._norm(conv1, f"{name}.bn1"))
        out = self._norm(self._conv2d(out, f"{name}.conv2.weight"), f"{name}.bn2")
        if self.has(f"{name}.shortcut.0.weight"):
            shortcut = self._conv2d(x, f"{name}.shortcut.0.weight", step)
            x = self._norm(shortcut, f"{name}.shortcut.1")
        return self._relu(self("Add", out, x))

    def _dense_layer(self, x: str, name: str, dilation: int) -> str:
        x = self._relu(self._norm(x, f"{name}.nonlinear1.batchnorm"))
        x = self._conv1d(x, f"{name}.linear1")
        x = self._relu(self._norm(x, f"{name}.nonlinear2.batchnorm"))
        cam = f"{name}.cam_layer"
        local = self._conv1d(x, f"{cam}.linear_local", dilation=dilation)
        # The mean of all frames plus the mean of each 2 s: one and the same up to 2 s.
        mean = self("ReduceMean", x, axes=[-1], keepdims=1)
        gate = self("Add", mean, mean)
        gate = self._conv1d(self._relu(self._conv1d(gate, f"{cam}.linear1")), f"{cam}.linear2")
        return self("Mul", local, self("Sigmoid", gate))


def _mel_filters() -> npt.NDArray[np.float32]:
    """Return Kaldi's triangles from 20 Hz to 8 kHz, ``(256, 80)``."""
    mel = 1127.0 * np.log1p(np.arange(256) * SAMPLE_RATE / 512 / 700.0)
    low, high = 1127.0 * np.log1p(np.array([20.0, SAMPLE_RATE / 2]) / 700.0)
    edges = np.linspace(low, high, 82)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    filters: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return filters.astype(np.float32)
