import json
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import BadRequest, InvalidOption, ListenOptions, ReadOptions, SpeakOptions
from speechclient.account import RequestFilter, UsageFilter
from speechclient.options import FluxOptions
from speechclient.parameters import MAX_KEYTERM_LENGTH

LISTEN_PARAMETERS = """
model version language language_hint detect_language punctuate smart_format paragraphs utterances
utt_split diarize diarize_model multichannel channels sample_rate encoding numerals measurements
dictation filler_words profanity_filter redact replace search keyterm keywords detect_entities
summarize sentiment topics intents custom_topic custom_topic_mode custom_intent custom_intent_mode
callback callback_method extra tag mip_opt_out alternatives
""".split()

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
words = texts.filter(lambda text: text.lower() not in ("true", "false"))
lists = st.lists(texts, max_size=5).map(tuple)
keyterms = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_KEYTERM_LENGTH
).filter(str.strip)
numbers = st.floats(allow_nan=False, allow_infinity=False)


def listen_values(name):
    default = getattr(ListenOptions(), name)
    if name == "detect_language":
        return st.booleans() | st.lists(words, min_size=1).map(tuple)
    if name == "summarize":
        return st.booleans() | words
    if name == "utt_split":
        return st.none() | numbers
    if name in ("channels", "sample_rate", "alternatives"):
        return st.none() | st.integers()
    if name == "extra":
        return st.dictionaries(
            texts.filter(lambda text: ":" not in text),
            st.text(st.characters(exclude_categories=["Cs"])),
        )
    if name == "keyterm":
        return st.lists(keyterms, max_size=5).map(tuple)
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, tuple):
        return lists
    return texts if name == "model" else st.none() | texts


listen_options = st.fixed_dictionaries(
    {}, optional={name: listen_values(name) for name in LISTEN_PARAMETERS}
).map(lambda chosen: ListenOptions(**chosen))


def test_listen_has_every_parameter_of_the_contract():
    assert [field.name for field in fields(ListenOptions)] == LISTEN_PARAMETERS


def test_only_the_model_is_sent_when_nothing_is_chosen():
    assert ListenOptions().query() == [("model", "nova-3")]


def test_booleans_lists_and_pairs_are_written_as_published():
    options = ListenOptions(
        model="nova-2",
        punctuate=True,
        utt_split=0.5,
        redact=("pci", "numbers"),
        extra={"order": "a:1"},
    )
    assert options.query() == [
        ("model", "nova-2"),
        ("punctuate", "true"),
        ("utt_split", "0.5"),
        ("redact", "pci"),
        ("redact", "numbers"),
        ("extra", "order:a:1"),
    ]


def test_read_always_names_its_language():
    assert ReadOptions(summarize="v2").query() == [("language", "en"), ("summarize", "v2")]


@given(listen_options)
@pytest.mark.slow
def test_options_survive_being_stored(options):
    assert ListenOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


@given(listen_options)
def test_options_survive_a_query_string(options):
    assert ListenOptions.from_query(options.query()) == options


def test_values_written_as_text_are_read_as_their_kind():
    pairs = [("diarize", "True"), ("utt_split", "1"), ("detect_language", "true")]
    options = ListenOptions.from_query(pairs)
    assert (options.diarize, options.utt_split, options.detect_language) == (True, 1.0, True)


def test_an_unknown_option_is_refused_and_the_known_ones_are_named():
    with pytest.raises(InvalidOption, match=r"'punctate' is no option.*punctuate") as rejected:
        ListenOptions.from_json({"punctate": True})
    assert isinstance(rejected.value, BadRequest)
    assert isinstance(rejected.value, ValueError)


@pytest.mark.parametrize(
    "wrong",
    [
        {"punctuate": "yes"},
        {"punctuate": 1},
        {"punctuate": None},
        {"utt_split": float("nan")},
        {"utt_split": "fast"},
        {"utt_split": True},
        {"utt_split": 10**400},
        {"channels": 1.5},
        {"channels": True},
        {"keyterm": "one"},
        {"keyterm": [1]},
        {"keyterm": [""]},
        {"keyterm": ["Ada", "  "]},
        {"keyterm": ["a"] * 101},
        {"keyterm": ["a" * 201]},
        {"keyterm": ["one two three four five six"] * 84},
        {"keyterm": ["a" * 200] * 50},
        {"language_hint": ["en", " "]},
        {"search": ["\t"]},
        {"tag": ["a"] * 1001},
        {"language": "\ud800"},
        {"language": ""},
        {"model": None},
        {"extra": {"a:b": "c"}},
        {"extra": [["a", "b"]]},
        {"detect_language": ["en", "true"]},
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(InvalidOption, match=name):
        ListenOptions.from_json(wrong)


def test_key_terms_and_other_lists_are_trimmed():
    options = ListenOptions(keyterm=(" Ada Lovelace ", "Earshot\n"), search=(" fox",))
    assert options.keyterm == ("Ada Lovelace", "Earshot")
    assert options.search == ("fox",)
    assert FluxOptions(keyterm=(" Ada",)).query()[-1] == ("keyterm", "Ada")


def test_stored_options_that_are_no_object_are_refused():
    with pytest.raises(InvalidOption, match="an object"):
        ListenOptions.from_json(cast(Any, ["punctuate"]))


def test_options_cannot_be_changed_through_what_they_were_made_of():
    chosen = {"a": "1"}
    options = ListenOptions(extra=chosen)
    chosen["b"] = "2"
    options.to_json()["extra"]["c"] = "3"
    assert options.extra == {"a": "1"}
    assert hash(options) == hash(ListenOptions(extra={"a": "1"}))


def test_speak_options_leave_out_what_was_not_chosen():
    options = SpeakOptions(model="aura-2-thalia-en", encoding="linear16", sample_rate=16000)
    assert dict(options.query()) == {
        "model": "aura-2-thalia-en",
        "encoding": "linear16",
        "sample_rate": "16000",
    }


def test_filters_write_days_moments_and_features():
    usage = UsageFilter(start=date(2026, 11, 1), features={"diarize": True, "redact": False})
    assert usage.query() == [("start", "2026-11-01"), ("diarize", "true"), ("redact", "false")]
    log = RequestFilter(start=datetime(2026, 11, 1, tzinfo=UTC), status="failed")
    assert log.query() == [("start", "2026-11-01T00:00:00+00:00"), ("status", "failed")]
    with pytest.raises(InvalidOption, match="'sing' is no feature"):
        UsageFilter(features={"sing": True})
    with pytest.raises(InvalidOption, match="no time zone"):
        RequestFilter(start=datetime(2026, 11, 1))
