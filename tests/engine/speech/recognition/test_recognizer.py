"""Recordings and live segments to words, with the real models."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Limits, RawFormat
from engine.speech.diarization.diarizer import Diarizer
from engine.speech.errors import AudioLimit, Cancelled, EmptyAudio, UnknownModel
from engine.speech.recognition.queue import Priority
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.recognition.transcript import Transcript
from engine.text.words import Word
from tests.engine.speech.sound import encoded, wave_bytes
from tests.speech import join, pcm_bytes, say, wav_bytes

pytestmark = pytest.mark.full

FOX = "The quick brown fox jumps over the lazy dog near the bank of the river."
WEATHER = "Tomorrow it will rain in the morning and clear up in the afternoon."


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    recognizer = Recognizer(RecognitionSettings())
    yield recognizer
    recognizer.close()


def upload(*parts) -> io.BytesIO:
    return io.BytesIO(wav_bytes(join(*parts), RATE))


def text(transcript: Transcript, channel: int = 0) -> str:
    return " ".join(word.text for word in transcript.channels[channel].words)


def plain(spoken: str) -> list[str]:
    return re.findall(r"[a-z]+", spoken.lower())


def shared(found: str, spoken: str) -> float:
    """The part of the spoken words that were found."""
    return len(set(plain(found)) & set(plain(spoken))) / len(set(plain(spoken)))


def test_how_far_a_recording_is_heard_is_told_as_it_is_read(recognizer):
    heard: list[float] = []
    sentences = [say(FOX), say(WEATHER)] * 4
    transcript = recognizer.recognize(upload(*sentences), heard=heard.append)
    assert len(heard) > 1
    assert heard == sorted(heard)
    assert 0 < heard[0] < transcript.duration / 2 + 30
    assert heard[-1] == pytest.approx(transcript.duration, abs=2.0)


def test_speech_becomes_its_words_with_their_times(recognizer):
    speech = say(FOX)
    transcript = recognizer.recognize(upload(2.0, speech, 1.0))
    assert shared(text(transcript), FOX) > 0.8
    words = transcript.channels[0].words
    assert words[0].start == pytest.approx(2.0, abs=0.5)
    assert words[-1].end == pytest.approx(2.0 + len(speech) / RATE, abs=0.7)
    assert all(0 <= word.confidence <= 1 for word in words)
    for word, following in pairwise(words):
        assert word.start + 0.0199 <= word.end <= following.start
    assert transcript.duration == pytest.approx(3.0 + len(speech) / RATE, abs=0.01)
    assert (transcript.channels[0].language, transcript.channels[0].model) == ("en", "tiny.en")


def test_silence_has_no_words(recognizer):
    transcript = recognizer.recognize(upload(20.0))
    assert text(transcript) == ""
    assert transcript.channels[0].segments == ()
    assert transcript.duration == 20.0


def test_several_windows_come_in_order(recognizer):
    numbers = [f"This is sentence number {n} of the long story." for n in ("one", "two", "three")]
    parts = [part for spoken in numbers * 4 for part in (say(spoken), 1.0)]
    transcript = recognizer.recognize(upload(*parts))
    found = re.findall(r"\b(one|two|three|1|2|3)\b", text(transcript).lower())
    digits = [{"one": "1", "two": "2", "three": "3"}.get(number, number) for number in found]
    assert "".join(digits).count("123") >= 3
    starts = [word.start for word in transcript.channels[0].words]
    assert starts == sorted(starts)


def test_segments_lie_between_pauses(recognizer):
    transcript = recognizer.recognize(upload(say(FOX), 5.0, say(WEATHER)))
    segments = transcript.channels[0].segments
    gaps = [b.start - a.end for a, b in pairwise(segments)]
    assert max(gaps) > 4.0


@pytest.mark.parametrize("pause", [0.5, 1.2])
def test_words_lie_where_they_were_said(recognizer, pause):
    sentences = (FOX, "I think so, too.", WEATHER, "Is it the second of May?")
    parts = [say(sentence) for sentence in sentences]
    transcript = recognizer.recognize(upload(*(each for part in parts for each in (part, pause))))
    words = transcript.channels[0].words
    edges = [edge for word in words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert all(word.end - word.start >= 0.059 for word in words)
    start = 0.0
    for part in parts:
        heard = np.flatnonzero(np.abs(part) > 0.01) / RATE + start
        start += len(part) / RATE + pause
        own = [word for word in words if word.end < start]
        assert own[0].start == pytest.approx(heard[0], abs=0.15)
        assert own[-1].end == pytest.approx(heard[-1], abs=0.25)
        words = words[len(own) :]
    assert not words


def test_each_channel_has_its_own_words(recognizer):
    left, right = say(FOX), say(WEATHER)
    length = max(len(left), len(right))
    tracks = np.zeros((length, 2), np.float32)
    tracks[: len(left), 0], tracks[: len(right), 1] = left, right
    raw = RawFormat("linear16", RATE, 2)
    transcript = recognizer.recognize(
        io.BytesIO(pcm_bytes(tracks.ravel())), raw=raw, multichannel=True
    )
    assert shared(text(transcript, 0), FOX) > 0.7
    assert shared(text(transcript, 1), WEATHER) > 0.7
    assert transcript.source_channels == 2


def test_the_language_is_found(recognizer):
    transcript = recognizer.recognize(upload(say(FOX)), detect_language=True)
    channel = transcript.channels[0]
    assert (channel.language, channel.model) == ("en", "tiny.en")
    assert channel.language_confidence > 0.5


def speakers(transcript: Transcript, channel: int = 0) -> list[int | None]:
    """The speaker of each word."""
    found = transcript.channels[channel]
    assert found.diarization is not None
    words = [Word.of(word.text, word.start, word.end) for word in found.words]
    return [word.speaker for word in found.diarization.assign(words)]


@pytest.fixture(scope="module")
def diarizer() -> Diarizer:
    return Diarizer()


def test_one_decoding_gives_words_and_speakers(recognizer, diarizer):
    samples = join(say(FOX), 0.8, say(WEATHER, voice="af_heart"))
    transcript = recognizer.recognize(upload(samples), diarizer=diarizer)
    assert transcript.is_diarized
    change = len(say(FOX)) / RATE + 0.4
    words = transcript.channels[0].words
    assert speakers(transcript) == [int(word.start > change) for word in words]
    assert not recognizer.recognize(upload(say(FOX))).is_diarized


def test_each_channel_has_its_own_speakers(recognizer, diarizer):
    left = join(say(FOX), 0.8, say(WEATHER, voice="af_heart"))
    right = np.zeros_like(left)
    right[: len(say(WEATHER))] = say(WEATHER)
    data = wav_bytes(np.stack([left, right], axis=1), RATE)
    transcript = recognizer.recognize(io.BytesIO(data), multichannel=True, diarizer=diarizer)
    assert set(speakers(transcript, 0)) == {0, 1}
    assert set(speakers(transcript, 1)) == {0}


def test_another_language_is_read_by_the_multilingual_model(recognizer):
    transcript = recognizer.recognize(upload(say(FOX)), language="es-419")
    assert transcript.channels[0].model == "base"


def test_only_the_candidates_are_found(recognizer):
    transcript = recognizer.recognize(upload(say(FOX)), detect_language=["de", "fr"])
    assert transcript.channels[0].language in ("de", "fr")


def test_a_model_that_does_not_know_the_language_is_rejected(recognizer):
    with pytest.raises(UnknownModel, match="es"):
        recognizer.recognize(upload(say(FOX)), model="tiny.en", language="es")


def test_compressed_telephone_sound_is_understood(recognizer):
    data = encoded(say(FOX, rate=8_000), "wav", "pcm_mulaw", 8_000)
    assert shared(text(recognizer.recognize(io.BytesIO(data))), FOX) > 0.6


def test_a_cut_recording_gives_its_words_and_says_so(recognizer):
    samples = say(FOX)
    data = wave_bytes(samples, stated_bytes=len(samples) * 20)
    transcript = recognizer.recognize(io.BytesIO(data))
    assert transcript.truncated
    assert shared(text(transcript), FOX) > 0.8


def test_unusable_audio_raises_before_anything_is_queued(recognizer):
    with pytest.raises(EmptyAudio):
        recognizer.recognize(io.BytesIO(b""))
    assert recognizer.waiting()[Priority.BATCH] == 0


def test_a_limit_in_the_middle_leaves_nothing_behind():
    limits = Limits(max_seconds=60)
    recognizer = Recognizer(RecognitionSettings(limits=limits))
    with pytest.raises(AudioLimit, match="60 seconds"):
        recognizer.recognize(upload(*[say(FOX)] * 30))
    assert recognizer.waiting()[Priority.BATCH] == 0
    recognizer.close()


def test_a_cancelled_request_ends(recognizer):
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        recognizer.recognize(upload(say(FOX)), cancelled=cancelled)


def test_a_file_on_disk_is_read(recognizer, tmp_path: Path):
    path = tmp_path / "fox.flac"
    path.write_bytes(encoded(say(FOX), "flac", "flac", RATE))
    assert shared(text(recognizer.recognize(path)), FOX) > 0.8


def test_a_live_segment_is_timed_from_its_first_sample(recognizer):
    speech = say(FOX)
    future = recognizer.submit(
        speech, priority=Priority.FINAL, context_seconds=len(speech) / RATE + 2
    )
    hypothesis = future.result(60)
    assert shared(hypothesis.text, FOX) > 0.7
    assert hypothesis.words[-1].end <= len(speech) / RATE + 0.1
    assert hypothesis.no_speech_probability < 0.6


def test_a_live_segment_without_word_times_has_text_alone(recognizer):
    future = recognizer.submit(say(FOX), priority=Priority.INTERIM, word_times=False)
    hypothesis = future.result(60)
    assert hypothesis.text
    assert hypothesis.words == ()


def test_keyterms_lead_to_their_spelling(recognizer):
    spoken = upload(say("Please write to Katherine about the letter."))
    assert "Kathryn" not in text(recognizer.recognize(spoken))
    spoken.seek(0)
    assert "Kathryn" in text(recognizer.recognize(spoken, keyterms=["Kathryn"]))
