from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.speech.diarization.diarizer import (
    ChunkCutter,
    Diarization,
    Diarizer,
    LiveDiarizer,
    Turn,
    group_prints,
    group_voices,
)
from engine.speech.diarization.voiceprints import (
    FRAMES,
    Segmentation,
    Voiceprint,
    normalised,
    power_spectrum,
)
from engine.text.words import Word
from tests.speech import join, say

pytestmark = pytest.mark.full

JOE = "The quick brown fox jumped over the lazy dog and went to the river."
HEART = "Tomorrow we shall travel to the mountains, and we will be back on Sunday."


@pytest.fixture(scope="module")
def diarizer():
    return Diarizer()


@pytest.fixture(scope="module")
def talk():
    """Two voices in turn, and where each begins and ends."""
    parts = [say(JOE), say(HEART, voice="af_heart"), say(HEART), say(JOE, voice="af_heart")]
    samples = join(*(piece for part in parts for piece in (part, 0.5)))
    ends = np.cumsum([len(part) / 16_000 + 0.5 for part in parts])
    spans = [(start, end - 0.5) for start, end in pairwise([0.0, *ends])]
    return samples, spans


def diarized(diarizer, *blocks) -> Diarization:
    cutter = ChunkCutter()
    chunks = [chunk for block in blocks for chunk in cutter.feed(block)] + cutter.finish()
    return group_voices([voice for chunk in chunks for voice in diarizer.voices(chunk)])


def spoken(start: float, end: float) -> Word:
    return Word.of("word", start, end)


def test_prints_of_one_voice_are_alike_and_of_two_are_not():
    voices = [say(JOE)[:32_000], say(HEART)[:32_000], say(JOE, voice="af_heart")[:32_000]]
    prints = Voiceprint()(np.stack(voices))
    assert prints.shape == (3, 192)
    assert np.allclose(np.linalg.norm(prints, axis=1), 1, atol=1e-5)
    assert prints[0] @ prints[1] > 0.5
    assert prints[0] @ prints[2] < 0.3


def test_print_takes_no_more_than_two_seconds():
    with pytest.raises(ValueError, match="has at most"):
        Voiceprint()(np.zeros((1, 48_000), np.float32))


def test_segmentation_hears_speech_and_silence():
    activity = Segmentation()(join(2.0, say(JOE)))
    assert activity.shape == (FRAMES, 3)
    assert not activity[:100].any()
    assert activity[150:250].any(axis=1).mean() > 0.8


def test_spectrum_has_a_frame_each_ten_milliseconds():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    power = power_spectrum(tone)
    assert power.shape == (98, 256)
    assert int(power.mean(axis=0).argmax()) == 32  # of 31.25 Hz each


def test_two_voices_in_turn_are_told_apart(diarizer, talk):
    samples, spans = talk
    words = [spoken(start + 0.5, end - 0.5) for start, end in spans]
    assigned = diarized(diarizer, samples).assign(words)
    assert [word.speaker for word in assigned] == [0, 1, 0, 1]
    assert all(word.speaker_confidence > 0.6 for word in assigned)


def test_blocks_of_any_size_give_the_same_turns(diarizer, talk):
    samples, _ = talk
    blocks = [samples[first : first + 7001] for first in range(0, len(samples), 7001)]
    assert diarized(diarizer, samples) == diarized(diarizer, *blocks)


def test_one_voice_is_one_speaker(diarizer):
    found = diarized(diarizer, join(say(JOE), 0.8, say(HEART), 0.8, say(JOE)))
    assert {turn.speaker for turn in found.turns} == {0}


def test_silence_and_nothing_have_no_turns(diarizer):
    assert diarized(diarizer, np.zeros(200_000, np.float32)).turns == ()
    assert diarized(diarizer).turns == ()


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.3, 1.0])
def test_a_very_short_sound_has_one_speaker_at_most(diarizer, seconds):
    found = diarized(diarizer, say(JOE)[8_000 : 8_000 + round(seconds * 16_000)])
    assert {turn.speaker for turn in found.turns} <= {0}
    assert all(0 <= turn.start < turn.end <= seconds + 1e-6 for turn in found.turns)
    (word,) = found.assign([spoken(0, seconds)])
    assert word.speaker == 0
    assert 0 < word.speaker_confidence <= 1


def test_chunks_are_ten_seconds_and_hold_all_sound():
    samples = np.arange(400_000, dtype=np.float32)
    cutter = ChunkCutter()
    chunks = cutter.feed(samples[:9]) + cutter.feed(samples[9:]) + cutter.finish()
    assert [(len(chunk.samples), chunk.offset) for chunk in chunks] == [
        (160_000, 0.0),
        (160_000, 10.0),
        (80_000, 20.0),
    ]
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), samples)


def test_words_without_any_turn_get_speaker_zero():
    (word,) = Diarization(()).assign([spoken(0, 1)])
    assert (word.speaker, word.speaker_confidence) == (0, 0.5)


def test_word_belongs_to_whoever_speaks_most_of_it():
    found = Diarization((Turn(0, 2.3, 0, 0.9), Turn(2.2, 5, 1, 0.8)))
    words = [spoken(1, 2), spoken(2.1, 2.9), spoken(3, 4), spoken(5.2, 5.4)]
    assigned = found.assign(words)
    assert [word.speaker for word in assigned] == [0, 1, 1, 1]
    assert assigned[0].speaker_confidence == 0.9
    assert assigned[1].speaker_confidence < 0.8  # shared with the other
    assert assigned[3].speaker_confidence == 0.4  # only near the turn


def test_speakers_count_from_zero_by_first_word():
    found = Diarization((Turn(0, 1, 0, 0.9), Turn(2, 3, 1, 0.9)))
    assert [word.speaker for word in found.assign([spoken(2, 3)])] == [0]


def test_flip_under_three_tenths_of_a_second_is_smoothed():
    found = Diarization((Turn(0, 1, 0, 0.9), Turn(1, 1.2, 1, 0.9), Turn(1.2, 3, 0, 0.9)))
    words = [spoken(0, 0.9), spoken(1, 1.2), spoken(1.3, 2)]
    assert [word.speaker for word in found.assign(words)] == [0, 0, 0]


def assigned(live: LiveDiarizer, words: list[Word], end: float) -> list[Word]:
    return live.assign(words, live.cut(words, end))


def test_live_speakers_do_not_depend_on_how_much_has_come_since(diarizer, talk):
    samples, spans = talk
    results = [([spoken(start + 0.2, end - 0.2)], end) for start, end in spans]
    prompt, late = diarizer.live(), diarizer.live()
    late.feed(samples)
    fed = 0
    for words, end in results:
        prompt.feed(samples[fed : round(end * 16_000)])
        fed = round(end * 16_000)
        assert assigned(prompt, words, end) == assigned(late, words, end)


def test_live_words_get_speakers_that_stay(diarizer, talk):
    samples, spans = talk
    live = diarizer.live()
    speakers = []
    fed = 0
    for start, end in spans:
        live.feed(samples[fed : round(end * 16_000)])
        fed = round(end * 16_000)
        middle = (start + end) / 2
        words = [spoken(start + 0.2, middle), spoken(middle, end - 0.2)]
        words = assigned(live, words, end)
        speakers.append({word.speaker for word in words})
    assert speakers == [{0}, {1}, {0}, {1}]


def test_grouping_many_prints_in_parts_finds_the_same_speakers():
    random = np.random.default_rng(7)
    voices = normalised(random.normal(size=(3, 192)).astype(np.float32))
    noise = random.normal(size=(900, 192)).astype(np.float32)
    prints = normalised(voices[np.arange(900) % 3] + 0.05 * noise)
    found = group_prints(prints)
    assert len(found) == 3
    assert (found @ voices.T).max(axis=1).min() > 0.95


@pytest.mark.parametrize(
    ("likeness", "times", "speakers"), [(0.35, 1, 1), (0.35, 2, 2), (0.2, 1, 2), (0.5, 2, 1)]
)
def test_a_print_alone_needs_more_to_be_a_speaker(likeness, times, speakers):
    voice, other = np.eye(192, dtype=np.float32)[:2]
    doubtful = likeness * voice + np.sqrt(1 - likeness**2) * other
    prints = np.stack([voice] * 4 + [doubtful] * times)
    assert len(group_prints(prints)) == speakers


def test_words_keep_everything_else(diarizer):
    word = replace(spoken(0, 1), language="en")
    (assigned,) = Diarization((Turn(0, 1, 0, 0.9),)).assign([word])
    assert replace(assigned, speaker=None, speaker_confidence=None) == word
