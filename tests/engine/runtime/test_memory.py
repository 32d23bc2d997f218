"""Free memory goes back to the system during recognition and speech, and not too often."""

from pathlib import Path
from types import SimpleNamespace as Namespace

import pytest

from engine.inference import models
from engine.runtime.memory import TRIM_SECONDS, HeapTrim
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.synthesis.synthesizer import Synthesizer
from engine.speech.synthesis.voices import find_voice
from tests.speech import say, wav_bytes


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_heap_is_trimmed_at_most_once_in_its_time():
    released: list[float] = []
    clock = Clock()
    trim = HeapTrim(lambda: released.append(clock()), clock)
    for part in (0.0, 0.1, 0.8, 0.2, 0.5, 0.5):
        clock.seconds += part * TRIM_SECONDS
        trim()
    assert released == pytest.approx([100.0 + part * TRIM_SECONDS for part in (0, 1.1, 2.1)])


@pytest.mark.full
def test_a_recording_gives_memory_back_while_it_is_read(tmp_path: Path):
    path = tmp_path / "speech.wav"
    path.write_bytes(wav_bytes(say("The quick brown fox jumps over the lazy dog.")))
    recognizer = Recognizer(RecognitionSettings(device="cpu"))
    released: list[None] = []
    recognizer._trim = HeapTrim(lambda: released.append(None))
    try:
        transcript = recognizer.recognize(path)
    finally:
        recognizer.close()
    assert transcript.channels[0].words
    assert released


@pytest.mark.full
def test_a_voice_gives_memory_back_while_it_speaks(tmp_path: Path):
    speaking = Synthesizer(tmp_path)
    released: list[None] = []
    speaking._trim = HeapTrim(lambda: released.append(None))
    assert list(speaking.speak("We meet at the station. It is not far.", find_voice("joe")))
    assert released


def test_housekeeping_gives_memory_back_also_when_no_model_is_idle(monkeypatch):
    released: list[None] = []
    nothing_idle = Namespace(unload_idle=lambda seconds: [])
    monkeypatch.setattr(models, "recognizer", lambda: nothing_idle)
    monkeypatch.setattr(models, "synthesizer", lambda: nothing_idle)
    monkeypatch.setattr(models, "release_memory", lambda: released.append(None))
    assert models.unload_idle(10**9) == []
    assert released == [None]
