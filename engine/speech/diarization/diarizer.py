"""Diarization: turns from sound, and a speaker for each word.

Sound is taken ten seconds at a time. Within each ten seconds segmentation-3.0 tells the voices
apart, also where two speak at once; CAM++ gives each voice its print; in the end the prints of
the whole recording are grouped (average linkage on the cosine). Kept in memory are ten seconds
of sound, the turns and one print a voice, whatever the length of the recording.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from engine.speech.audio.loudness import raised
from engine.speech.diarization.voiceprints import (
    CHUNK_SAMPLES,
    FIRST_FRAME_SECONDS,
    FRAME_SECONDS,
    LOCAL_SPEAKERS,
    SAMPLE_RATE,
    Floats,
    Segmentation,
    Voiceprint,
    normalised,
)
from engine.text.words import Word

SAME_SPEAKER = 0.4  # mean cosine from which two groups of prints are one speaker
LONE_PRINT = 0.3  # the same for a print that is alone in its group: one is less sure than a mean
OTHER_SPEAKER = 0.1  # what the prints of two different voices have in common
CLEAR_VOICE_SECONDS = 1.0  # a print of less is too unsure to make a speaker of
# A live stream decides at once. With less than this of a voice, a mean cosine of 0.25 is taken for
# the same speaker: prints of one speaker's first words differed by as much (0.27 and 0.34), those
# of two speakers by more.
SURE_VOICE_SECONDS = 2.0
SAME_UNSURE_SPEAKER = 0.25
FAINTEST_VOICE_SECONDS = 0.2  # CAM++ cannot say anything of less
PRINTED_SECONDS = 1.5  # of a part; more costs time and changes little
SHORTEST_FLIP_SECONDS = 0.3
SHORTEST_GAP_SECONDS = 0.3  # a speaker's breath is no end of the turn
Span = tuple[float, float]  # seconds

SILENCE = 1e-4  # no sample above this, after it was raised: nothing to look at
GROUPED_AT_ONCE = 256  # prints, about 15 minutes; keeps grouping from growing with the square


@dataclass(frozen=True)
class Turn:
    """One speaker from ``start`` to ``end`` seconds; turns of two speakers may overlap."""

    start: float
    end: float
    speaker: int
    confidence: float


@dataclass(frozen=True)
class Diarization:
    """The turns of a recording, by start; speakers count from 0 by first appearance."""

    turns: tuple[Turn, ...]

    def assign(self, words: Sequence[Word]) -> list[Word]:
        """The words with ``speaker`` and ``speaker_confidence``, renumbered as they appear.

        A word belongs to whoever speaks most of it, else to the nearest turn. Changes of
        speaker for less than 0.3 s are smoothed over.
        """
        return _numbered(_smoothed(_spoken(words, self.turns)))


@dataclass(frozen=True)
class Chunk:
    """Up to ten seconds of sound, float32 at 16 kHz, from ``offset`` seconds on."""

    samples: Floats
    offset: float


@dataclass(frozen=True)
class Voice:
    """One local speaker of one chunk: when it speaks, how it sounds, how much is heard of it."""

    spans: tuple[Span, ...]
    print: Floats | None
    clear_seconds: float


class Diarizer:
    """The two models, loaded once; one for all recordings, from any thread."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ``MissingWeights``."""
        self._segmentation = Segmentation(threads)
        self._voiceprint = Voiceprint(threads)

    def live(self) -> "LiveDiarizer":
        """Diarization of one live stream."""
        return LiveDiarizer(self)

    def voices(self, chunk: Chunk) -> list[Voice]:
        """The voices in a chunk, in the time of the recording."""
        samples, offset = raised(chunk.samples), chunk.offset
        if len(samples) < FAINTEST_VOICE_SECONDS * SAMPLE_RATE or np.abs(samples).max() < SILENCE:
            return []
        activity = self._segmentation(samples)
        seconds = len(samples) / SAMPLE_RATE
        alone = activity & (activity.sum(axis=1, keepdims=True) == 1)
        voices = []
        for speaker in range(LOCAL_SPEAKERS):
            clear = _spans(alone[:, speaker], seconds)
            for spans in _parts(_spans(activity[:, speaker], seconds)):
                heard = _common(spans, clear)
                voices.append(
                    Voice(
                        spans=tuple((offset + start, offset + end) for start, end in spans),
                        print=self._print(_cut(samples, heard or spans)),
                        clear_seconds=sum(end - start for start, end in heard),
                    )
                )
        return voices

    def _print(self, sound: Floats) -> Floats | None:
        """The print of the middle of the sound; None when there is too little sound."""
        if len(sound) < FAINTEST_VOICE_SECONDS * SAMPLE_RATE:
            return None
        length = int(PRINTED_SECONDS * SAMPLE_RATE)
        first = max(0, len(sound) - length) // 2
        return np.asarray(self._voiceprint(sound[None, first : first + length])[0])


class ChunkCutter:
    """The sound of a recording, given in blocks of any length, as chunks of ten seconds."""

    def __init__(self) -> None:
        self._blocks: list[Floats] = []
        self._kept = 0  # samples in them
        self._cut = 0  # samples in chunks so far

    def feed(self, samples: Floats) -> list[Chunk]:
        """The chunks that ``samples`` (float32 at 16 kHz, -1 to 1) complete."""
        self._blocks.append(samples)
        self._kept += len(samples)
        if self._kept < CHUNK_SAMPLES:
            return []
        sound = np.concatenate(self._blocks)
        whole = len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES
        chunks = [
            self._chunk(sound[first : first + CHUNK_SAMPLES])
            for first in range(0, whole, CHUNK_SAMPLES)
        ]
        self._blocks = [sound[whole:]]
        self._kept = len(sound) - whole
        return chunks

    def finish(self) -> list[Chunk]:
        """The last, shorter chunk, if there is sound left."""
        return [self._chunk(np.concatenate(self._blocks))] if self._kept else []

    def _chunk(self, samples: Floats) -> Chunk:
        chunk = Chunk(samples, self._cut / SAMPLE_RATE)
        self._cut += len(samples)
        return chunk


def group_voices(voices: Sequence[Voice]) -> Diarization:
    """The turns of a recording from the voices of all its chunks, in order."""
    speakers = _speakers(voices)
    turns = [
        Turn(start, end, speaker, confidence)
        for voice, (speaker, confidence) in zip(voices, speakers, strict=True)
        for start, end in voice.spans
    ]
    numbers: dict[int, int] = {}
    return Diarization(
        tuple(
            replace(turn, speaker=numbers.setdefault(turn.speaker, len(numbers)))
            for turn in _joined(turns)
        )
    )


class LiveDiarizer:
    """One live stream: speakers are known by running means of their prints.

    Numbers that were given stay; a voice that was not heard clearly for a second joins the
    nearest speaker. ``feed`` and ``cut`` belong to the thread that has the sound; ``assign``, which
    computes, shares nothing with them.
    """

    def __init__(self, diarizer: Diarizer) -> None:
        self._diarizer = diarizer
        self._recent: deque[Floats] = deque()
        self._kept = 0  # samples in them
        self._heard = 0  # samples, since the start of the stream
        self._assigned = 0  # samples until the end of the last result
        self._sums: list[Floats] = []
        self._clear_seconds: list[float] = []  # in each of the sums

    def feed(self, samples: Floats) -> None:
        """Take float32 ``(samples,)`` at 16 kHz; ten seconds before the last result are kept."""
        self._recent.append(samples)
        self._kept += len(samples)
        self._heard += len(samples)
        needed = self._heard - self._assigned + CHUNK_SAMPLES
        while self._kept - len(self._recent[0]) >= needed:
            self._kept -= len(self._recent.popleft())

    def cut(self, words: Sequence[Word], until: float) -> Chunk:
        """Return the sound of ``words``, a result that ends at ``until`` seconds.

        It is at most the ten seconds before ``until``, whatever has come since.
        """
        self._assigned = min(round(until * SAMPLE_RATE), self._heard)
        if not words:
            return Chunk(np.zeros(0, np.float32), until)
        recent = np.concatenate(self._recent or [np.zeros(0, np.float32)])
        recent = recent[: len(recent) - (self._heard - self._assigned)][-CHUNK_SAMPLES:]
        offset = (self._assigned - len(recent)) / SAMPLE_RATE
        first = max(0, round((words[0].start - offset) * SAMPLE_RATE))
        last = round((words[-1].end - offset) * SAMPLE_RATE)
        # Some sound before and after the words tells the voices better apart.
        around = SAMPLE_RATE // 2
        first, last = max(0, first - around), last + around
        return Chunk(recent[first:last], offset + first / SAMPLE_RATE)

    def assign(self, words: Sequence[Word], sound: Chunk) -> list[Word]:
        """Return the words of a result with the speakers that its ``sound`` has.

        Words earlier than the sound take the speaker of the first turn. It takes some 0.1 s, in
        any thread, and is called for one result after the other.
        """
        if not words:
            return []
        voices = self._diarizer.voices(sound)
        turns = []
        for voice in sorted(voices, key=lambda voice: -voice.clear_seconds):
            speaker, confidence = self._recognise(voice)
            turns += [Turn(start, end, speaker, confidence) for start, end in voice.spans]
        return _smoothed(_spoken(words, _joined(turns)))

    def _recognise(self, voice: Voice) -> tuple[int, float]:
        if voice.print is None:
            return 0, 0.5
        if not self._sums:
            self._add_speaker(voice, voice.print)
            return 0, _confidence(1.0, OTHER_SPEAKER)
        likeness = [float(voice.print @ normalised(total)) for total in self._sums]
        best = int(np.argmax(likeness))
        clear = voice.clear_seconds >= CLEAR_VOICE_SECONDS
        is_sure = min(voice.clear_seconds, self._clear_seconds[best]) >= SURE_VOICE_SECONDS
        if likeness[best] < (SAME_SPEAKER if is_sure else SAME_UNSURE_SPEAKER) and clear:
            self._add_speaker(voice, voice.print)
            return len(self._sums) - 1, _confidence(SAME_SPEAKER, likeness[best])
        if clear:
            self._sums[best] = self._sums[best] + voice.print
            self._clear_seconds[best] += voice.clear_seconds
        others = [value for speaker, value in enumerate(likeness) if speaker != best]
        return best, _confidence(likeness[best], max(others, default=OTHER_SPEAKER))

    def _add_speaker(self, voice: Voice, voice_print: Floats) -> None:
        self._sums.append(voice_print)
        self._clear_seconds.append(voice.clear_seconds)


def _speakers(voices: Sequence[Voice]) -> list[tuple[int, float]]:
    """The speaker of each voice and the confidence in it.

    Clear voices make the speakers; the others join the nearest.
    """
    printed = [voice for voice in voices if voice.print is not None]
    clear = [voice for voice in printed if voice.clear_seconds >= CLEAR_VOICE_SECONDS]
    prints = [voice.print for voice in clear or printed if voice.print is not None]
    if not prints:
        return [(0, 0.5)] * len(voices)
    means = group_prints(np.stack(prints))
    return [_nearest(voice, means) for voice in voices]


def group_prints(prints: Floats) -> Floats:
    """One unit vector a speaker, of unit vectors ``(prints, 192)``."""
    totals, counts = prints, np.ones(len(prints), np.float32)
    while len(totals) > GROUPED_AT_ONCE:
        parts = [
            _merged(
                totals[first : first + GROUPED_AT_ONCE], counts[first : first + GROUPED_AT_ONCE]
            )
            for first in range(0, len(totals), GROUPED_AT_ONCE)
        ]
        before = len(totals)
        totals = np.concatenate([part[0] for part in parts])
        counts = np.concatenate([part[1] for part in parts])
        if len(totals) == before:
            break
    totals, counts = _merged(totals, counts)
    return normalised(_without_lone(totals, counts))


def _merged(totals: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Join the two most alike groups until no two are alike.

    Groups are kept as the sum and number of their prints: the mean cosine between the members
    of two groups (average linkage) is the product of their means.
    """
    totals, counts = totals.copy(), counts.copy()
    means = totals / counts[:, None]
    likeness = _products(means, means)
    np.fill_diagonal(likeness, -1.0)
    while len(totals) > 1:
        first, second = divmod(int(likeness.argmax()), len(totals))
        if likeness[first, second] < SAME_SPEAKER:
            break
        totals[first] += totals[second]
        counts[first] += counts[second]
        means[first] = totals[first] / counts[first]
        likeness[first] = likeness[:, first] = _products(means, means[first : first + 1])[:, 0]
        likeness[first, first] = -1.0
        totals, counts, means = (np.delete(a, second, axis=0) for a in (totals, counts, means))
        likeness = np.delete(np.delete(likeness, second, axis=0), second, axis=1)
    return totals, counts


def _without_lone(totals: Floats, counts: Floats) -> Floats:
    """Give prints that are alone to the group they are most like, if they are like any."""
    while len(totals) > 1:
        means = totals / counts[:, None]
        likeness = _products(means, means)
        np.fill_diagonal(likeness, -1.0)
        likeness[counts > 1] = -1.0
        lone, other = divmod(int(likeness.argmax()), len(totals))
        if likeness[lone, other] < LONE_PRINT:
            break
        totals[other] += totals[lone]
        counts[other] += counts[lone]
        totals, counts = np.delete(totals, lone, axis=0), np.delete(counts, lone)
    return totals


def _products(one: Floats, other: Floats) -> Floats:
    """``one @ other.T`` on one core: BLAS wakes all of them and lets them spin."""
    return np.asarray(np.einsum("ik,jk->ij", one, other))


def _nearest(voice: Voice, means: Floats) -> tuple[int, float]:
    if voice.print is None:
        return 0, 0.5
    likeness = means @ voice.print
    order = np.argsort(-likeness)
    other = float(likeness[order[1]]) if len(order) > 1 else OTHER_SPEAKER
    return int(order[0]), _confidence(float(likeness[order[0]]), other)


def _confidence(likeness: float, other: float) -> float:
    """0.5 where two speakers are equally alike, 0.9 from a margin of 0.3 in the cosine."""
    return 1 / (1 + math.exp(-7.5 * (likeness - other)))


def _spans(active: np.typing.NDArray[np.bool_], seconds: float) -> list[Span]:
    """The stretches of active frames in seconds, within ``seconds``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(np.int8), [0]])))
    times = FIRST_FRAME_SECONDS + (edges - 0.5) * FRAME_SECONDS
    times[edges == 0] = 0.0
    times[edges == len(active)] = seconds
    times = np.minimum(times, seconds)
    starts, ends = times[::2].tolist(), times[1::2].tolist()
    return [(start, end) for start, end in zip(starts, ends, strict=True) if end > start]


def _parts(spans: Sequence[Span]) -> list[list[Span]]:
    """A local speaker's spans in parts that get a print each.

    The segmentation may take two people for one when a pause lies between them, so each span
    is judged alone; short ones go with the nearest clear one.
    """
    long = [span for span in spans if span[1] - span[0] >= CLEAR_VOICE_SECONDS]
    if not long:
        return [list(spans)] if spans else []
    parts = {span: [span] for span in long}
    for span in spans:
        if span not in parts:
            parts[min(long, key=lambda other: _gap(span, other))].append(span)
    return list(parts.values())


def _gap(one: Span, other: Span) -> float:
    return max(one[0] - other[1], other[0] - one[1])


def _common(spans: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """Return the intersection of ``spans`` and ``others``."""
    pairs = [(max(start, first), min(end, last)) for start, end in spans for first, last in others]
    return [(start, end) for start, end in pairs if end > start]


def _cut(chunk: Floats, spans: Iterable[Span]) -> Floats:
    """The sound of the spans, the longest first: the most of one voice without a break."""
    longest = sorted(spans, key=lambda span: span[0] - span[1])
    return np.concatenate(
        [chunk[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)] for start, end in longest]
    )


def _joined(turns: Iterable[Turn]) -> list[Turn]:
    """By start, with a speaker's turns made one where less than 0.3 s lies between."""
    open_turns: dict[int, Turn] = {}
    done = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        last = open_turns.get(turn.speaker)
        if last is not None and turn.start - last.end < SHORTEST_GAP_SECONDS:
            confidence = min(last.confidence, turn.confidence)
            turn = replace(last, end=max(last.end, turn.end), confidence=confidence)
        elif last is not None:
            done.append(last)
        open_turns[turn.speaker] = turn
    return sorted([*done, *open_turns.values()], key=lambda turn: turn.start)


def _spoken(words: Sequence[Word], turns: Sequence[Turn]) -> list[Word]:
    """Each word with the speaker of most of it; both are ordered by start."""
    if not turns:
        return [replace(word, speaker=0, speaker_confidence=0.5) for word in words]
    spoken = []
    first = 0
    longest = max(turn.end - turn.start for turn in turns)
    for word in words:
        while first < len(turns) - 1 and turns[first].start + longest < word.start - 10:
            first += 1
        spoken.append(_with_speaker(word, turns, first))
    return spoken


def _with_speaker(word: Word, turns: Sequence[Turn], first: int) -> Word:
    shares: dict[int, float] = {}
    confidences: dict[int, float] = {}
    nearest, distance = turns[first], math.inf
    for turn in turns[first:]:
        if turn.start > word.end + 10:
            break
        share = min(word.end, turn.end) - max(word.start, turn.start)
        if share > 0:
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + share
            confidences[turn.speaker] = turn.confidence
        elif -share < distance:
            nearest, distance = turn, -share
    if not shares:
        return replace(word, speaker=nearest.speaker, speaker_confidence=nearest.confidence / 2)
    speaker = max(shares, key=lambda speaker: (shares[speaker], -speaker))
    confidence = confidences[speaker] * shares[speaker] / sum(shares.values())
    return replace(word, speaker=speaker, speaker_confidence=confidence)


def _smoothed(words: Sequence[Word]) -> list[Word]:
    """Give a run of words of less than 0.3 s to the speaker on both sides of it."""
    runs = [list(run) for _, run in groupby(words, key=lambda word: word.speaker)]
    for before, run, after in zip(runs, runs[1:], runs[2:], strict=False):
        short = run[-1].end - run[0].start < SHORTEST_FLIP_SECONDS
        if short and before[0].speaker == after[0].speaker:
            run[:] = [
                replace(word, speaker=before[0].speaker, speaker_confidence=0.5) for word in run
            ]
    return [word for run in runs for word in run]


def _numbered(words: Sequence[Word]) -> list[Word]:
    numbers: dict[int | None, int] = {}
    return [replace(word, speaker=numbers.setdefault(word.speaker, len(numbers))) for word in words]
