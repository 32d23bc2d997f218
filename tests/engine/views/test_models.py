"""Models of the engine, in process: public, and the same for every project."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from engine.env import read_environment
from engine.speech.synthesis.voices import VOICES
from engine.views.models import find_model
from tests.engine.inprocess import Inside, error


async def models(inside: Inside, path: str = "/v1/models") -> Any:
    return (await inside.get(path)).json()


async def test_every_model_has_an_id_of_its_own(inside: Inside):
    listed = await models(inside)
    for kind in ("stt", "tts"):
        ids = [entry["uuid"] for entry in listed[kind]]
        assert len(set(ids)) == len(ids) > 10
        assert all(str(uuid.UUID(one)) == one for one in ids)


async def test_a_project_has_the_models_of_all(inside: Inside):
    assert await models(inside, f"{inside.ada.path}/models") == await models(inside)


async def test_old_versions_are_the_same_models(inside: Inside):
    assert await models(inside, "/v1/models?include_outdated=true") == await models(inside)


async def test_another_value_of_a_filter_is_rejected(inside: Inside):
    response = await inside.get("/v1/models?include_outdated=perhaps")
    assert error(response) == (400, "INVALID_QUERY_PARAMETER")


async def test_a_name_of_deepgrams_has_its_languages(inside: Inside):
    by_name = {entry["canonical_name"]: entry for entry in (await models(inside))["stt"]}
    assert {"en", "es", "de"} <= set(by_name["nova-3-general"]["languages"])
    assert all(one.startswith("en") for one in by_name["nova-3-medical"]["languages"])
    assert by_name["nova-3-general"]["batch"] is True


async def test_a_voice_names_the_local_voice_behind_it(inside: Inside):
    by_name = {entry["canonical_name"]: entry for entry in (await models(inside))["tts"]}
    thalia = by_name["aura-2-thalia-en"]
    assert (thalia["name"], thalia["architecture"]) == ("thalia", "aura-2")
    (local,) = [tag for tag in thalia["metadata"]["tags"] if tag.startswith("voice:")]
    assert local.removeprefix("voice:") in VOICES
    assert thalia["languages"][0].startswith("en")


@pytest.mark.parametrize("change", [str.upper, str.lower])
async def test_an_id_is_found_in_any_case(inside: Inside, change: Any):
    listed = await models(inside)
    for entry in (listed["stt"][0], listed["tts"][-1]):
        found = await inside.get(f"/v1/models/{change(entry['uuid'])}")
        assert found.json() == entry


@pytest.mark.parametrize("key", ["none", "", "4fed71a2-7af8-4615-9014-76f3c5c3a7a1", "nova-3"])
@pytest.mark.usefixtures("environment")
def test_an_id_that_is_none_has_no_model(key: str):
    assert find_model(key) is None


async def test_agents_think_with_the_model_of_the_endpoint(inside: Inside, settings: Any):
    path = "/v1/agent/settings/think/models"
    assert [each["id"] for each in (await models(inside, path))["models"]] == ["librarian"]
    values = {"INTELLIGENCE_URL": "http://model.test/v1", "INTELLIGENCE_MODEL": "big-model"}
    settings.ENVIRONMENT = read_environment(values)
    entries = (await models(inside, path))["models"]
    assert ("big-model", "open_ai") in [(each["id"], each["provider"]) for each in entries]
