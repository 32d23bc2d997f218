"""The Settings message of a version."""

import json

import pytest

from engine.sessions.agent.settings import check_agent, check_thinks, check_voices
from engine.wire.agent_messages import Agent as WireAgent
from engine.wire.agent_messages import ClientMessage, Settings
from engine.wire.reading import read_shape
from tests.transcripts.agents.conftest import configuration
from transcripts.agents.models import Agent
from transcripts.agents.settings import UnfilledVariable, fill, settings_of

pytestmark = pytest.mark.django_db

LOOKUP = {
    "name": "lookup_order",
    "description": "Find an order",
    "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
    "answered_by": "hand",
}
CANCEL = LOOKUP | {"name": "cancel_order", "changes": True}


def test_a_message_has_audio_tags_and_the_filled_agent(agent):
    message = settings_of(agent.version)
    assert message["type"] == "Settings"
    assert message["audio"] == {
        "input": {"encoding": "linear16", "sample_rate": 16_000},
        "output": {"encoding": "linear16", "sample_rate": 24_000, "container": "none"},
    }
    assert message["tags"] == [f"project:{agent.project_id}", "feature:agent"]
    assert message["agent"]["greeting"] == "Hello, this is Elm Street."


def test_given_values_take_precedence_over_the_defaults(agent):
    message = settings_of(agent.version, {"SHOP": "Oak Street"})
    assert message["agent"]["greeting"] == "Hello, this is Oak Street."


def test_a_variable_without_a_value_is_named(agent):
    version = agent.add_version(**configuration(variables={}))
    with pytest.raises(UnfilledVariable, match=r"^The variable \{\{SHOP\}\} has no value\.$"):
        settings_of(version)


def test_a_text_that_is_a_variable_alone_becomes_its_value():
    values = {"LIMIT": 0.8, "TERMS": ["oak", "elm"]}
    assert fill({"a": "{{LIMIT}}", "b": ["{{ TERMS }}", "at {{LIMIT}}"], "c": 1}, values) == {
        "a": 0.8, "b": [["oak", "elm"], "at 0.8"], "c": 1,
    }  # fmt: skip


def test_every_function_is_one_that_the_client_responds_to(agent):
    version = agent.add_version(**configuration(functions=[LOOKUP, CANCEL]))
    lookup, cancel = settings_of(version)["agent"]["think"]["functions"]
    assert "endpoint" not in lookup | cancel
    assert "defer_until_eot" not in lookup
    assert cancel["defer_until_eot"] is True


def test_each_model_of_a_list_has_the_functions(agent):
    settings = configuration()["settings"]
    settings["think"] = [settings["think"], settings["think"]]
    version = agent.add_version(**configuration(settings=settings, functions=[LOOKUP]))
    offered = settings_of(version)["agent"]["think"]
    assert [len(each["functions"]) for each in offered] == [1, 1]


def test_the_engine_reads_the_message_of_the_default_agent(project):
    message = settings_of(Agent.objects.default_of(project).version)
    read = read_shape(Settings, json.loads(json.dumps(message)), "Settings")
    assert isinstance(read, ClientMessage)
    assert isinstance(read.agent, WireAgent)
    check_agent(read.agent)
    assert [each.name for each in check_thinks(read.agent.think, read.agent)[0].functions] == [
        "search_library"
    ]
    assert check_voices(read.agent.speak)
