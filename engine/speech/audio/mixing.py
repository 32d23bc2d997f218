"""Several channels to one, also where one carries the other's sound upside down."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_FRAME = 512  # samples at 16 kHz, 32 ms
# The correlation of two channels below which one of them is inverted, and above which it is not
# any more. Speech in both channels is near 1 or -1, unrelated sounds are near 0.
_INVERTED, _ALIGNED = -0.3, 0.0
_MEMORY = 0.6  # of the correlation, from one frame to the next: it follows within 100 ms
_SILENCE = 1e-13  # mean square of the differences below which a frame is not looked at


class Mixer:
    """The mean of the channels of one stream, given in blocks of any length.

    A channel that is the inverse of those before it, as in a stereo file of a balanced line, is
    inverted first: the mean would cancel what both have in common. Each frame of 32 ms is mixed
    as the frames before it require, so that no sample waits and the length of the blocks does
    not matter.
    """

    def __init__(self) -> None:
        self._signs = np.ones(0, np.float32)  # of each channel, in the present frame
        self._before = self._signs  # in the frame before
        self._correlations = self._signs
        self._frame = np.zeros((0, 0), np.float32)  # samples of the present frame so far

    def mix(self, block: Samples) -> Samples:
        """Return ``block`` (channels, samples) as one channel (1, samples)."""
        channels, samples = block.shape
        if channels == 1:
            return block
        if channels != len(self._signs):
            self._begin(channels)
        mixed = np.empty((1, samples), np.float32)
        place = 0
        while place < samples:
            start = self._frame.shape[1]
            piece = block[:, place : place + _FRAME - start]
            end = start + piece.shape[1]
            mixed[0, place : place + piece.shape[1]] = self._mixed(piece, start, end)
            place += piece.shape[1]
            self._frame = np.concatenate((self._frame, piece), axis=1)
            if end == _FRAME:
                self._look()
        return mixed

    def _begin(self, channels: int) -> None:
        self._signs = np.ones(channels, np.float32)
        self._before = self._signs
        self._correlations = np.zeros(channels, np.float32)
        self._frame = np.zeros((channels, 0), np.float32)

    def _mixed(self, piece: Samples, start: int, end: int) -> Samples:
        if np.array_equal(self._before, self._signs):
            return self._signs @ piece / np.float32(len(piece))
        # From one sign to the other over the frame: a step would be a click.
        share = np.arange(start, end, dtype=np.float32) / _FRAME
        weights = np.outer(self._before, 1 - share) + np.outer(self._signs, share)
        mixed: Samples = (weights * piece).mean(axis=0)
        return mixed

    def _look(self) -> None:
        """Decide the signs for the frame after the present one."""
        # Differences weigh the speech more than a hum, which may be the same in both channels.
        sounds = np.diff(self._frame, axis=1)
        self._before, self._signs = self._signs, self._signs.copy()
        mix = sounds[0].copy()
        for channel in range(1, len(sounds)):
            sound = sounds[channel]
            powers = float(np.mean(mix * mix)), float(np.mean(sound * sound))
            if min(powers) > _SILENCE:
                now = float(np.mean(mix * sound)) / (powers[0] * powers[1]) ** 0.5
                last = self._correlations[channel]
                correlation = now if last == 0 else _MEMORY * last + (1 - _MEMORY) * now
                self._correlations[channel] = correlation
                if correlation < _INVERTED:
                    self._signs[channel] = -1.0
                elif correlation > _ALIGNED:
                    self._signs[channel] = 1.0
            mix += self._signs[channel] * sound
        self._frame = self._frame[:, :0]
