"""Pace of a client's audio."""

from __future__ import annotations

import numpy as np
import pytest

from engine.consumers.audio import Pace, steps


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_real_time_never_waits():
    clock = Clock()
    pace = Pace(clock)
    clock.now += 60
    assert pace.wait_seconds(60) == 0


def test_the_first_ten_seconds_are_free():
    assert Pace(Clock()).wait_seconds(10) == 0


def test_more_is_held_to_one_and_a_quarter_times_real_time():
    clock = Clock()
    pace = Pace(clock)
    assert pace.wait_seconds(60) == pytest.approx(40)
    clock.now += 40
    assert pace.wait_seconds(60) == 0


def test_a_long_frame_is_taken_in_short_steps():
    pieces = steps(np.zeros((2, 16_000), np.float32))
    assert [piece.shape for piece in pieces] == [(2, 4000)] * 4
