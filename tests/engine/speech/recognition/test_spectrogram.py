"""The spectrogram of very short audio."""

import numpy as np
import pytest

from engine.speech.recognition.spectrogram import Spectrogram


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 0), (159, 0), (160, 1), (400, 2)])
def test_there_is_one_frame_for_each_10_ms(samples: int, frames: int):
    levels = Spectrogram(80)(np.ones(samples, np.float32))
    assert levels.shape == (80, frames)
    assert np.isfinite(levels).all()
