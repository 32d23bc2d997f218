"""Agent configurations, variables and distribution credentials, in process."""

import json
import uuid

import pytest

from engine.models import AgentVariable
from tests.engine.inprocess import Inside

CONFIG = {"think": {"provider": {"type": "local"}}}


async def test_a_configuration_is_stored_labelled_and_deleted(inside: Inside):
    path = f"{inside.ada.path}/agents"
    made = await inside.post(path, json={"config": json.dumps(CONFIG), "metadata": {"a": "b"}})
    agent = f"{path}/{made.json()['agent_id']}"
    assert (await inside.get(agent, as_=inside.bob)).json()["config"] == CONFIG
    changed = (await inside.put(agent, json={"metadata": {"a": "c"}})).json()
    assert (changed["metadata"], changed["config"]) == ({"a": "c"}, CONFIG)
    assert (await inside.delete(agent)).json() == {}
    assert (await inside.get(agent)).status_code == 404
    assert (await inside.get(path)).json() == {"agents": []}


@pytest.mark.parametrize("config", ["", "{", "[]", "1", None, CONFIG])
async def test_a_configuration_is_the_text_of_an_object(inside: Inside, config: object):
    response = await inside.post(f"{inside.ada.path}/agents", json={"config": config})
    assert response.status_code == 400


async def test_a_bare_name_of_a_variable_is_a_value_as_on_deepgram(inside: Inside):
    path = f"{inside.ada.path}/agents"
    written = r'{"think": DG_THINK, "greeting": "Say \"DG_HI\"", "tags": [DG_A1,DG_B], "x": "\\"}'
    made = await inside.post(path, json={"config": written})
    shown = {"think": "DG_THINK", "greeting": 'Say "DG_HI"', "tags": ["DG_A1", "DG_B"], "x": "\\"}
    assert made.json()["config"] == shown
    for wrong in ('{"a": xDG_A}', '{"a": DG_a}', '{"a": DG_}', '{"a": "DG_A}', "{DG_A", '"' * 9):
        assert (await inside.post(path, json={"config": wrong})).status_code == 400


async def test_a_variable_is_made_changed_and_deleted(inside: Inside):
    path = f"{inside.ada.path}/agent-variables"
    made = (await inside.post(path, json={"key": "DG_NAME", "value": ["Ada"]})).json()
    variable = f"{path}/{made['variable_id']}"
    assert (await inside.get(variable)).json()["value"] == ["Ada"]
    changed = await inside.request("PATCH", variable, json={"value": None})
    assert changed.json()["value"] is None
    assert [entry["key"] for entry in (await inside.get(path)).json()["variables"]] == ["DG_NAME"]
    assert (await inside.delete(variable)).json() == {}
    assert not await AgentVariable.objects.aexists()


async def test_a_variable_is_there_once(inside: Inside):
    path = f"{inside.ada.path}/agent-variables"
    body = {"key": "DG_NAME", "value": 1}
    assert [(await inside.post(path, json=body)).status_code for _ in range(2)] == [200, 400]
    other = await inside.post(f"{inside.eve.path}/agent-variables", json=body, as_=inside.eve)
    assert other.status_code == 200


@pytest.mark.parametrize("key", ["NAME", "DG_name", "DG_", "DG_A B", "", 5])
async def test_the_name_of_a_variable_is_checked(inside: Inside, key: object):
    path = f"{inside.ada.path}/agent-variables"
    assert (await inside.post(path, json={"key": key, "value": 1})).status_code == 400


@pytest.mark.parametrize("place", ["agents", "agent-variables"])
async def test_those_of_another_project_do_not_exist(inside: Inside, place: str):
    body = {"config": "{}", "key": "DG_A", "value": 1}
    made = (await inside.post(f"{inside.eve.path}/{place}", json=body, as_=inside.eve)).json()
    theirs = made.get("agent_id") or made["variable_id"]
    assert (await inside.get(f"{inside.ada.path}/{place}/{theirs}")).status_code == 404
    assert (await inside.delete(f"{inside.ada.path}/{place}/{theirs}")).status_code == 404


CREDENTIALS = "self-hosted/distribution/credentials"


async def test_distribution_credentials_are_records(inside: Inside):
    path = f"{inside.ada.path}/{CREDENTIALS}"
    made = (await inside.post(path, json={"comment": "Cluster"})).json()
    shown = made["distribution_credentials"]
    assert (shown["comment"], shown["provider"]) == ("Cluster", "quay")
    assert shown["scopes"] == ["self-hosted:products"]
    assert made["member"]["email"] == "ada@example.test"
    own = f"{path}/{shown['distribution_credentials_id']}"
    assert (await inside.get(own)).json() == made
    assert (await inside.delete(own)).json() == made
    assert (await inside.get(path)).json() == {"distribution_credentials": []}


@pytest.mark.parametrize("query", ["scopes=everything", "provider=docker"])
async def test_options_of_credentials_are_checked(inside: Inside, query: str):
    response = await inside.post(f"{inside.ada.path}/{CREDENTIALS}?{query}", json={})
    assert response.status_code == 400


@pytest.mark.parametrize("place", ["agents", "agent-variables", CREDENTIALS, "keys", "members"])
async def test_an_id_that_is_none_is_a_404(inside: Inside, place: str):
    for wrong in (str(uuid.uuid4()), "none", "0"):
        response = await inside.request("DELETE", f"{inside.ada.path}/{place}/{wrong}")
        assert response.status_code == 404
