"""The checks of shapes and of the SDK's types notice what they are for."""

from __future__ import annotations

from typing import Any

import pytest
from deepgram.types.list_models_v1response import ListModelsV1Response

from tests.contract import messages, rest
from tests.contract.sdk import response_type, unknown
from tests.contract.shapes import UUID, Either, Map, Maybe, misfits

ID = "3f0c7e0e-2d53-4f0b-8f37-9d2b7c2a9a10"
FLUSHED = {"type": "Flushed", "sequence_id": 0}
PROJECTS = {"projects": [{"project_id": ID, "name": "Field notes"}]}


@pytest.mark.parametrize(
    ("shape", "value", "problem"),
    [
        ({"a": int}, {}, "a: missing"),
        ({"a?": int}, {"a": None}, "a: None is no int"),
        ({"a": [{"b": str}]}, {"a": [{"b": "x"}, {}]}, "a[].b: missing"),
        ({"a": float}, {"a": True}, "a: True is no float"),
        ({"a": int}, {"a": 1.5}, "a: 1.5 is no int"),
        ({"a": [int]}, {"a": {}}, "a: {} is not a list"),
        ({"a": Map(str)}, {"a": {"b": 1}}, "a{}: 1 is no str"),
        ({"a": Maybe(str)}, {"a": 1}, "a: 1 is no str"),
        ({"a": Either(str, [str])}, {"a": [1]}, "a: [1] is no str"),
        ({"a": UUID}, {"a": "x"}, f"a: 'x' is no {UUID.pattern}"),
    ],
)
def test_a_misfit_is_found_at_its_place(shape: Any, value: Any, problem: str):
    assert misfits(shape, value) == [problem]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ({"a?": int}, {"other": 1}),
        ({"a": float}, {"a": 1}),
        ({"a": Maybe([str])}, {"a": None}),
        ({"a": frozenset({"x"})}, {"a": "x"}),
        ({"a": object}, {"a": None}),
    ],
)
def test_what_fits_has_no_misfits(shape: Any, value: Any):
    assert misfits(shape, value) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"uuid": 1}, "stt[].uuid: 1 is no str"),
        ({"streaming": "yes"}, "stt[].streaming: 'yes' is no bool"),
        ({"colour": "red"}, "stt[].colour: not declared"),
    ],
)
def test_what_the_sdk_does_not_declare_is_found(change: dict[str, Any], problem: str):
    model = {"name": "general", "uuid": ID, "streaming": True}
    assert unknown(ListModelsV1Response, {"stt": [model]}) == []
    assert unknown(ListModelsV1Response, {"stt": [model | change]}) == [problem]


def test_a_value_outside_an_enumeration_is_found():
    kind = response_type("agent.v1.settings.think.models.list")
    known, new = ({"id": name, "name": "A", "provider": "open_ai"} for name in ("gpt-4o", "x"))
    assert unknown(kind, {"models": [known]}) == []
    assert unknown(kind, {"models": [new]}) != []


def test_a_response_is_held_against_the_table_and_the_sdk():
    assert rest.departures("GET", "/v1/projects", PROJECTS) == []
    assert rest.departures("GET", "/v1/projects", {"projects": [{"project_id": ID}]}) == [
        "projects[].name: missing"
    ]
    assert rest.departures("GET", "/v1/projects", PROJECTS | {"next": 1}) == ["next: not declared"]


def test_an_operation_that_is_not_in_the_contract_is_an_error():
    with pytest.raises(LookupError, match="GET /v1/nothing"):
        rest.departures("GET", "/v1/nothing", {})


@pytest.mark.parametrize(
    ("message", "problems"),
    [
        (FLUSHED, []),
        ({"type": "Flushed"}, ["sequence_id: missing", "sequence_id: missing"]),
        (FLUSHED | {"extra": 1}, ["extra: not declared"]),
        ({"type": "Error"}, ["Error is not a message of /v1/speak"]),
    ],
)
def test_a_message_is_held_against_the_table_and_the_sdk(
    message: dict[str, Any], problems: list[str]
):
    assert messages.misfits("/v1/speak", message) == problems


def test_every_message_of_the_table_has_a_type_in_the_sdk():
    for union, table in messages.SOCKETS.values():
        assert all(messages.message_types(union, kind) for kind in table)
