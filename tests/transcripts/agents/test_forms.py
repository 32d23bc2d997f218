"""Fields and small forms of the builder: what each takes, and the sentence for what it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django import forms
from hypothesis import example, given
from hypothesis import strategies as some

from transcripts.agents.declarations import AnsweredBy
from transcripts.agents.defaults import SEARCH_LIBRARY
from transcripts.agents.fields import LinesField, NameField, NumberField
from transcripts.agents.forms import (
    PROGRAM_NAME,
    VARIABLE_NAME,
    FunctionForm,
    ParameterForm,
    VariableForm,
    first,
    is_address,
)
from transcripts.agents.schema import TYPES, BadSchema, Parameter, read_schema, rows_of, schema_of


def problem(field: forms.Field, value: str) -> str:
    with pytest.raises(forms.ValidationError) as raised:
        field.clean(value)
    return str(raised.value.messages[0])


@pytest.mark.parametrize(
    ("text", "number"),
    [("", None), ("  ", None), ("0.5", 0.5), ("0,5", 0.5), (" 1 ", 1.0), ("1e-1", 0.1), ("2", 2.0)],
)
def test_a_number_may_have_a_comma_or_be_left_out(text: str, number: float | None):
    assert NumberField(0.1, 2.0).clean(text) == number


@pytest.mark.parametrize("text", ["0.09", "2.01", "nan", "inf", "-inf", "one", "1.2.3", "1e999"])
def test_another_number_is_named_with_its_limits(text: str):
    sentence = f"“{text}” cannot be used: a number from 0.1 to 2 is allowed."
    assert problem(NumberField(0.1, 2.0), text) == sentence


@pytest.mark.parametrize(("text", "is_whole"), [("500", True), ("500.0", True), ("500.5", False)])
def test_a_whole_number_has_no_fraction(text: str, is_whole: bool):
    field = NumberField(500, 60_000, whole=True)
    if is_whole:
        assert field.clean(text) == 500
    else:
        assert "a whole number from 500 to 60,000 is allowed" in problem(field, text)


@pytest.mark.parametrize("name", ["a", "_", "get_weather", "get-weather", "A1", "x" * 64])
def test_a_name_is_one_that_programs_have(name: str):
    assert NameField(*PROGRAM_NAME).clean(name) == name


@pytest.mark.parametrize("name", ["1a", "-a", "a b", "é", "a.b", "x" * 65, "a;b"])
def test_another_name_is_told_what_is_allowed(name: str):
    assert problem(NameField(*PROGRAM_NAME), name).endswith("the first is a letter or _.")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("SHOP", True), ("SHOP_2", True), ("shop", False), ("_SHOP", False), ("2", False)],
)
def test_a_variable_has_capitals(name: str, is_one: bool):
    field = NameField(*VARIABLE_NAME)
    assert (
        (field.clean(name) == name) if is_one else "the first is a capital" in problem(field, name)
    )


def test_lines_are_trimmed_and_each_is_there_once():
    field = LinesField(required=False)
    assert field.clean(" one \n\ntwo\r\none\n") == ["one", "two"]
    assert field.clean("") == []


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://example.com/v1", True),
        ("http://localhost:11434/v1", True),
        ("https://{{HOST}}/v1", True),
        ("https://{{HOST}}:8443/{{PATH}}", True),
        ("", False),
        ("example.com", False),
        ("ftp://example.com", False),
        ("https://", False),
        ("https://ada:secret@example.com", False),
        ("https://example.com:99999", False),
        ("https://[::1", False),
    ],
)
def test_an_endpoint_is_a_web_address_without_a_password(url: str, is_one: bool):
    assert is_address(url) is is_one


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ([{"a": 1}, {"b": 2}], {"a": 1}),
        ([], {}),
        (None, {}),
        ("text", {}),
        ([5], {}),
    ],
)
def test_of_several_providers_the_first_is_shown(listed: Any, expected: dict[str, Any]):
    assert first(listed) == expected


FUNCTION = {"name": "order", "description": "Orders.", "answered_by": "hand", "changes": "on"}


def function_form(**change: str) -> FunctionForm:
    form = FunctionForm(FUNCTION | change)
    form.is_valid()
    return form


def test_a_function_has_the_parameters_of_its_rows():
    made = function_form().function([Parameter("size", "integer", "In cm.", True)])
    assert (made.name, made.answered_by, made.changes, made.url) == ("order", "hand", True, "")
    assert made.parameters == {
        "type": "object",
        "properties": {"size": {"type": "integer", "description": "In cm."}},
        "required": ["size"],
    }


def test_a_schema_replaces_the_rows():
    schema = {"type": "object", "properties": {"a": {"type": "object"}}}
    form = function_form(parameters_as="json", schema=json.dumps(schema))
    assert form.function([Parameter("ignored")]).parameters == schema


@pytest.mark.parametrize(
    "schema", ["", "{", "[]", '{"type": "array"}', '{"type": "object", "properties": 5}']
)
def test_a_schema_that_is_none_is_said_at_its_field(schema: str):
    form = function_form(parameters_as="json", schema=schema)
    assert list(form.errors) == ["schema"]


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com/", "https://", "https://example.com:99999/"]
)
def test_a_webhook_needs_a_web_address(url: str):
    form = function_form(answered_by="webhook", url=url)
    assert list(form.errors) == ["url"]


def test_the_address_of_another_kind_is_dropped():
    form = function_form(answered_by="hand", url="https://8.8.8.8/")
    assert form.function([]).url == ""


def test_a_search_has_its_own_parameters():
    made = function_form(answered_by="search_library").function([Parameter("mine")])
    assert made.answered_by == AnsweredBy.SEARCH_LIBRARY
    assert made.parameters == SEARCH_LIBRARY.parameters


@pytest.mark.parametrize(
    ("entered", "values"),
    [("", ()), ("a, b,,a ", ("a", "b")), ("one", ("one",))],
)
def test_values_of_a_parameter_are_a_list_with_commas(entered: str, values: tuple[str, ...]):
    form = ParameterForm({"name": "size", "type": "string", "values": entered})
    assert form.is_valid(), form.errors
    assert form.parameter() == Parameter("size", "string", "", False, values)


def test_only_a_text_has_values():
    form = ParameterForm({"name": "size", "type": "integer", "values": "1, 2"})
    assert form.errors["values"] == ["Only a text has a list of values; this is “Whole number”."]


@pytest.mark.parametrize(
    ("kind", "entered", "value"),
    [
        ("text", " as it is ", " as it is "),
        ("text", "0.8", "0.8"),
        ("json", "0.8", 0.8),
        ("json", '["a", null]', ["a", None]),
        ("json", "true", True),
    ],
)
def test_a_value_is_text_or_json(kind: str, entered: str, value: Any):
    form = VariableForm({"name": "SHOP", "kind": kind, "value": entered})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["value"] == value


@pytest.mark.parametrize("entered", ["", "maybe", "{", "NaN", "[" * 5_000])
def test_a_value_that_is_no_json_is_named(entered: str):
    form = VariableForm({"name": "SHOP", "kind": "json", "value": entered})
    (sentence,) = form.errors["value"]
    assert str(sentence).startswith(f"“{entered:.40}” is not JSON")


parameters = some.lists(
    some.builds(
        Parameter,
        name=some.from_regex(r"[a-z_]{1,9}", fullmatch=True),
        type=some.sampled_from([*TYPES]),
        description=some.text(some.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
        required=some.booleans(),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)


@given(parameters)
@example([Parameter(name="path", description="\\u0000 ends it")])
def test_rows_make_a_schema_that_makes_the_rows(rows: list[Parameter]):
    assert rows_of(schema_of(rows)) == rows
    assert read_schema(json.dumps(schema_of(rows))) == schema_of(rows)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {}, "additionalProperties": False},
        {"type": "object", "properties": []},
    ],
)
def test_a_schema_that_rows_cannot_express_stays_a_schema(schema: dict[str, Any]):
    assert rows_of(schema) is None


def test_a_schema_has_a_length():
    with pytest.raises(BadSchema, match="at most 20,000"):
        read_schema(json.dumps({"type": "object", "description": "x" * 20_000}))
