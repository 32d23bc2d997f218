"""Names of models and the models that serve them (docs/contract.md, 5.1 and choice 24)."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.inference import catalog as catalogs
from engine.inference.catalog import (
    ENGLISH,
    LANGUAGES,
    Catalog,
    Choice,
    is_english,
    unknown_languages,
)
from engine.speech.errors import NoSuchModel, UnknownModel

LENIENT = Catalog("tiny.en", "base")
STRICT = Catalog("tiny.en", "base", strict=True)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Sizes of Whisper whose weights are on the disk."""
    sizes = {"tiny.en", "base"}
    monkeypatch.setattr(catalogs, "is_at_hand", lambda size: size in sizes)
    return sizes


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("nova-3", "nova-3-general"),
        ("Nova-2-Meeting", "nova-2-meeting"),
        (" nova-3 ", "nova-3-general"),
        ("phonecall", "base-phonecall"),
        ("general", "base-general"),
        ("base-general", "base-general"),
        ("enhanced", "enhanced-general"),
        ("whisper-tiny.en", "whisper-tiny.en"),
        ("nova-3:nova-2", "nova-2-general"),
    ],
)
def test_every_way_to_name_a_model_is_known(name: str, canonical: str):
    assert LENIENT.choose(name, "en").requested == canonical


def test_a_newer_name_is_served_unless_the_engine_is_strict():
    assert LENIENT.choose("nova-9", "en-US").requested == "nova-9"
    assert LENIENT.choose("nova-9-future", "sw").requested == "nova-9-future"
    with pytest.raises(NoSuchModel):
        STRICT.choose("nova-9", "en-US")


@pytest.mark.parametrize(
    "name",
    [
        "aura-2-thalia-en",
        "nova-x" * 2 + "/",
        "",
        "en",
        "nova-",
        "nova-1234",
        "whisper-enormous",
        ":",
    ],
)
def test_what_is_no_name_of_a_recognition_model_is_rejected(name: str):
    for catalog in (LENIENT, STRICT):
        with pytest.raises(NoSuchModel):
            catalog.choose(name, "en")


@given(some.text(max_size=20))
def test_any_name_is_known_or_rejected(name: str):
    with suppress(UnknownModel):
        assert LENIENT.choose(name, "en").language == "en"


@pytest.mark.parametrize(
    ("name", "language", "is_known"),
    [
        ("nova-3", "en-GB", True),
        ("nova-3", "EN-us", True),
        ("nova-3", "de", True),
        ("nova-3", "pt-BR", True),
        ("nova-3", "xx", False),
        ("nova-3", "", False),
        ("nova-3-medical", "en-AU", True),
        ("nova-3-medical", "de", False),
        ("base-meeting", "fr", False),
        ("whisper-tiny.en", "de", False),
        ("whisper-base", "de", True),
        # One recording in several languages.
        ("nova-3", "multi", True),
        ("nova-2", "multi", True),
        ("whisper-base", "multi", True),
        ("nova", "multi", False),
        ("enhanced", "multi", False),
        ("nova-2-meeting", "multi", False),
        ("whisper-tiny.en", "multi", False),
    ],
)
def test_a_model_knows_its_languages(name: str, language: str, is_known: bool):
    if is_known:
        assert LENIENT.choose(name, language).language == (
            None if language == "multi" else language
        )
    else:
        with pytest.raises(UnknownModel):
            LENIENT.choose(name, language)


@pytest.mark.parametrize(
    ("name", "detect", "is_known"),
    [
        ("nova-3", True, True),
        ("nova-3", ("en", "es"), True),
        ("nova-3", ("en", "xx"), False),
        ("nova-3-medical", True, False),
        ("whisper-tiny.en", True, False),
    ],
)
def test_a_language_is_found_by_models_of_several(name: str, detect: Any, is_known: bool):
    if is_known:
        # The language of the request is no more than a default.
        assert LENIENT.choose(name, "de", detect).language is None
    else:
        with pytest.raises(UnknownModel):
            LENIENT.choose(name, "de", detect)


def test_whisper_reads_whole_recordings_only():
    with pytest.raises(UnknownModel, match="whisper-base is not available for streaming"):
        LENIENT.choose("whisper-base", "en", streaming=True)
    assert LENIENT.choose("nova-3", "en", streaming=True).local is None


def test_channels_cannot_use_two_local_models():
    with pytest.raises(UnknownModel, match="two local models"):
        LENIENT.choose("whisper-tiny.en:whisper-base", "en")


@pytest.mark.parametrize(
    ("size", "local"),
    [("tiny.en", "tiny.en"), ("base", "base"), ("small.en", "tiny.en"), ("large-v3", "base")],
)
def test_a_size_that_is_not_installed_is_served_by_the_nearest(size: str, local: str):
    choice = LENIENT.choose(f"whisper-{size}", "en")
    assert (choice.requested, choice.local) == (f"whisper-{size}", local)
    assert choice.is_substituted == (size != local)


def test_a_size_is_downloaded_where_that_is_allowed():
    catalog = Catalog("tiny.en", "base", allow_download=True)
    assert catalog.choose("whisper-small", "en") == Choice("whisper-small", "small", "en")
    assert catalog.choose("whisper", "en").local == "medium"


def test_a_model_that_is_installed_later_is_used(installed: set[str]):
    installed.add("small")
    assert LENIENT.choose("whisper-small", "en").local == "small"


def test_every_listed_model_is_chosen_by_its_name_and_found_by_its_id():
    for name, model in LENIENT.models.items():
        assert name == model.canonical_name
        assert LENIENT.choose(name, "en").requested == name
        assert uuid.UUID(model.uuid).version == 5
        assert LENIENT.find_by_uuid(model.uuid.upper()) == model
        assert set(ENGLISH) <= set(model.languages)
        assert len(model.languages) == len(set(model.languages))
    assert len({model.uuid for model in LENIENT.models.values()}) == len(LENIENT.models)
    assert LENIENT.find_by_uuid(str(uuid.uuid4())) is None


def test_a_listed_model_names_the_local_ones_that_serve_it():
    models = LENIENT.models
    assert LENIENT.runs(models["nova-3-general"]) == ["whisper-tiny.en", "whisper-base"]
    assert LENIENT.runs(models["nova-3-medical"]) == ["whisper-tiny.en"]
    assert LENIENT.runs(models["whisper-base"]) == ["whisper-base"]
    single = Catalog("base", "base")
    assert single.runs(single.models["nova-3-general"]) == ["whisper-base"]
    assert [name for name in single.models if name.startswith("whisper")] == ["whisper-base"]


def test_only_the_local_models_do_not_stream():
    not_streaming = [name for name, model in LENIENT.models.items() if not model.is_streaming]
    assert not_streaming == ["whisper-tiny.en", "whisper-base"]


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", True), ("en-GB", True), ("EN", True), (None, False), ("de", False), ("eng", False)],
)
def test_english_is_told_by_its_tag(language: str | None, expected: bool):
    assert is_english(language) is expected


def test_unknown_languages_are_named_in_their_order():
    assert unknown_languages(["xx", "en-US", "de", "tlh"]) == ["xx", "tlh"]
    assert unknown_languages(LANGUAGES) == []
