"""A transcript as a page reads it, without a database."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.text import reading
from transcripts.text.reading import Line, Voices


@dataclass
class Said:
    text: str
    start: float
    end: float
    speaker: int | None = 0
    channel: int = 0


def line(start: float, end: float, speaker: int | None, characters=5, confidence=0.9) -> Line:
    return Line(start, end, speaker, 0, confidence, characters)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0:00"),
        (7.9, "0:07"),
        (760, "12:40"),
        (3723, "1:02:03"),
        (36000, "10:00:00"),
        (-1, "0:00"),
    ],
)
def test_seconds_are_said_as_people_write_them(seconds, said):
    assert reading.clock(seconds) == said


def laid(text: str, *spoken: str) -> str:
    timed = [[word, float(place), place + 0.5, 1.0] for place, word in enumerate(spoken)]
    return "".join(word.before + word.text for word in reading.words(text, timed))


def test_words_keep_what_stands_between_them():
    assert laid("Well, it did.", "Well,", "it", "did.") == "Well, it did."
    assert laid("我们去学校", "我们", "去", "学校") == "我们去学校"
    assert laid("the end the end", "the", "end", "the", "end") == "the end the end"


def test_a_word_that_the_text_does_not_hold_is_set_off_by_a_space():
    assert laid("It cost $20 then", "It", "cost", "twenty", "dollars", "then") == (
        "It cost twenty dollars then"
    )
    assert laid("我们去了二十", "我们", "去了", "廿", "个") == "我们去了廿个"


@given(st.lists(st.text("ab ,é語", min_size=1, max_size=4), max_size=12))
def test_every_word_is_laid_once_and_in_order(spoken):
    timed = [[word, place, place, 1.0] for place, word in enumerate(spoken)]
    assert [word.text for word in reading.words(" ".join(spoken), timed)] == spoken


def test_a_paragraph_ends_with_its_speaker_a_pause_or_its_length():
    first = Said("Yes.", 0, 1)
    same, other = Said("Then we went.", 1.5, 2), Said("Did you?", 2.5, 3, speaker=1)
    late = Said("Well.", 9, 10, speaker=1)
    found = reading.paragraphs([first, same, other, late])
    assert [each.utterances for each in found] == [[first, same], [other], [late]]
    assert [each.turn for each in found] == [True, True, False]
    long = [Said("word " * 50, place, place + 0.9) for place in range(4)]
    assert [len(each.utterances) for each in reading.paragraphs(long)] == [2, 2]


def test_a_block_goes_on_with_the_speaker_of_the_one_before():
    before = Said("Yes.", 0, 1)
    assert reading.paragraphs([Said("And so on.", 1, 2)], before)[0].turn is False


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 9), st.integers(1, 600)), max_size=120))
def test_blocks_hold_every_utterance_and_guess_their_paragraphs_rightly(drawn):
    said, clock = [], 0.0
    for speaker, pause, characters in drawn:
        said.append(Said("x" * characters, clock, clock + 1, speaker))
        clock += 1 + pause
    outline = [line(each.start, each.end, each.speaker, len(each.text)) for each in said]
    blocks = reading.blocks(outline)
    assert sum(block.characters for block in blocks) == sum(len(each.text) for each in said)
    for block in blocks:
        first = block.number * reading.BLOCK_UTTERANCES
        shown = reading.paragraphs(said[first : first + reading.BLOCK_UTTERANCES])
        assert block.paragraphs == len(shown)
        assert block.start == said[first].start


def test_voices_are_named_only_when_they_were_told_apart():
    together, apart = Voices(), Voices(multichannel=True)
    assert together.of(None, 0) is None
    assert apart.of(None, 1) == reading.Voice("Channel 2", 1, 1, None)
    assert together.of(9, 0) == reading.Voice("Speaker 10", 1, 0, 9, round=1)
    one, other = apart.of(0, 0), apart.of(0, 1)
    assert one is not None
    assert other is not None
    assert one.hue != other.hue
    assert other.name == "Speaker 1, channel 2"


def test_voices_are_called_as_people_called_them():
    voices = Voices(names={(0, 1): "Ada"})
    assert [voices.of(speaker, 0).name for speaker in (0, 1)] == ["Speaker 1", "Ada"]
    apart = Voices(multichannel=True, names={(1, None): "The office"})
    assert [apart.of(None, channel).name for channel in (0, 1)] == ["Channel 1", "The office"]


def test_a_sample_is_the_longest_clear_utterance_of_a_voice():
    outline = [
        line(0, 3, 0, confidence=0.9),
        line(4, 12, 0, confidence=0.2),
        line(13, 18, 0, confidence=0.8),
        line(20, 22, 1),
    ]
    one, other = reading.talkers(outline, Voices())
    assert (one.sample.start, other.sample.start) == (13, 20)
    assert (one.seconds, one.share) == (16, 16 / 18)


def test_voices_of_a_new_run_are_known_by_when_they_speak():
    before = [(0, 5, (0, 0)), (5, 9, (0, 1)), (9, 20, (0, 0))]
    heard = [(0, 4.8, (0, 1)), (5.2, 9, (0, 0)), (9, 20, (0, 1)), (30, 40, (0, 2)), (1, 2, None)]
    assert reading.same_voices(heard, before) == {(0, 1): (0, 0), (0, 0): (0, 1)}


def test_a_voice_that_speaks_mostly_elsewhere_is_another_one():
    assert reading.same_voices([(0, 10, (0, 0))], [(8, 12, (0, 0))]) == {}


def test_the_ninth_speaker_is_another_voice_than_the_first():
    outline = [reading.Line(place, place + 1, place % 2 * 8, 0, 0.9, 9) for place in range(4)]
    assert reading.turns(outline, Voices()) == [(0, 0, 0), (1, 0, 1), (2, 0, 0), (3, 0, 1)]


def test_turns_hold_only_the_changes_of_voice():
    outline = [line(second, second + 1, who) for second, who in enumerate([0, 0, 1, 1, 0])]
    turns = reading.turns(outline, Voices())
    assert turns == [(0.0, 0, 0), (2.0, 1, 0), (4.0, 0, 0)]
    assert all(one[1] != other[1] for one, other in pairwise(turns))


@given(st.text())
def test_folding_keeps_every_place(text):
    assert len(reading.fold(text)) == len(text)


def test_folding_takes_case_and_accents_away():
    assert reading.fold("CAFÉ Über") == reading.fold("cafe uber")
