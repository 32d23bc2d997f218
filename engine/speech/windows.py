"""Cut one stream of audio into windows of speech, and find the way back to its times."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.speech.decode import RATE, Samples
from engine.speech.loudness import raised
from engine.speech.transcript import Segment, Word, paced
from engine.speech.vad import FRAME, VoiceDetector

_UNREAD_FRAMES = 12  # 0.4 s; where the model leaves out more, it left out a word
_PADDING = 8  # frames kept around speech, some 250 ms: soft first and last sounds


@dataclass(frozen=True)
class Piece:
    """A stretch of the recording that is in a window, by frames of the recording."""

    first: int
    voiced: npt.NDArray[np.bool_]  # for each of its frames

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
        """Where the voice that is heard before ``seconds`` begins, at most 0.4 s earlier."""
        frame = nearest = min(int(seconds * RATE / FRAME) - self.first, len(self.voiced))
        while 0 < frame > nearest - _UNREAD_FRAMES and self.voiced[frame - 1]:
            frame -= 1
        return (self.first + frame) * FRAME / RATE

    def voice_until(self, seconds: float) -> float:
        """Where the voice that is heard after ``seconds`` ends, at most 0.4 s later."""
        frame = nearest = max(math.ceil(seconds * RATE / FRAME) - self.first, 0)
        while frame < min(len(self.voiced), nearest + _UNREAD_FRAMES) and self.voiced[frame]:
            frame += 1
        return (self.first + frame) * FRAME / RATE


@dataclass(frozen=True)
class SpeechWindow:
    """Speech for one call of the model: pieces of the recording, one behind the other."""

    samples: Samples
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def voiced(self) -> npt.NDArray[np.bool_]:
        """For each frame of the window."""
        return np.concatenate([piece.voiced for piece in self.pieces])

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


class WindowCutter:
    """Samples in, windows of speech out; holds no more than one window and its silence.

    Speech is what the voice detector hears, with 250 ms on both sides. A window gathers speech
    until it would grow over ``longest_seconds`` and is cut at the longest pause, or else the
    quietest moment, behind ``shortest_seconds``.
    """

    def __init__(self, *, shortest_seconds: float = 16.0, longest_seconds: float = 24.0) -> None:
        self._shortest = round(shortest_seconds * RATE / FRAME)
        self._longest = round(longest_seconds * RATE / FRAME)
        self._detector = VoiceDetector()
        self._rest = np.zeros(0, np.float32)  # samples that do not yet fill a frame
        self._silence: list[Samples] = []  # the last frames of a silence, at most the padding
        self._frames: list[Samples] = []
        self._voiced: list[bool] = []
        self._places: list[int] = []  # of each frame of the window, its number in the recording
        self._unvoiced = _PADDING  # frames since the last voice
        self._count = 0  # frames of the recording so far
        self.voiced_frames = 0

    def feed(self, samples: Samples) -> list[SpeechWindow]:
        """The windows that ``samples`` (float32, at 16 kHz) complete."""
        flags = self._detector.voiced(samples)
        samples = np.concatenate((self._rest, samples))
        self._rest = samples[len(flags) * FRAME :]
        windows = []
        for index, voiced in enumerate(flags.tolist()):
            self._add(samples[index * FRAME : (index + 1) * FRAME], voiced)
            if len(self._frames) >= self._longest:
                windows.append(self._cut(self._best_cut()))
        return windows

    def finish(self) -> list[SpeechWindow]:
        """The last window, if there is speech left."""
        windows = self.feed(np.zeros(-len(self._rest) % FRAME, np.float32))
        if any(self._voiced):
            windows.append(self._cut(len(self._frames)))
        return windows

    def take(self) -> SpeechWindow | None:
        """What has been gathered so far, without waiting for more; None when it is no speech."""
        return self._cut(len(self._frames)) if any(self._voiced) else None

    def _add(self, frame: Samples, voiced: bool) -> None:
        number = self._count
        self._count += 1
        if voiced:
            self.voiced_frames += 1
            for back, silent in enumerate(self._silence):
                self._keep(silent, False, number - len(self._silence) + back)
            self._silence.clear()
            self._unvoiced = 0
            self._keep(frame, True, number)
            return
        self._unvoiced += 1
        if self._unvoiced <= _PADDING:
            self._keep(frame, False, number)
            return
        self._silence.append(frame)
        if len(self._silence) > _PADDING:
            self._silence.pop(0)

    def _keep(self, frame: Samples, voiced: bool, number: int) -> None:
        self._frames.append(frame)
        self._voiced.append(voiced)
        self._places.append(number)

    def _best_cut(self) -> int:
        """The number of frames for the window that must be cut now."""
        pauses = [
            (self._places[index] - self._places[index - 1], index)
            for index in range(self._shortest, len(self._frames))
        ]
        longest, index = max(pauses)
        if longest > 1:
            return index
        # No pause long enough to be left out: the quietest fifth of a second.
        frames = np.stack(self._frames[self._shortest :])
        loudness = np.log(np.mean(np.square(frames), axis=1) + 1e-9)
        smooth = np.convolve(
            loudness + np.array(self._voiced[self._shortest :]), np.ones(6), "valid"
        )
        return self._shortest + int(np.argmin(smooth)) + 3

    def _cut(self, count: int) -> SpeechWindow:
        frames, self._frames = self._frames[:count], self._frames[count:]
        voiced, self._voiced = np.array(self._voiced[:count]), self._voiced[count:]
        places, self._places = np.array(self._places[:count]), self._places[count:]
        starts = [0, *(np.flatnonzero(np.diff(places) > 1) + 1).tolist(), count]
        pieces = tuple(
            Piece(int(places[start]), voiced[start:end]) for start, end in pairwise(starts)
        )
        return SpeechWindow(np.concatenate(frames), pieces)
