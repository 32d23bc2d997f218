"""The same speech has the same words, and what is no speech has none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.queue import Priority
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.recognition.transcript import Transcript
from tests.engine.speech.recognition.test_recognizer import FOX, WEATHER, text, upload
from tests.engine.speech.sound import no_speech
from tests.speech import join, say

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    recognizer = Recognizer(RecognitionSettings())
    yield recognizer
    recognizer.close()


def read(recognizer: Recognizer, samples: Samples, model: str = "tiny.en") -> Transcript:
    return recognizer.recognize(upload(samples), model=model)


def noise(seconds: float, level: float, seed: int = 1) -> Samples:
    generator = np.random.default_rng(seed)
    return generator.normal(0, level, round(seconds * RATE)).astype(np.float32)


def test_words_do_not_depend_on_what_else_is_transcribed(recognizer):
    speech = join(*(say(FOX), 0.7, say(WEATHER), 0.4) * 4)
    hard = (speech + noise(len(speech) / RATE, 0.05)[: len(speech)]).astype(np.float32)
    short = join(say(WEATHER), 0.5)
    alone = [read(recognizer, samples).channels for samples in (speech, hard, short)]
    with ThreadPoolExecutor(6) as pool:
        beside = list(pool.map(lambda one: read(recognizer, one), [speech, hard, short] * 2))
        live = recognizer.submit(short, priority=Priority.INTERIM)
        live.result(60)
    assert [transcript.channels for transcript in beside] == alone * 2


@pytest.mark.parametrize("model", ["tiny.en", "base"])
@pytest.mark.parametrize("milliseconds", [20, 50, 80, 120])
def test_a_fraction_of_a_word_has_no_text(recognizer, model, milliseconds):
    speech = say(FOX)
    start = np.flatnonzero(np.abs(speech) > 0.05)[0]
    for place in (start, start + 4_000, start + 9_000):
        piece = speech[place : place + milliseconds * RATE // 1000]
        assert len(text(read(recognizer, piece, model))) <= 3  # "he", "in": a word it may be


@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_sounds_that_are_no_speech_have_no_text(recognizer, model):
    for name, sound in no_speech(6).items():
        assert text(read(recognizer, sound, model)) == "", name


def pieces(word: Samples) -> list[Samples]:
    """Pieces of 150 ms and 250 ms that break off where the word is loud."""
    end = int(np.abs(word).argmax())
    return [word[max(0, end - length) : end] for length in (2_400, 4_000)]


@pytest.mark.parametrize("model", ["tiny.en", "base"])
def test_a_word_that_breaks_off_has_no_text(recognizer, model):
    for word in ("Understanding.", "Television."):
        for piece in pieces(say(word)):
            assert text(read(recognizer, join(0.5, piece, 0.5), model)) == "", (word, len(piece))
            assert text(read(recognizer, piece, model)) == "", (word, len(piece))


def test_a_word_is_not_placed_at_a_noise_before_it(recognizer):
    transcript = read(recognizer, join(noise(60, 0.1, seed=3), 5.0, say(FOX), 0.5))
    assert transcript.channels[0].words[0].start == pytest.approx(65.0, abs=0.3)


def test_one_word_is_written_once(recognizer):
    for spoken in ("Ready?", "Stop.", "Hello."):
        transcript = read(recognizer, join(0.3, say(spoken), 0.6))
        assert len(transcript.channels[0].words) == 1


@pytest.mark.parametrize("speed", [1.0, 1.2])
def test_a_telephone_number_is_written_as_often_as_it_is_said(recognizer, speed):
    spoken = say("My number is 555 123 4567, that's 555 123 4567.", speed=speed)
    words = read(recognizer, join(0.3, spoken, 0.5)).channels[0].words
    found = [word.text.strip(".,") for word in words]
    assert " ".join(found).lower() == "my number is 555-123-4567 that's 555-123-4567"


def test_each_word_starts_after_the_one_before_it_ended(recognizer):
    speech = join(*(say(FOX, speed=1.4), 0.3, say("No. No, no! Yes."), 1.2) * 4)
    words = read(recognizer, speech).channels[0].words
    assert all(word.start < word.end for word in words)
    assert all(word.end <= following.start for word, following in pairwise(words))


SPANISH = "Buenos días, me gustaría reservar una mesa para cuatro personas esta noche, por favor."


def test_another_language_than_the_named_one_is_reported(recognizer):
    spanish = join(0.3, say(SPANISH, voice="aura-2-sirio-es"), 0.5)
    assert read(recognizer, spanish).channels[0].heard_language == "es"


def test_no_other_language_is_reported_for_the_named_one(recognizer):
    spanish = join(0.3, say(SPANISH, voice="aura-2-sirio-es"), 0.5)
    english = join(0.3, say(FOX), 0.5)
    noisy = (english + noise(len(english) / RATE, 0.1)[: len(english)]).astype(np.float32)
    for speech, language in ((spanish, "es"), (english, "en"), (noisy, "en")):
        transcript = recognizer.recognize(upload(speech), model=None, language=language)
        assert transcript.channels[0].heard_language is None


def test_a_voice_too_short_for_a_language_is_not_looked_at(recognizer):
    spanish = join(0.3, say("Buenos días.", voice="aura-2-sirio-es"), 0.5)
    assert read(recognizer, spanish).channels[0].heard_language is None
