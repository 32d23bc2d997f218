"""Cut one stream of audio into windows of speech, and find the way back to its times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.speech.audio.decode import RATE, Samples
from engine.speech.audio.loudness import raised
from engine.speech.recognition.belief import PIECE, VOICE_SURE, is_said
from engine.speech.recognition.edges import UNBROKEN, edges_of
from engine.speech.recognition.transcript import Segment, Word, paced
from engine.speech.recognition.vad import FRAME, VoiceDetector

_UNREAD_FRAMES = 12  # 0.4 s; where the model leaves out more, it left out a word
_FEWEST_VOICED = 4  # frames; what is shorter holds no word
_PADDING = 8  # frames kept around speech, about 250 ms: soft first and last sounds


@dataclass(frozen=True)
class Piece:
    """A stretch of the recording that is in a window, by frames of the recording."""

    first: int
    voiced: npt.NDArray[np.bool_]  # for each of its frames
    voice: npt.NDArray[np.float32]  # the probability of voice in each

    @property
    def end(self) -> int:
        return self.first + len(self.voiced)

    @property
    def start_seconds(self) -> float:
        return self.first * FRAME / RATE

    @property
    def end_seconds(self) -> float:
        return self.end * FRAME / RATE

    def voice_from(self, seconds: float) -> float:
        """Return the start of the voice heard before ``seconds``, at most 0.4 s earlier."""
        frame = nearest = min(int(seconds * RATE / FRAME) - self.first, len(self.voiced))
        while 0 < frame > nearest - _UNREAD_FRAMES and self.voiced[frame - 1]:
            frame -= 1
        return (self.first + frame) * FRAME / RATE

    def voice_until(self, seconds: float) -> float:
        """Return the end of the voice heard after ``seconds``, at most 0.4 s later."""
        frame = nearest = max(math.ceil(seconds * RATE / FRAME) - self.first, 0)
        while frame < min(len(self.voiced), nearest + _UNREAD_FRAMES) and self.voiced[frame]:
            frame += 1
        return (self.first + frame) * FRAME / RATE


@dataclass(frozen=True)
class SpeechWindow:
    """Speech for one call of the model: pieces of the recording, one behind the other."""

    samples: Samples
    pieces: tuple[Piece, ...]
    is_doubtful: bool = False  # the detector is not sure that there is voice

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def voiced(self) -> npt.NDArray[np.bool_]:
        """For each frame of the window."""
        return np.concatenate([piece.voiced for piece in self.pieces])

    @property
    def voiced_seconds(self) -> float:
        return float(np.count_nonzero(self.voiced)) * FRAME / RATE

    def raised(self) -> Samples:
        """The samples with each piece at a level that the recognizer can read."""
        ends = np.cumsum([len(piece.voiced) for piece in self.pieces])[:-1] * FRAME
        return np.concatenate([raised(samples) for samples in np.split(self.samples, ends)])

    def segments(self, words: tuple[Word, ...]) -> list[Segment]:
        """``words``, timed in this window, as segments of the recording.

        A word lies in one piece and where its voice is, begins after the word before it ended
        and lasts as long as it takes to say, where its piece has room for all of its words.
        """
        bounds = np.cumsum([0, *(len(piece.voiced) for piece in self.pieces)]) * FRAME / RATE
        by_piece: list[list[Word]] = [[] for _ in self.pieces]
        for word in words:
            middle = (word.start + word.end) / 2
            index = int(np.searchsorted(bounds, middle, side="right")) - 1
            # Words come in the order of the pieces, whatever their times.
            latest = max((i for i, placed in enumerate(by_piece) if placed), default=0)
            index = min(max(index, latest), len(self.pieces) - 1)
            by_piece[index].append(_placed(word, self.pieces[index], float(bounds[index])))
        return [
            Segment(tuple(paced(_filled(placed, piece), piece.start_seconds, piece.end_seconds)))
            for placed, piece in zip(by_piece, self.pieces, strict=True)
            if placed
        ]

    def is_said(self, segment: Segment) -> bool:
        """Return whether to keep one of ``segments``, by the model's confidence and the voice."""
        place, piece = next(
            (place, piece)
            for place, piece in enumerate(self.pieces)
            if segment.start <= piece.end_seconds
        )
        voiced = float(np.count_nonzero(piece.voiced)) * FRAME / RATE
        start = max(int(segment.start * RATE / FRAME) - piece.first, 0)
        end = math.ceil(segment.end * RATE / FRAME) - piece.first
        frames = slice(start, max(end, start + 1))
        heard = piece.voice[frames][piece.voiced[frames]].tolist()
        edges = edges_of(self._sound(place)) if voiced < PIECE else UNBROKEN
        return is_said(segment.words, voiced, heard, is_doubtful=self.is_doubtful, edges=edges)

    def _sound(self, place: int) -> Samples:
        """Return the samples of the piece at ``place``."""
        first = sum(len(piece.voiced) for piece in self.pieces[:place]) * FRAME
        return self.samples[first : first + len(self.pieces[place].voiced) * FRAME]


def _placed(word: Word, piece: Piece, offset: float) -> Word:
    """``word`` in the time of the recording, without the silence at its ends."""
    shift = piece.start_seconds - offset
    start, end = word.start + shift, word.end + shift
    frames = piece.first + np.flatnonzero(piece.voiced)
    heard = frames[(frames > start * RATE / FRAME - 1) & (frames <= end * RATE / FRAME)]
    if len(heard):
        start = max(start, float(heard[0]) * FRAME / RATE)
        end = min(end, float(heard[-1] + 1) * FRAME / RATE)
    elif len(frames):
        edges = np.concatenate([frames, frames + 1]) * FRAME / RATE
        start = end = float(edges[np.argmin(np.abs(edges - start))])
    return replace(word, start=start, end=end)


def _filled(words: list[Word], piece: Piece) -> list[Word]:
    """``words`` that begin and end with their voice, where it belongs to no other word.

    The attention comes late to the first word behind a pause, and leaves the last one early.
    """
    starts = []
    before = piece.start_seconds
    for word in words:
        starts.append(min(word.start, max(before, piece.voice_from(word.start))))
        before = word.end
    limits = [*starts[1:], piece.end_seconds]
    return [
        replace(word, start=start, end=max(word.end, min(limit, piece.voice_until(word.end))))
        for word, start, limit in zip(words, starts, limits, strict=True)
    ]


@dataclass(frozen=True)
class _Frame:
    samples: Samples
    voiced: bool
    voice: float  # probability
    number: int  # in the recording


class WindowCutter:
    """Samples in, windows of speech out; holds no more than two windows and their silence.

    Speech is what the voice detector hears, with 250 ms on both sides. A window gathers speech
    until it would grow over ``longest_seconds`` and is cut at the longest pause, or else the
    quietest moment, behind ``shortest_seconds``. A stretch of which the detector is never sure
    goes into windows of its own: there it cannot take a word from its neighbours.
    """

    def __init__(self, *, shortest_seconds: float = 16.0, longest_seconds: float = 24.0) -> None:
        self._shortest = round(shortest_seconds * RATE / FRAME)
        self._longest = round(longest_seconds * RATE / FRAME)
        self._detector = VoiceDetector()
        self._rest = np.zeros(0, np.float32)  # samples that do not yet fill a frame
        self._silence: list[_Frame] = []  # the last frames of a silence, at most the padding
        self._stretch: list[_Frame] = []  # speech without a pause of which it is not yet sure
        self._is_sure = False  # of the stretch that is heard
        self._frames: list[_Frame] = []
        self._doubtful: list[_Frame] = []
        self._unvoiced = _PADDING  # frames since the last voice
        self._count = 0  # frames of the recording so far
        self.voiced_frames = 0

    def feed(self, samples: Samples) -> list[SpeechWindow]:
        """The windows that ``samples`` (float32, at 16 kHz) complete."""
        probabilities = self._detector.probabilities(samples)
        flags = self._detector.flags(probabilities)
        samples = np.concatenate((self._rest, samples))
        self._rest = samples[len(flags) * FRAME :]
        windows = []
        for index, voice in enumerate(probabilities.tolist()):
            frame = samples[index * FRAME : (index + 1) * FRAME]
            windows += self._add(_Frame(frame, bool(flags[index]), voice, self._count))
            if len(self._frames) >= self._longest:
                windows.append(self._cut(self._best_cut()))
        return windows

    def finish(self) -> list[SpeechWindow]:
        """The last windows, if there is speech left."""
        windows = self.feed(np.zeros(-len(self._rest) % FRAME, np.float32))
        windows += self._close()
        if any(frame.voiced for frame in self._frames):
            windows.append(self._cut(len(self._frames)))
        return [*windows, *self._take_doubtful()]

    def _add(self, frame: _Frame) -> list[SpeechWindow]:
        self._count += 1
        windows: list[SpeechWindow] = []
        if frame.voiced:
            self.voiced_frames += 1
            if self._unvoiced > 2 * _PADDING:
                windows = self._close()
            for silent in self._silence:
                self._keep(silent)
            self._silence.clear()
            self._unvoiced = 0
            self._keep(frame)
            return windows
        self._unvoiced += 1
        if self._unvoiced <= _PADDING:
            self._keep(frame)
            return windows
        self._silence.append(frame)
        if len(self._silence) > _PADDING:
            self._silence.pop(0)
        return windows

    def _keep(self, frame: _Frame) -> None:
        if not self._is_sure and frame.voice >= VOICE_SURE:
            self._is_sure = True
            self._frames += self._stretch
            self._stretch.clear()
        (self._frames if self._is_sure else self._stretch).append(frame)
        if len(self._stretch) >= self._shortest:  # so long a doubt is cut where it is
            self._doubtful += self._stretch
            self._stretch.clear()

    def _close(self) -> list[SpeechWindow]:
        """End a stretch; one that stayed in doubt is kept for a window of its own."""
        if sum(frame.voiced for frame in self._stretch) >= _FEWEST_VOICED:
            self._doubtful += self._stretch
        self._stretch.clear()
        self._is_sure = False
        return self._take_doubtful() if len(self._doubtful) >= self._shortest else []

    def _take_doubtful(self) -> list[SpeechWindow]:
        frames, self._doubtful = self._doubtful, []
        places = range(0, len(frames), self._longest)
        return [_window(frames[at : at + self._longest], is_doubtful=True) for at in places]

    def _best_cut(self) -> int:
        """The number of frames for the window that must be cut now."""
        pauses = [
            (self._frames[index].number - self._frames[index - 1].number, index)
            for index in range(self._shortest, len(self._frames))
        ]
        longest, index = max(pauses)
        if longest > 1:
            return index
        # No pause long enough to be left out: the quietest fifth of a second.
        late = self._frames[self._shortest :]
        loudness = np.log(np.mean(np.square([frame.samples for frame in late]), axis=1) + 1e-9)
        smooth = np.convolve(loudness + [frame.voiced for frame in late], np.ones(6), "valid")
        return self._shortest + int(np.argmin(smooth)) + 3

    def _cut(self, count: int) -> SpeechWindow:
        frames, self._frames = self._frames[:count], self._frames[count:]
        return _window(frames)


def _window(frames: Sequence[_Frame], *, is_doubtful: bool = False) -> SpeechWindow:
    places = np.array([frame.number for frame in frames])
    voiced = np.array([frame.voiced for frame in frames])
    voice = np.array([frame.voice for frame in frames], np.float32)
    starts = [0, *(np.flatnonzero(np.diff(places) > 1) + 1).tolist(), len(frames)]
    pieces = tuple(
        Piece(int(places[start]), voiced[start:end], voice[start:end])
        for start, end in pairwise(starts)
    )
    return SpeechWindow(np.concatenate([frame.samples for frame in frames]), pieces, is_doubtful)
