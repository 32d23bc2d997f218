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
    network = _Network("minilm", load(weights))
    x = network.embeddings("tokens", "positions")
    padding = network.padding("mask")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        x = network.attention(x, padding, f"{layer}.attention")
        x = network.feed_forward(x, layer)
    return network.model(
        {
            "tokens": (np.int64, ["texts", "length"]),
            "mask": (np.float32, ["texts", "length"]),
            "positions": (np.int64, ["length"]),
        },
        x,
    )


class _Network(Graph):
    """The parts of MiniLM; each adds its nodes and returns its output."""

    def embeddings(self, tokens: str, positions: str) -> str:
        words = self("Gather", "embeddings.word_embeddings.weight", tokens)
        places = self("Gather", "embeddings.position_embeddings.weight", positions)
        kind = self.constant(self.tensor("embeddings.token_type_embeddings.weight")[0])
        return self._norm(self("Add", self("Add", words, places), kind), "embeddings.LayerNorm")

    def padding(self, mask: str) -> str:
        """Return what is added to the scores: nearly nothing is left of the tokens of padding."""
        hidden = self("Mul", self("Sub", mask, self.constant(1.0)), self.constant(1e4))
        return self("Unsqueeze", hidden, self.constant([1, 2], np.int64))

    def attention(self, x: str, padding: str, name: str) -> str:
        query = self._heads(self._linear(x, f"{name}.self.query"), [0, 2, 1, 3])
        key = self._heads(self._linear(x, f"{name}.self.key"), [0, 2, 3, 1])
        value = self._heads(self._linear(x, f"{name}.self.value"), [0, 2, 1, 3])
        scale = self.constant(1 / math.sqrt(MINILM_SIZE // HEADS))
        scores = self("Mul", self("MatMul", query, key), scale)
        weights = self("Softmax", self("Add", scores, padding), axis=-1)
        mixed = self("Transpose", self("MatMul", weights, value), perm=[0, 2, 1, 3])
        mixed = self("Reshape", mixed, self.constant([0, 0, MINILM_SIZE], np.int64))
        mixed = self._linear(mixed, f"{name}.output.dense")
        return self._norm(self("Add", x, mixed), f"{name}.output.LayerNorm")

    def feed_forward(self, x: str, name: str) -> str:
        inner = self._gelu(self._linear(x, f"{name}.intermediate.dense"))
        inner = self._linear(inner, f"{name}.output.dense")
        return self._norm(self("Add", x, inner), f"{name}.output.LayerNorm")

    def _norm(self, x: str, name: str) -> str:
        return self("LayerNormalization", x, f"{name}.weight", f"{name}.bias", epsilon=1e-12)

    def _linear(self, x: str, name: str) -> str:
        product = self("MatMul", x, self.constant(self.tensor(f"{name}.weight").T))
        return self("Add", product, f"{name}.bias")

    def _heads(self, x: str, order: list[int]) -> str:
        shape = self.constant([0, 0, HEADS, MINILM_SIZE // HEADS], np.int64)
        return self("Transpose", self("Reshape", x, shape), perm=order)

    def _gelu(self, x: str) -> str:
        error = self("Erf", self("Div", x, self.constant(math.sqrt(2))))
        half = self("Mul", x, self.constant(0.5))
        return self("Mul", half, self("Add", error, self.constant(1.0)))
