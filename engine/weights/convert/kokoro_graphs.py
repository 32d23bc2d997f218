"""The graph of Kokoro-82M, cut in two and altered to sound sooner.

The network speaks each text as if it stood alone, between some 0.4 s of silence on both sides,
which would be made only to be cut off, and all of it before any of it is heard. Here lengths and
melody come from the whole text (the first graph, a tenth of the work); sound is made of a chunk
of it at a time (the second), and

- only of what is heard: the silence is left out;
- the norms, which need the mean over the whole, take one from outside for a part of it;
- the convolutions of the generator, most of the work, are in floating point: int8 ones are
  slower on a processor, and less exact;
- the spectrum of the voice's source is a convolution: the operator STFT takes as long as three
  of the network's own.

Kokoro is an iSTFTNet on a StyleTTS 2 (arXiv 2306.07691). Its published int8 graph is known here by
the names of its nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from engine.weights.kokoro_values import BETWEEN

DECODER = "/decoder/"
GENERATOR = "/decoder/decoder/generator/"

FLOAT, INTEGER = 1, 7  # ONNX's numbers for 32-bit and 64-bit ones
KINDS = {"tokens": INTEGER, "last": INTEGER, "margins": INTEGER}


class _Part(NamedTuple):
    moments: int  # a frame is cut into so many
    channels: int


PARTS = {
    "/decoder/encode": _Part(1, 0),
    "/decoder/decode.": _Part(1, 0),
    "/noise_res.0/": _Part(20, 256),
    "/resblocks.0/": _Part(20, 256),
    "/resblocks.1/": _Part(20, 256),
    "/resblocks.2/": _Part(20, 256),
    "/noise_res.1/": _Part(120, 128),
    "/resblocks.3/": _Part(120, 128),
    "/resblocks.4/": _Part(120, 128),
    "/resblocks.5/": _Part(120, 128),
}


def convert_frames(model: bytes) -> bytes:
    """Return the first graph: tokens, style and speed to ``BETWEEN``.

    It has two inputs more: ``last``, (1,), is the number of the last token that is no mark, and
    ``margins``, (2,), the frames of 25 ms that are made before the first sound and from the
    beginning of the last one on.
    """
    return _altered(model).part((), BETWEEN)


def convert_sound(model: bytes) -> bytes:
    """Return the second graph: ``BETWEEN`` to ``audio``, (samples,), at 24,000 Hz.

    The means that its norms use are ``own``, (1,), parts of those over what it is given, and for
    the rest ``norms``, (1, means, 1); those used come out as ``norms_used``. With other values
    ``own`` and ``norms`` a chunk sounds as it would in the whole.
    """
    return _altered(model).part(BETWEEN, ("audio", "norms_used"))


def _altered(model: bytes) -> _Surgery:
    surgery = _Surgery(onnx.load_model_from_string(model))
    for node in surgery.nodes:
        if node.op_type == "STFT":
            surgery.convolve_spectrum(node)
        elif node.op_type == "ConvInteger" and node.name.startswith(GENERATOR):
            surgery.float_convolution(node)
        elif node.op_type == "ReduceMean" and node.name.startswith(DECODER):
            surgery.count_silence(node)
    surgery.share_norms()
    surgery.crop()
    return surgery


class _Surgery:
    """Replaces nodes of an ONNX graph; only what is still needed is written."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.nodes = list(model.graph.node)
        self._constants = {one.name: one for one in model.graph.initializer}
        self._makers = {name: node for node in self.nodes for name in node.output}
        self._takers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self._takers.setdefault(name, []).append(node)
        self._norms: dict[str, int] = {}  # the means of the generator and their channels

    def crop(self) -> None:
        """Cut what the decoder is given: the sounds by frames, pitch and loudness by half ones."""
        ends = "/encoder/CumSum_output_0"  # of each token, in frames
        zero, one = self._constant("crop_0", [0]), self._constant("crop_1", [1])
        two = self._constant("crop_2", [2])
        whole = self._constant("crop_whole", [-1])
        all_of_it = self._constant("crop_all", np.ones(1, np.float32))
        self._add(
            _node("Gather", [ends, zero], "crop_sound"),
            _node("Gather", ["margins", zero], "crop_before"),
            _node("Sub", ["crop_sound", "crop_before"], "crop_wanted"),
            _node("Max", ["crop_wanted", zero], "crop_begin"),
            _node("Sub", ["last", one], "crop_previous"),
            _node("Gather", [ends, "crop_previous"], "crop_last"),
            _node("Gather", ["margins", one], "crop_after"),
            _node("Add", ["crop_last", "crop_after"], "crop_far"),
            _node("Gather", [ends, whole], "crop_length"),
            _node("Min", ["crop_far", "crop_length"], "crop_end"),
            _node("Sub", ["crop_length", "crop_end"], "crop_behind"),
            *_share("crop_begin", "crop_length", "silence_before"),
            *_share("crop_behind", "crop_length", "silence_behind"),
            _node("Sub", [all_of_it, "silence_before"], "crop_rest"),
            _node("Sub", ["crop_rest", "silence_behind"], "sound_kept"),
            _node("Mul", ["crop_begin", two], "crop_begin_halves"),
            _node("Mul", ["crop_end", two], "crop_end_halves"),
        )
        for result, axis, unit in (
            ("/encoder/MatMul_1_output_0", two, ""),
            ("/encoder/Reshape_output_0", one, "_halves"),
            ("/encoder/Reshape_1_output_0", one, "_halves"),
        ):
            node = self._makers[result]
            node.output[0] = f"{result}_whole"
            bounds = [f"crop_begin{unit}", f"crop_end{unit}", axis]
            self._add(node, _node("Slice", [node.output[0], *bounds], result))

    def count_silence(self, mean: Any) -> None:
        """The mean over time as it were with the silence that was cut off.

        The network divides by it, and what is loud would be too quiet without. Silence is even:
        one moment of it, a frame from the end of what is left, stands for all.
        """
        ((moments, channels),) = (part for name, part in PARTS.items() if name in mean.name)
        sound, result = mean.input[0], mean.output[0]
        if channels:
            self._norms[result] = channels
            result = f"{result}_own"
        mean.output[0] = f"{result}_kept"
        first = self._constant(f"moment_{moments}", [moments])
        last = self._constant(f"moment_last_{moments}", [-1 - moments])
        self._add(
            mean,
            _node("Gather", [sound, first], f"{result}_first", axis=2),
            _node("Gather", [sound, last], f"{result}_last", axis=2),
            _node("Mul", [mean.output[0], "sound_kept"], f"{result}_0"),
            _node("Mul", [f"{result}_first", "silence_before"], f"{result}_1"),
            _node("Mul", [f"{result}_last", "silence_behind"], f"{result}_2"),
            _node("Add", [f"{result}_0", f"{result}_1"], f"{result}_3"),
            _node("Add", [f"{result}_3", f"{result}_2"], result),
        )

    def share_norms(self) -> None:
        """Mix the means of the generator with those from outside."""
        one = self._constant("norms_all", np.ones(1, np.float32))
        sizes = self._constant("norms_sizes", list(self._norms.values()))
        outside_names = [f"{result}_given" for result in self._norms]
        self._add(
            _node("Sub", [one, "own"], "norms_rest"),
            _nodes("Split", ["norms", sizes], outside_names, axis=1),
            _node("Concat", list(self._norms), "norms_used", axis=1),
        )
        for result, outside in zip(self._norms, outside_names, strict=True):
            self._add(
                _node("Mul", [f"{result}_own", "own"], f"{result}_part"),
                _node("Mul", [outside, "norms_rest"], f"{result}_rest"),
                _node("Add", [f"{result}_part", f"{result}_rest"], result),
            )

    def convolve_spectrum(self, stft: Any) -> None:
        """(1, samples) to (1, moments, bins, 2) by cosines and sines under the window."""
        signal, step, window = stft.input[:3]
        shape = self._value(window)
        bins = len(shape) // 2 + 1
        angles = 2 * np.pi * np.outer(np.arange(bins), np.arange(len(shape))) / len(shape)
        waves = np.concatenate([np.cos(angles), -np.sin(angles)]) * shape
        # The lowest and the highest bin have no imaginary part. It may not be negative either:
        # a phase of pi would turn into one of minus pi, which the network never saw.
        waves[[bins, -1]] = 0
        above = np.zeros(2 * bins, np.float32)
        above[[bins, -1]] = 1e-9
        self._add(
            _node("Unsqueeze", [signal, self._constant("stft_axis", [1])], "stft_signal"),
            _node(
                "Conv",
                [
                    "stft_signal",
                    self._constant("stft_waves", waves[:, np.newaxis].astype(np.float32)),
                    self._constant("stft_above", above),
                ],
                "stft_parts",
                strides=[int(self._value(step))],
            ),
            _node(
                "Reshape",
                ["stft_parts", self._constant("stft_shape", [0, 2, bins, -1])],
                "stft_split",
            ),
            _node("Transpose", ["stft_split"], stft.output[0], perm=[0, 3, 2, 1]),
        )

    def float_convolution(self, convolution: Any) -> None:
        """One ``Conv`` for the nodes that quantize, convolve, add the bias and scale back."""
        sound, weights, _, zero_point = convolution.input
        scale = self._value(weights.removesuffix("_quantized") + "_scale")
        levels = self._value(weights).astype(np.float32) - np.float32(self._value(zero_point))
        following = self._taker(convolution)
        inputs = [
            self._makers[sound].input[0],
            self._constant(f"{weights}_float", levels * scale),
        ]
        if following.op_type == "Add":
            inputs.append(self._bias(following, convolution.output[0]))
            following = self._taker(following)
        scaled = self._taker(following)  # a Cast and its Mul
        node = _node("Conv", inputs, scaled.output[0])
        node.attribute.extend(convolution.attribute)
        self._add(node)

    def part(self, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
        """Return the model that leads from ``inputs`` to ``outputs``.

        Values that no node makes are inputs as well.
        """
        needs: dict[str, list[str]] = {}
        waiting = list(outputs)
        while waiting:
            name = waiting.pop()
            if name not in needs:
                node = None if name in inputs else self._makers.get(name)
                needs[name] = [one for one in node.input if one] if node else []
                waiting += needs[name]
        ordered = [name for name in TopologicalSorter(needs).static_order() if name not in inputs]
        made = {
            id(self._makers[name]): self._makers[name] for name in ordered if name in self._makers
        }
        constants = [self._constants[name] for name in ordered if name in self._constants]
        others = [name for name in ordered if name not in self._makers | self._constants]
        values = [
            helper.make_tensor_value_info(name, KINDS.get(name, FLOAT), None)
            for name in (*inputs, *others)
        ]
        results = [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs]
        graph = helper.make_graph(list(made.values()), "kokoro", values, results, constants)
        model = helper.make_model(
            graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version
        )
        return bytes(model.SerializeToString(deterministic=True))

    def _add(self, *nodes: Any) -> None:
        self._makers.update((name, node) for node in nodes for name in node.output)

    def _bias(self, addition: Any, convolved: str) -> str:
        """The bias before it was quantized: divided by the scale, rounded, cast, reshaped."""
        (name,) = (name for name in addition.input if name != convolved)
        for _ in range(3):
            name = self._makers[name].input[0]
        (bias,) = (name for name in self._makers[name].input if name in self._constants)
        return str(bias)

    def _taker(self, node: Any) -> Any:
        (taker,) = self._takers[node.output[0]]
        return taker

    def _value(self, name: str) -> npt.NDArray[Any]:
        return numpy_helper.to_array(self._constants[name])

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _share(part: str, whole: str, result: str) -> list[Any]:
    """Of one number of frames in another, as a fraction."""
    return [
        _node("Cast", [part], f"{result}_part", to=FLOAT),
        _node("Cast", [whole], f"{result}_whole", to=FLOAT),
        _node("Div", [f"{result}_part", f"{result}_whole"], result),
    ]


def _node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    return _nodes(op, inputs, [output], **attributes)


def _nodes(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    name = f"sooner/{outputs[0]}"
    return helper.make_node(op, list(inputs), list(outputs), name=name, **attributes)
