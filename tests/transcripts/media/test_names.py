"""Names of files, recordings and speakers: one rule, which keeps what people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.choices import PresetForm
from transcripts.forms import SpeakerForm, TitleForm
from transcripts.media.names import LONGEST, clean_name, clean_title, folded_title, title_of

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
KEPT = (
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian with a ZWNJ
    "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
    "\u0915\u094d\u200d\u0937",  # Hindi with a ZWJ
    f"{FAMILY} at home",
    "\U0001fae8",  # Unicode 15, newer than Python 3.11's table
    "\U0001fadf",  # Unicode 16
    ENGLAND,
    "\u2764\ufe0f",  # with a variation selector
    "\ue000 of a font of ours",
)


@pytest.mark.parametrize("name", KEPT)
def test_joiners_and_new_emoji_survive_in_file_title_and_speaker_names(name):
    assert clean_name(f"{name}.wav") == f"{name}.wav"
    assert title_of(clean_name(f"{name}.wav")) == name
    title = TitleForm({"title": name})
    assert title.is_valid()
    assert title.cleaned_data["title"] == name
    speaker = SpeakerForm({"voice": "0-1", "name": name})
    assert speaker.is_valid()
    assert speaker.cleaned_data["name"] == name
    preset = PresetForm(None, {"name": name, "options": "{}"})
    preset.fields["options"].required = False
    preset.cleaned_data = {"name": name}
    assert preset.clean_name() == name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("evil\u202egpj", "evilgpj"),
        ("a\x00b\x07c", "abc"),
        ("two\nlines\u2028here", "two lines here"),
        ("\ufeffwith a mark", "with a mark"),
        ("soft\u00adhyphen", "softhyphen"),
        ("tags\U000e0041\U000e0042", "tags"),
        ("half \ud83d", "half \ufffd"),
        ("\uffff\ufdd0non", "non"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_control_and_direction_characters_are_taken_out(typed, kept):
    assert clean_title(typed) == kept


@pytest.mark.parametrize(
    "typed", ["\u200d", "\u200c\u200c ", "\u3164", "\u2800", "\u202e", "\ufe0f"]
)
def test_a_name_that_shows_nothing_is_none(typed):
    assert clean_title(typed) == ""
    assert clean_name(f"{typed}.wav") == "Recording.wav"
    assert not TitleForm({"title": typed}).is_valid()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Interview v1.5", "Interview v1.5"),
        ("Interview v1.5.wav", "Interview v1.5"),
        ("Meeting at 3.30pm", "Meeting at 3.30pm"),
        ("Dr. No", "Dr. No"),
        ("talk.MP3", "talk"),
        ("talk.tar.opus", "talk.tar"),
        (".wav", ".wav"),
    ],
)
def test_only_the_ending_of_a_media_file_is_left_out_of_a_title(name, title):
    assert title_of(name) == title


@given(st.text(st.characters(), max_size=400))
def test_every_name_is_one_line_of_valid_text(typed):
    for cleaned in (clean_title(typed), clean_name(typed)):
        assert len(cleaned) <= LONGEST
        assert cleaned.encode("utf-8").decode() == cleaned
        assert len(cleaned.splitlines()) <= 1
        assert clean_title(cleaned) == cleaned


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("\u00dcBERSICHT \u00c4rzte", "\u00fcbersicht"),
        ("\u00dcBERSICHT \u00c4rzte", "ubersicht arzte"),
        ("\u041c\u043e\u0441\u043a\u0432\u0430", "\u043c\u043e\u0441\u043a\u0432\u0430"),
        ("Caf\u00e9", "cafe"),
        ("Cafe", "CAF\u00c9"),
        ("Cafe\u0301", "caf\u00e9"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645",
        ),
    ],
)
def test_titles_are_compared_without_case_and_accents(title, typed):
    assert folded_title(typed) in folded_title(title)
