"""MiniLM-L6 as an ONNX graph."""

import math

import numpy as np
from safetensors.numpy import load

from engine.weights.convert.builder import Graph
from engine.weights.graphs import MINILM_SIZE

LAYERS, HEADS = 6, 12


def convert(weights: bytes) -> bytes:
    """Return the ONNX model of MiniLM-L6 in a safetensors file.

    Takes ``tokens`` and ``mask``, (texts, length), and ``positions``, (length,); gives the last
    hidden states, (texts, length, 384).
    """
    graph = Graph("minilm", load(weights))

    def norm(x: str, name: str) -> str:
        return graph("LayerNormalization", x, f"{name}.weight", f"{name}.bias", epsilon=1e-12)

    def linear(x: str, name: str) -> str:
        product = graph("MatMul", x, graph.constant(graph.tensor(f"{name}.weight").T))
        return graph("Add", product, f"{name}.bias")

    def heads(x: str, order: list[int]) -> str:
        shape = graph.constant([0, 0, HEADS, MINILM_SIZE // HEADS], np.int64)
        return graph("Transpose", graph("Reshape", x, shape), perm=order)

    def gelu(x: str) -> str:
        error = graph("Erf", graph("Div", x, graph.constant(math.sqrt(2))))
        half = graph("Mul", x, graph.constant(0.5))
        return graph("Mul", half, graph("Add", error, graph.constant(1.0)))

    words = graph("Gather", "embeddings.word_embeddings.weight", "tokens")
    places = graph("Gather", "embeddings.position_embeddings.weight", "positions")
    kind = graph.constant(graph.tensor("embeddings.token_type_embeddings.weight")[0])
    x = norm(graph("Add", graph("Add", words, places), kind), "embeddings.LayerNorm")
    # Tokens that only fill up a batch get a weight of almost nothing.
    hidden = graph("Mul", graph("Sub", "mask", graph.constant(1.0)), graph.constant(1e4))
    hidden = graph("Unsqueeze", hidden, graph.constant([1, 2], np.int64))
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        query = heads(linear(x, f"{layer}.attention.self.query"), [0, 2, 1, 3])
        key = heads(linear(x, f"{layer}.attention.self.key"), [0, 2, 3, 1])
        value = heads(linear(x, f"{layer}.attention.self.value"), [0, 2, 1, 3])
        scale = graph.constant(1 / math.sqrt(MINILM_SIZE // HEADS))
        scores = graph("Mul", graph("MatMul", query, key), scale)
        attention = graph("Softmax", graph("Add", scores, hidden), axis=-1)
        mixed = graph("Transpose", graph("MatMul", attention, value), perm=[0, 2, 1, 3])
        mixed = graph("Reshape", mixed, graph.constant([0, 0, MINILM_SIZE], np.int64))
        mixed = linear(mixed, f"{layer}.attention.output.dense")
        x = norm(graph("Add", x, mixed), f"{layer}.attention.output.LayerNorm")
        inner = gelu(linear(x, f"{layer}.intermediate.dense"))
        inner = linear(inner, f"{layer}.output.dense")
        x = norm(graph("Add", x, inner), f"{layer}.output.LayerNorm")
    return graph.model(
        {
            "tokens": (np.int64, ["texts", "length"]),
            "mask": (np.float32, ["texts", "length"]),
            "positions": (np.int64, ["length"]),
        },
        x,
    )
