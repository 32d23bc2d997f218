"""The graph of Kokoro-82M, altered to sound sooner by some two fifths for a short clause.

The network speaks each text as if it stood alone, between some 0.4 s of silence on both sides,
which would be made only to be cut off. Here lengths and melody still come from the whole, but
sound is made only of what is heard, and of that

- the convolutions of the generator, most of the work, are in floating point: int8 ones are
  slower on a processor, and less exact;
- the spectrum of the voice's source is a convolution: the operator STFT takes as long as three
  of the network's own.

Kokoro is an iSTFTNet on a StyleTTS 2 (arXiv 2306.07691). Its published int8 graph is known here by
the names of its nodes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DECODER = "/decoder/"
GENERATOR = "/decoder/decoder/generator/"
# How finely the parts of the decoder cut time.
MOMENTS_PER_FRAME = {
    "/decoder/encode": 1,
    "/decoder/decode.": 1,
    "/noise_res.0/": 20,
    "/resblocks.0/": 20,
    "/resblocks.1/": 20,
    "/resblocks.2/": 20,
    "/noise_res.1/": 120,
    "/resblocks.3/": 120,
    "/resblocks.4/": 120,
    "/resblocks.5/": 120,
}


def write_sooner(source: Path, target: Path) -> None:
    """Write the graph of ``source``, altered, to ``target``, which appears whole or not at all.

    It has two inputs more: ``last``, (1,), is the number of the last token that is no mark, and
    ``margins``, (2,), the frames of 25 ms that are made before the first sound and from the
    beginning of the last one on.
    """
    import onnx

    model = onnx.load(str(source))
    surgery = _Surgery(model.graph)
    for node in list(model.graph.node):
        if node.op_type == "STFT":
            surgery.convolve_spectrum(node)
        elif node.op_type == "ConvInteger" and node.name.startswith(GENERATOR):
            surgery.float_convolution(node)
        elif node.op_type == "ReduceMean" and node.name.startswith(DECODER):
            surgery.count_silence(node)
    surgery.crop()
    surgery.finish()
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(model.SerializeToString())
    os.replace(file.name, target)


class _Surgery:
    """Replaces nodes of an ONNX graph; what nothing needs any more is left out at the end."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._constants = {one.name: one for one in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._takers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self._takers.setdefault(name, []).append(node)
        self._instead: dict[str, list[Any]] = {}  # by the output that they bring

    def crop(self) -> None:
        """Cut what the decoder is given: the sounds by frames, pitch and loudness by half ones."""
        from onnx import TensorProto, helper

        for name, length in (("last", 1), ("margins", 2)):
            shape = helper.make_tensor_value_info(name, TensorProto.INT64, [length])
            self._graph.input.append(shape)
        ends = "/encoder/CumSum_output_0"  # of each token, in frames
        zero, one = self._constant("crop_0", [0]), self._constant("crop_1", [1])
        two = self._constant("crop_2", [2])
        whole = self._constant("crop_whole", [-1])
        all_of_it = self._constant("crop_all", np.ones(1, np.float32))
        nodes = [
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
        ]
        for result, axis, unit in (
            ("/encoder/MatMul_1_output_0", two, ""),
            ("/encoder/Reshape_output_0", one, "_halves"),
            ("/encoder/Reshape_1_output_0", one, "_halves"),
        ):
            node = self._makers[result]
            node.output[0] = f"{result}_whole"
            bounds = [f"crop_begin{unit}", f"crop_end{unit}", axis]
            cut = _node("Slice", [node.output[0], *bounds], result)
            self._instead[node.output[0]] = [node, *nodes, cut]
            nodes = []

    def count_silence(self, mean: Any) -> None:
        """The mean over time as it were with the silence that was cut off.

        The network divides by it, and what is loud would be too quiet without. Silence is even:
        one moment of it, a frame from the end of what is left, stands for all.
        """
        (moments,) = (rate for part, rate in MOMENTS_PER_FRAME.items() if part in mean.name)
        sound, result = mean.input[0], mean.output[0]
        mean.output[0] = f"{result}_kept"
        first = self._constant(f"moment_{moments}", [moments])
        last = self._constant(f"moment_last_{moments}", [-1 - moments])
        self._instead[mean.output[0]] = [
            mean,
            _node("Gather", [sound, first], f"{result}_first", axis=2),
            _node("Gather", [sound, last], f"{result}_last", axis=2),
            _node("Mul", [mean.output[0], "sound_kept"], f"{result}_0"),
            _node("Mul", [f"{result}_first", "silence_before"], f"{result}_1"),
            _node("Mul", [f"{result}_last", "silence_behind"], f"{result}_2"),
            _node("Add", [f"{result}_0", f"{result}_1"], f"{result}_3"),
            _node("Add", [f"{result}_3", f"{result}_2"], result),
        ]

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
        self._instead[stft.output[0]] = [
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
        ]

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
        self._instead[scaled.output[0]] = [node]

    def finish(self) -> None:
        graph = self._graph
        nodes = [
            new
            for node in graph.node
            for new in self._instead.get(node.output[0] if node.output else "", [node])
        ]
        makers = {name: node for node in nodes for name in node.output}
        needed: set[str] = set()
        waiting = [output.name for output in graph.output]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(makers[name].input if name in makers else ())
        kept = [node for node in nodes if needed.intersection(node.output)]
        constants = [one for name, one in self._constants.items() if name in needed]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(kept)
        graph.initializer.extend(constants)

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
        from onnx import numpy_helper

        return numpy_helper.to_array(self._constants[name])

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        from onnx import numpy_helper

        self._constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _share(part: str, whole: str, result: str) -> list[Any]:
    """Of one number of frames in another, as a fraction."""
    return [
        _node("Cast", [part], f"{result}_part", to=1),
        _node("Cast", [whole], f"{result}_whole", to=1),
        _node("Div", [f"{result}_part", f"{result}_whole"], result),
    ]


def _node(op: str, inputs: Sequence[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(op, list(inputs), [output], name=f"sooner/{output}", **attributes)
