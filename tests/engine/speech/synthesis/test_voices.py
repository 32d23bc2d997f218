"""Deepgram's voice names and the local voices behind them."""

from __future__ import annotations

import pytest

from engine.speech.errors import UnknownModel
from engine.speech.synthesis.voicefiles import voice_vectors
from engine.speech.synthesis.voices import MODELS, VOICES, find_model, find_voice, public_models


@pytest.mark.parametrize(
    ("name", "voice"),
    [
        ("aura-asteria-en", "af_heart"),
        ("aura-helios-en", "bm_george"),
        ("aura-2-thalia-en", "af_heart"),
        ("aura-2-apollo-en", "am_echo"),
        ("aura-2-draco-en", "bm_george"),
        ("aura-2-celeste-es", "ef_dora_latin"),
        ("aura-2-nestor-es", "em_alex"),
        ("aura-2-agathe-fr", "ff_siwis"),
        ("aura-2-livia-it", "if_sara"),
        ("flux-alexis-en", "af_heart"),
        ("flux-rufus-en", "bm_george"),
    ],
)
def test_a_name_always_gives_the_same_voice(name: str, voice: str):
    assert find_voice(name).name == voice


def test_there_are_voices_of_both_sexes_and_four_languages():
    kinds = {(voice.language[:2], voice.sex) for voice in VOICES.values()}
    assert kinds == {
        (tongue, sex) for tongue in ("en", "es", "fr", "it") for sex in ("feminine", "masculine")
    }
    assert len(VOICES) >= 10


def test_every_voice_is_installed():
    for voice in VOICES.values():
        for name in voice.vectors:
            assert voice_vectors(name).is_file()


def test_a_names_language_is_its_voices_language():
    for model in MODELS.values():
        if model.architecture in ("aura", "aura-2", "flux"):
            assert model.canonical_name.rsplit("-", 1)[1] == model.languages[0]


def test_twelve_names_of_each_older_and_newer_kind_are_known():
    for architecture, count in (("aura", 12), ("flux", 12), ("aura-2", 70)):
        assert sum(model.architecture == architecture for model in MODELS.values()) == count


@pytest.mark.parametrize(
    "name", ["aura-2-viktoria-de", "aura-2-rhea-nl", "aura-2-izanami-ja", "x", ""]
)
def test_a_language_nobody_speaks_here_is_rejected(name: str):
    with pytest.raises(UnknownModel, match="No such model/language/tier combination found"):
        find_model(name)


@pytest.mark.parametrize("name", ["aura-2-nova-en", "aura-2-nueva-es", "flux-ada-en"])
def test_a_newer_name_gets_a_voice_of_its_language(name: str):
    model = find_model(name)
    assert model.canonical_name == name
    assert name == f"{model.architecture}-{model.name}-{model.languages[0]}"
    assert find_model(name) == model
    with pytest.raises(UnknownModel):
        find_model(name, strict=True)


def test_the_public_list_has_the_names_of_the_contract_and_no_flux_voice():
    models = public_models()
    assert len({model.uuid for model in models}) == len(models)
    thalia = next(model for model in models if model.canonical_name == "aura-2-thalia-en")
    assert (thalia.name, thalia.languages) == ("thalia", ("en", "en-US"))
    assert not any(model.canonical_name.startswith("flux") for model in models)


@pytest.mark.parametrize(
    ("canonical", "name"),
    [("af_heart", "heart"), ("ef_dora_latin", "dora latin"), ("aura-2-thalia-en", "thalia")],
)
def test_a_voice_is_called_by_its_own_part_of_the_name(canonical, name):
    assert MODELS[canonical].name == name
