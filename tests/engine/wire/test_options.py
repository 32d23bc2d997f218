"""Every parameter of listen, read and speak is validated, by itself and beside the others."""

from __future__ import annotations

from dataclasses import fields
from urllib.parse import urlencode

import pytest

from engine.inference.catalog import Catalog, unknown_languages
from engine.speech.errors import NoSuchModel, UnknownModel
from engine.wire.errors import ApiError
from engine.wire.live_options import (
    FluxOptions,
    LiveFluxSpeakOptions,
    LiveListenOptions,
    LiveSpeakOptions,
)
from engine.wire.options import (
    FluxSpeakOptions,
    ListenOptions,
    ReadOptions,
    SpeakOptions,
    keyterm_problem,
)
from engine.wire.query import parameters, read_options

KINDS = (
    ListenOptions,
    LiveListenOptions,
    FluxOptions,
    ReadOptions,
    SpeakOptions,
    FluxSpeakOptions,
    LiveSpeakOptions,
    LiveFluxSpeakOptions,
)
FLUX = {"model": "flux-general-en"}
MULTI = {"model": "flux-general-multi"}


def rejection(kind: type, query: dict) -> ApiError:
    with pytest.raises(ApiError) as rejected:
        read_options(kind, urlencode(query, doseq=True))
    return rejected.value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("blank", ["", " ", "\t "])
def test_no_parameter_takes_a_blank_value(kind, blank):
    base = FLUX if kind is FluxOptions else {}
    for parameter in fields(kind):
        error = rejection(kind, base | {parameter.name: blank})
        assert (error.status, error.code) == (400, "INVALID_QUERY_PARAMETER")
        assert parameter.name in str(error)


@pytest.mark.parametrize(
    "kind", [ListenOptions, LiveListenOptions, FluxOptions], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize(
    "terms",
    [
        ["Earshot", ""],
        ["Earshot", "  "],
        ["a" * 201],
        ["fox"] * 101,
        ["one two three four five six"] * 84,
        ["a" * 200] * 50,
        ["Earshot:1.5"],
    ],
    ids=["empty", "blank", "too long", "too many", "too many words", "too many tokens", "weighted"],
)
def test_key_terms_are_plain_short_and_few(kind, terms):
    base = FLUX if kind is FluxOptions else {"model": "nova-3"}
    assert rejection(kind, base | {"keyterm": terms}).status == 400


@pytest.mark.parametrize("term", ["a\nb", "\x00", "a\tb", "\ud800"])
def test_key_terms_of_a_message_have_no_control_characters_either(term):
    assert "not allowed" in keyterm_problem(["Earshot", term])


def test_key_terms_are_trimmed():
    options = read_options(ListenOptions, "model=nova-3&keyterm=%20Earshot%20&keyterm=at 10:30")
    assert options.keyterm == ("Earshot", "at 10:30")
    assert keyterm_problem(["Earshot"] * 100) == ""


@pytest.mark.parametrize(
    ("kind", "query", "named"),
    [
        (ListenOptions, {"diarize": "true", "diarize_model": "v1"}, "diarize_model"),
        (LiveListenOptions, {"diarize": "true", "diarize_model": "latest"}, "diarize_model"),
        (ListenOptions, {"model": "nova-3", "keywords": "fox:2"}, "keyterm"),
        (ListenOptions, {"model": "nova-3-medical", "keywords": "fox"}, "keyterm"),
        (LiveListenOptions, {"model": "nova-3", "keywords": "fox"}, "keyterm"),
        (ListenOptions, {"model": "nova-2", "keywords": "fox:much"}, "keywords"),
        (ListenOptions, {"model": "nova-2", "keywords": ":2"}, "keywords"),
        (ListenOptions, {"model": "nova-2", "keywords": "fox:inf"}, "keywords"),
        (ListenOptions, {"model": "nova-2", "keywords": ["fox"] * 101}, "keywords"),
        (ListenOptions, {"encoding": "amr-nb", "sample_rate": 16_000}, "sample_rate"),
        (LiveListenOptions, {"encoding": "amr-wb", "sample_rate": 8_000}, "sample_rate"),
        (ListenOptions, {"language_hint": "e"}, "language_hint"),
        (LiveListenOptions, {"language_hint": "en us"}, "language_hint"),
        (ListenOptions, {"detect_language": ["en", "?"]}, "detect_language"),
        (ListenOptions, {"replace": ":zebra"}, "replace"),
        (ListenOptions, {"replace": "-:zebra"}, "replace"),
        (ListenOptions, {"replace": ["a:b"] * 201}, "replace"),
        (ListenOptions, {"search": ["a"] * 51}, "search"),
        (ListenOptions, {"search": "a" * 201}, "search"),
        (ListenOptions, {"tag": "a" * 129}, "tag"),
        (ListenOptions, {"tag": "a\nb"}, "tag"),
        (ListenOptions, {"model": "a" * 2_001}, "model"),
        (ListenOptions, {"custom_topic": ["a"] * 101}, "custom_topic"),
        (ReadOptions, {"custom_intent": ["a", " "]}, "custom_intent"),
        (LiveListenOptions, {"detect_language": "true"}, "detect_language"),
        (LiveListenOptions, {"detect_language": ["en", "es"]}, "detect_language"),
        (LiveListenOptions, {"summarize": "v2"}, "summarize"),
        (LiveListenOptions, {"utterance_end_ms": 1000}, "interim_results"),
        (FluxOptions, {}, "model"),
        (FluxOptions, FLUX | {"eot_threshold": 1, "eager_eot_threshold": 0.95}, "eager"),
        (FluxOptions, FLUX | {"eager_eot_threshold": 0.8}, "eager"),
        (FluxOptions, FLUX | {"eager_eot_threshold": 0}, "eager"),
        (FluxOptions, FLUX | {"language_hint": "en"}, "language_hint"),
        (FluxOptions, MULTI | {"language_hint": ["es", ""]}, "language_hint"),
        (FluxOptions, MULTI | {"redact": "numbers"}, "redact"),
        (FluxOptions, FLUX | {"redact": "ssn"}, "redact"),
        (FluxOptions, FLUX | {"redact": "true"}, "redact"),
        (FluxOptions, FLUX | {"encoding": "linear16", "sample_rate": 11_025}, "sample_rate"),
    ],
)
def test_values_that_cannot_be_are_rejected_and_named(kind, query, named):
    error = rejection(kind, query)
    assert error.status == 400
    assert named in str(error)


@pytest.mark.parametrize(
    ("kind", "query", "problem"),
    [
        (ListenOptions, {"punctuate": "yes"}, "punctuate: `yes` is not `true` or `false`"),
        (ListenOptions, {"summarize": "v3"}, "`v3`, expected one of `true`, `false`, `v1`, `v2`"),
        (ListenOptions, {"channels": "two"}, "`two` is not a whole number between 1 and 20"),
        (ListenOptions, {"sample_rate": "1"}, "sample_rate: 1 is not between 4000 and 768000"),
        (ListenOptions, {"utt_split": "1_0"}, "`1_0` is not a number between 0 and 60"),
        (ListenOptions, {"utt_split": "\u0663"}, "`\u0663` is not a number between 0 and 60"),
        (ListenOptions, {"utt_split": "1e400"}, "utt_split: 1e400 is not between 0 and 60"),
        (ListenOptions, {"channels": "21"}, "channels: 21 is not between 1 and 20"),
        (ListenOptions, {"utt_split": "soon"}, "utt_split: `soon` is not a number"),
        (ListenOptions, {"utt_split": "-1"}, "utt_split: -1 is not between 0 and 60"),
        (ListenOptions, {"diarize_model": "v9"}, "`v9`, expected one of `latest`, `v1`, `v2`"),
        (LiveListenOptions, {"endpointing": "yes"}, "endpointing: `yes` is not a whole number"),
        (LiveListenOptions, {"diarize_model": "v2"}, "`v2`, expected one of `latest`, `v1`"),
        (FluxOptions, FLUX | {"redact": "ssn"}, "`ssn`, expected one of `aggressive_numbers`"),
        (SpeakOptions, {"speed": "2"}, "speed: 2 is not between 0.7 and 1.5"),
        (ReadOptions, {"callback_method": "GET"}, "`GET`, expected one of `POST`, `PUT`"),
    ],
)
def test_an_error_has_the_parameter_its_value_and_what_is_allowed(kind, query, problem):
    assert problem in str(rejection(kind, query))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_parameter_is_described_and_reads_its_default(kind):
    for parameter in parameters(kind):
        assert parameter.about
        assert parameter.schema.keys() & {"type", "enum", "anyOf"}
        if default := parameter.schema.get("default"):
            read = parameter.read(parameter.name, [str(default)])
            assert read == getattr(kind, parameter.name)


def test_recordings_and_streams_read_the_same_parameters_alike():
    recorded = {each.name: each for each in parameters(ListenOptions)}
    live = {each.name: each for each in parameters(LiveListenOptions)}
    differ = {
        name for name in recorded.keys() & live.keys() if recorded[name].schema != live[name].schema
    }
    assert differ == {"sample_rate", "channels", "diarize_model", "callback_method"}
    assert recorded.keys() - live.keys() == {
        *("paragraphs", "utterances", "utt_split", "alternatives", "sentiment"),
        *("custom_topic", "custom_topic_mode", "custom_intent", "custom_intent_mode"),
    }


@pytest.mark.parametrize("name", ["topics", "intents"])
def test_topics_and_intents_of_a_stream_are_not_authorized(name):
    error = rejection(LiveListenOptions, {name: "true"})
    assert (error.status, error.code) == (403, "UNAUTHORIZED_FEATURES_REQUESTED")


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        (ListenOptions, {"diarize": "false", "diarize_model": "v2"}),
        (ListenOptions, {"model": "nova-3", "keyterm": ["Earshot"] * 100}),
        (ListenOptions, {"model": "nova-2", "keyterm": "Earshot", "keywords": "fox:-1.5"}),
        (
            ListenOptions,
            {"model": "nova-3", "language": "multi", "language_hint": ["en", "es-419"]},
        ),
        (ListenOptions, {"replace": ["fox:", "dog"]}),
        (ListenOptions, {"callback": "https://example.org/" + "a" * 900}),
        (LiveListenOptions, {"sentiment": "true", "topics": "false", "detect_language": "false"}),
        (LiveListenOptions, {"summarize": "false", "endpointing": "false"}),
        (FluxOptions, FLUX | {"eot_threshold": 1, "eager_eot_threshold": 0.9}),
        (FluxOptions, MULTI | {"language_hint": ["en", "es"]}),
        (FluxOptions, FLUX | {"redact": ["numbers", "aggressive_numbers"]}),
    ],
)
def test_values_at_their_limits_are_read(kind, query):
    assert isinstance(read_options(kind, urlencode(query, doseq=True)), kind)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog("tiny.en", "base")


@pytest.mark.parametrize("name", ["whisper", "whisper-tiny", "whisper-large", "whisper-tiny.en"])
def test_whisper_models_are_not_for_streams(catalog: Catalog, name: str):
    assert catalog.choose(name, "en").requested.startswith("whisper-")
    with pytest.raises(UnknownModel):
        catalog.choose(name, "en", streaming=True)
    assert all(
        not model.is_streaming
        for model in catalog.models.values()
        if model.architecture == "whisper"
    )


@pytest.mark.parametrize("name", ["whisper-banana", "whisper-large.en", "whisper-../x", "nova-3:a"])
def test_names_that_no_model_has_are_unknown(catalog: Catalog, name: str):
    with pytest.raises(NoSuchModel):
        catalog.choose(name, "en")


def test_a_whisper_model_that_is_not_installed_is_substituted_visibly(catalog: Catalog):
    assert catalog.choose("whisper-large", "en").is_substituted
    assert catalog.choose("whisper-large", "en").local == "base"
    assert not catalog.choose("whisper-base", "en").is_substituted
    assert not catalog.choose("nova-3", "en").is_substituted


def test_languages_that_no_model_knows_are_named():
    assert unknown_languages(["en", "es-419", "xx", "zz-ZZ"]) == ["xx", "zz-ZZ"]
