"""ONNX graphs built around tensors: they compute what their nodes say."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from engine.weights.convert import campplus, segmentation
from engine.weights.convert.builder import IR_VERSION, OPSET, Graph

TENSORS = {
    "weight": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
    "unused": np.zeros(1_000, np.float32),
}
INPUT: dict[str, tuple[type, list[Any]]] = {"x": (np.float32, ["rows", 2])}


def run(model: bytes, **inputs: np.ndarray) -> np.ndarray:
    (output,) = onnxruntime.InferenceSession(model).run(None, inputs)
    return np.asarray(output)


def product() -> bytes:
    graph = Graph("product", TENSORS)
    doubled = graph("Mul", graph("MatMul", "x", "weight"), graph.constant(2.0))
    return graph.model(INPUT, doubled)


def test_a_graph_computes_with_the_tensors_it_names():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
    assert run(product(), x=rows).tolist() == (2 * rows @ TENSORS["weight"]).tolist()


def test_only_tensors_that_are_named_are_stored():
    stored = {tensor.name for tensor in onnx.load_from_string(product()).graph.initializer}
    assert "weight" in stored
    assert "unused" not in stored


def test_the_same_graph_has_the_same_bytes():
    assert product() == product()


def test_a_model_states_the_versions_that_the_engine_runs():
    model = onnx.load_from_string(product())
    assert (model.ir_version, [one.version for one in model.opset_import]) == (IR_VERSION, [OPSET])


def test_a_node_may_have_several_outputs():
    graph = Graph("halves", {})
    sizes = graph.constant([1, 1], np.int64)
    first, second = graph.outputs(2, "Split", "x", sizes, axis=1)
    model = graph.model(INPUT, graph("Sub", first, second))
    assert run(model, x=np.array([[5.0, 3.0]], np.float32)).tolist() == [[2.0]]


def test_equal_operations_have_outputs_of_their_own():
    graph = Graph("two", {})
    assert graph("Abs", "x") != graph("Abs", "x")


@pytest.mark.parametrize(("kind", "value"), [(np.float32, 0.5), (np.int64, 3)])
def test_a_constant_has_its_type(kind: type, value: float):
    graph = Graph("constant", {})
    graph("Identity", name := graph.constant(value, kind))
    model = onnx.load_from_string(graph.model(INPUT, name))
    (stored,) = model.graph.initializer
    assert onnx.numpy_helper.to_array(stored) == np.asarray(value, kind)
    assert onnx.numpy_helper.to_array(stored).dtype == kind


def test_a_graph_knows_its_tensors():
    graph = Graph("known", TENSORS)
    assert (graph.has("weight"), graph.has("bias")) == (True, False)
    assert graph.tensor("weight") is TENSORS["weight"]


def test_mel_filters_are_triangles_that_cover_speech():
    filters = campplus._mel_filters()
    assert filters.shape == (256, 80)
    assert (filters.min(), filters.max() <= 1) == (0, True)
    peaks = filters.argmax(axis=0)
    assert (np.diff(peaks) >= 0).all()
    assert peaks[0] * campplus.SAMPLE_RATE / 512 < 100
    assert peaks[-1] * campplus.SAMPLE_RATE / 512 > 7_500
    # Between the first and the last peak the triangles add up to one.
    assert filters[peaks[0] + 1 : peaks[-1]].sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_the_gates_of_an_lstm_are_in_the_order_of_onnx():
    gates = np.repeat(np.arange(4.0), 2)[:, None]  # input, forget, cell, output
    tensors = {"lstm.weight_ih_l0_reverse": gates}
    ordered = segmentation._lstm(tensors, "weight_ih", 0, "_reverse")
    assert ordered[:, 0].tolist() == [0, 0, 3, 3, 1, 1, 2, 2]


def test_sinc_filters_pass_their_band_alone():
    half = np.arange(-125.0, 0.0)[None, :]
    name = "sincnet.conv1d.0.filterbank"
    tensors = {
        f"{name}.low_hz_": np.array([[950.0]]),
        f"{name}.band_hz_": np.array([[450.0]]),
        f"{name}.n_": 2 * np.pi * half / segmentation.SAMPLE_RATE,
        f"{name}.window_": np.hamming(251)[:125][None, :],
    }
    cosine, sine = segmentation._sinc_filters(tensors)[:, 0]
    assert cosine == pytest.approx(cosine[::-1], abs=1e-6)
    assert sine == pytest.approx(-sine[::-1], abs=1e-6)
    gain = np.abs(np.fft.rfft(cosine, 16_000))  # one bin a hertz
    assert gain[1_250] > 20 * max(gain[200], gain[4_000])
