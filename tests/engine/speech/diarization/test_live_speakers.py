"""Speakers of a live stream, from voices that are given."""

import numpy as np
import pytest

from engine.speech.diarization.diarizer import Chunk, LiveDiarizer, Voice
from engine.text.words import Word

Given = tuple[float, float]  # cosine to the first voice, seconds heard clearly


class GivenVoices:
    """A diarizer that finds one given voice in each result."""

    def __init__(self, voices: list[Given]) -> None:
        self.coming = list(voices)

    def voices(self, chunk: Chunk) -> list[Voice]:
        cosine, seconds = self.coming.pop(0)
        print_ = np.array([cosine, (1 - cosine**2) ** 0.5], np.float32)
        return [Voice(((0.0, 1.0),), print_, seconds)]


def speakers(*voices: Given) -> list[int | None]:
    live = LiveDiarizer(GivenVoices(list(voices)))  # type: ignore[arg-type]
    sound = Chunk(np.zeros(16_000, np.float32), 0.0)
    return [live.assign([Word.of("so", 0.1, 0.9, 0.9)], sound)[0].speaker for _ in voices]


@pytest.mark.parametrize(
    ("first_seconds", "second_seconds", "cosine", "expected"),
    [
        # Little of either voice is no reason for another speaker.
        (2.1, 1.3, 0.34, [0, 0]),
        (1.1, 2.9, 0.27, [0, 0]),
        (1.1, 2.9, 0.2, [0, 1]),
        (2.1, 1.3, 0.1, [0, 1]),
        # Of both there is enough.
        (2.1, 2.4, 0.34, [0, 1]),
        (2.1, 2.4, 0.45, [0, 0]),
        # What is not clear makes no speaker.
        (2.1, 0.9, 0.0, [0, 0]),
    ],
)
def test_a_second_speaker_needs_to_be_heard(first_seconds, second_seconds, cosine, expected):
    assert speakers((1.0, first_seconds), (cosine, second_seconds)) == expected


def test_a_speaker_who_is_heard_again_is_sure():
    assert speakers((1.0, 1.1), (0.9, 1.0), (0.1, 2.4)) == [0, 0, 1]
