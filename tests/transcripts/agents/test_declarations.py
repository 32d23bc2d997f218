"""Functions as versions store them and as Settings declare them."""

import pytest

from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.defaults import SEARCH_LIBRARY, default_configuration

SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


@pytest.mark.parametrize(
    "function",
    [
        SEARCH_LIBRARY,
        Function("ask"),
        Function("lookup", "Find an order", SCHEMA),
        Function("cancel", "", SCHEMA, AnsweredBy.WEBHOOK, "https://example.com/cancel", True),
    ],
)
def test_a_stored_function_is_read_as_it_was(function):
    assert Function.read(function.to_json()) == function


def test_what_is_left_out_has_a_default():
    function = Function.read({"name": "ask"})
    assert (function.answered_by, function.parameters, function.changes) == ("hand", {}, False)


def test_an_unknown_origin_of_the_result_is_rejected():
    with pytest.raises(ValueError, match="telepathy"):
        Function.read({"name": "ask", "answered_by": "telepathy"})


def test_the_speech_server_never_sees_the_address_of_a_webhook():
    wire = Function("lookup", "", SCHEMA, AnsweredBy.WEBHOOK, "https://example.com/key=7").to_wire()
    assert wire == {"name": "lookup", "description": "", "parameters": SCHEMA}


def test_a_function_without_parameters_has_a_schema_all_the_same():
    assert Function("ask").to_wire()["parameters"] == {"type": "object", "properties": {}}


def test_the_default_agent_has_a_configuration_of_its_own_each_time():
    first = default_configuration()
    first["settings"]["greeting"] = "Other"
    first["functions"].clear()
    assert default_configuration()["settings"]["greeting"] != "Other"
    assert default_configuration()["functions"]
