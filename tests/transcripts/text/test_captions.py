"""Captions: two lines of 42, seven seconds, breaks where people pause."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from tests.linear import TIMES, assert_linear
from transcripts.media.names import clean_title
from transcripts.text import captions
from transcripts.text.reading import Voices


def said(text, start=0.0, end=None, pace=0.4, speaker=None, channel=0):
    """An utterance whose words each take ``pace`` seconds."""
    words = [
        [word, start + place * pace, start + (place + 1) * pace, 0.9]
        for place, word in enumerate(text.split())
    ]
    end = end if end is not None else (words[-1][2] if words else start)
    return SimpleNamespace(
        start=start, end=end, text=text, words=words, speaker=speaker, channel=channel
    )


def test_short_sentence_is_one_caption():
    (cue,) = captions.cues([said("Good morning everyone.", pace=0.5)])
    assert (cue.start, cue.end, cue.lines) == (0.0, 1.5, ("Good morning everyone.",))


def test_captions_of_endless_words_are_linear():
    for unit in ("a", "\u0301", "a\u200d", "漢", "dot a "):
        assert_linear(lambda text: captions.srt([said(text)]), unit * 300, unit * 300 * TIMES)


def test_long_sentence_takes_two_even_lines():
    (cue,) = captions.cues(
        [said("We moved the meeting to Thursday because of the holiday.", pace=0.3)]
    )
    assert cue.lines == ("We moved the meeting to", "Thursday because of the holiday.")


def test_caption_ends_with_the_sentence_rather_than_full():
    text = (
        "We looked at every number twice before we sent it. After that nobody in the whole "
        "company asked for another report."
    )
    first, *_ = captions.cues([said(text, pace=0.2)])
    assert " ".join(first.lines) == "We looked at every number twice before we sent it."


def test_caption_stays_long_enough_to_be_read_but_not_into_the_next():
    quick = captions.cues([said("Yes.", 0.0, pace=0.2), said("No.", 5.0, pace=0.2)])
    assert quick[0].end == 1.0
    near = captions.cues([said("Yes.", 0.0, pace=0.2), said("No.", 0.5, pace=0.2)])
    assert near[0].end == 0.5


def test_text_without_words_is_spread_over_its_time():
    spoken = said("", 0.0, 20.0)
    spoken.text = " ".join(["word"] * 40)
    cues = captions.cues([spoken])
    assert len(cues) > 2
    assert (cues[0].start, cues[-1].end) == (0.0, 20.0)


def test_chinese_needs_no_spaces_and_half_the_characters():
    text = "今天我们讨论一下明年的计划因为时间很紧所以请大家准备好自己的数字谢谢"
    spoken = said("")
    spoken.text = text
    spoken.words = [[char, i * 0.2, i * 0.2 + 0.2, 0.9] for i, char in enumerate(text)]
    cues = captions.cues([spoken])
    assert all(captions.width(line) <= captions.LINE_WIDTH for cue in cues for line in cue.lines)
    assert "".join("".join(cue.lines) for cue in cues) == text


def test_voices_are_named_where_there_are_several():
    talk = [said("Hello.", 0, speaker=0), said("Hi.", 5, speaker=1), said("Well.", 9, speaker=1)]
    vtt = captions.vtt(talk)
    assert "<v Speaker 1>Hello." in vtt
    assert "<v Speaker 2>Hi." in vtt
    srt = captions.srt(talk)
    assert srt.count("[Speaker 2]") == 1  # said where it changes
    assert captions.txt(talk).splitlines()[0] == "Speaker 1: Hello."
    assert "Speaker" not in captions.txt([said("Alone.", speaker=0)])


def test_channels_are_voices_when_they_were_transcribed_apart():
    talk = [said("Hello.", 0, channel=0), said("Hi.", 5, channel=1)]
    assert captions.txt(talk, Voices(multichannel=True)) == "Channel 1: Hello.\n\nChannel 2: Hi.\n"


def test_names_that_people_gave_stand_in_every_format():
    talk = [said("Hello.", 0, speaker=0), said("Hi.", 5, speaker=1)]
    named = Voices(names={(0, 1): "Ada & Bob"})
    assert captions.txt(talk, named) == "Speaker 1: Hello.\n\nAda & Bob: Hi.\n"
    assert "[Ada & Bob] Hi." in captions.srt(talk, named)
    assert "<v Ada &amp; Bob>Hi." in captions.vtt(talk, named)
    assert captions.as_objects(talk, named)[1]["speaker_name"] == "Ada & Bob"


def test_one_named_speaker_alone_is_named():
    named = Voices(names={(0, 0): "Ada"})
    assert captions.txt([said("Alone.", speaker=0)], named) == "Ada: Alone.\n"


def test_markup_stays_text():
    spoken = said("<i>-->&", speaker=0)
    named = Voices(names={(0, 0): "<c> --> 0"})
    assert "&lt;i&gt;--&gt;&amp;" in captions.vtt([spoken])
    assert "<v &lt;c&gt; --&gt; 0>" in captions.vtt([spoken], named)
    assert captions.srt([spoken], named).count("-->") == 1


def test_times_are_written_to_the_millisecond_with_hours():
    assert captions.timestamp(3723.4567, ",") == "01:02:03,457"
    assert captions.timestamp(59.9999, ".") == "00:01:00.000"


def test_silence_is_an_empty_file_of_its_format():
    assert (captions.srt([]), captions.txt([]), captions.vtt([])) == ("", "", "WEBVTT\n")


WORDS = st.lists(
    st.text(
        st.characters(blacklist_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=90
    ),
    min_size=1,
    max_size=60,
)


SCRIPTS = st.text(st.sampled_from("ab ,。今天แมว\u0301\u200d👩😀"), min_size=1, max_size=120)


@given(st.lists(st.lists(SCRIPTS, min_size=1, max_size=30), max_size=4), st.text(max_size=100))
def test_no_caption_has_more_than_two_lines_in_any_format(talks, name):
    talk = [
        said(" ".join(words), start=9.0 * place, pace=0.2, speaker=place % 2)
        for place, words in enumerate(talks)
    ]
    voices = Voices(names={(0, 0): " ".join(clean_title(name).split()) or "Ada"})
    for labelled in (False, True):
        for cue in captions.cues(talk, voices, labelled):
            assert len(cue.lines) <= 2
            assert all(captions.width(line) <= captions.LINE_WIDTH for line in cue.lines)
    for block in captions.srt(talk, voices).split("\n\n"):
        assert len(block.strip("\n").splitlines()) <= 4  # a number, the times and two lines


def test_the_label_of_a_voice_takes_its_place_on_the_two_lines():
    text = "We moved the meeting to Thursday because of the holiday, as we said before."
    talk = [said("Hello.", 0, speaker=0), said(text, 5, pace=0.2, speaker=1)]
    named = Voices(names={(0, 1): "Her Excellency the Ambassador of Liechtenstein"})
    for cue in captions.cues(talk, named, labelled=True):
        assert len(cue.lines) <= 2
    assert "[Her Excellency the Ambassador of Liecht…]\nWe moved" in captions.srt(talk, named)


def test_a_word_longer_than_a_line_is_cut_and_its_time_shared_out():
    cues = captions.cues([said("https://example.test/" + "a" * 160, pace=4.0)])
    assert [len(cue.lines) for cue in cues] == [2, 2, 1]
    assert [round(cue.start, 2) for cue in cues] == [0.0, 1.86, 3.71]
    assert cues[0].end == cues[1].start


@given(WORDS, st.floats(0.01, 9.0))
def test_no_word_is_lost_or_doubled(texts, pace):
    spoken = said(" ".join(texts), pace=pace)
    cues = captions.cues([spoken])
    shown = "".join("".join(cue.lines) for cue in cues).replace(" ", "")
    assert shown == "".join(spoken.text.split())
    assert all(cue.start <= cue.end for cue in cues)
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)


def test_text_of_a_script_without_spaces_has_none_between_utterances():
    talk = [said("東京は晴れ", speaker=0), said("です。", speaker=0), said("明日は雨", speaker=0)]
    assert captions.txt(talk) == "東京は晴れです。明日は雨\n"
