"""Parameters of a function as rows of a form, and as the JSON schema that they make. No Django."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from network.jsontext import read_storable_json

# Types of a row, and the schema of each.
TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
}
JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
MOST_CHARACTERS = 20_000


class BadSchema(ValueError):
    """A JSON schema that cannot be the parameters of a function; the message says why."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as a row: ``values`` are the only ones allowed, where there are some."""

    name: str
    type: str = "string"
    description: str = ""
    required: bool = False
    values: tuple[str, ...] = ()


def schema_of(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the JSON schema of an object with these parameters."""
    properties = {}
    for each in parameters:
        described = {"description": each.description} if each.description else {}
        allowed = {"enum": list(each.values)} if each.values else {}
        properties[each.name] = TYPES[each.type] | described | allowed
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := [each.name for each in parameters if each.required]:
        schema["required"] = required
    return schema


def rows_of(schema: Mapping[str, Any]) -> list[Parameter] | None:
    """Return the rows that make this schema; None for a schema that rows cannot express."""
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    try:
        rows = [_row(name, each, name in required) for name, each in properties.items()]
    except (AttributeError, KeyError, StopIteration, TypeError):
        return None
    same = schema_of(rows)
    given = {"type": "object", "properties": {}, **schema}
    if not given.get("required"):
        given.pop("required", None)
    return rows if same == given else None


def _row(name: str, schema: Mapping[str, Any], required: bool) -> Parameter:
    kind = next(key for key, each in TYPES.items() if {n: schema.get(n) for n in each} == each)
    values = tuple(str(value) for value in schema.get("enum", ()))
    return Parameter(name, kind, schema.get("description", ""), required, values)


def read_schema(text: str) -> dict[str, Any]:
    """Return the JSON schema in ``text``. Raises ``BadSchema``."""
    if len(text) > MOST_CHARACTERS:
        raise BadSchema(f"The schema has {len(text):,} characters; at most {MOST_CHARACTERS:,}.")
    try:
        schema = read_storable_json(text)
    except json.JSONDecodeError as error:
        raise BadSchema(f"Line {error.lineno} is not JSON: {error.msg}.") from error
    except ValueError as error:
        raise BadSchema(f"This is not JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise BadSchema('A JSON object is needed, such as {"type": "object", "properties": {}}.')
    check_schema(schema)
    return schema


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise ``BadSchema`` unless this is the schema of an object."""
    if schema.get("type") != "object":
        raise BadSchema(f'type is {_shown(schema.get("type"))}; it has to be "object".')
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise BadSchema(f"properties is {_shown(properties)}; it has to be an object.")
    for name, each in properties.items():
        if not isinstance(each, dict):
            raise BadSchema(f"properties.{name} is {_shown(each)}; it has to be an object.")
        kind = each.get("type", "string")
        kinds = kind if isinstance(kind, list) else [kind]
        if not all(one in JSON_TYPES for one in kinds):
            allowed = ", ".join(JSON_TYPES)
            raise BadSchema(f"properties.{name}.type is {_shown(kind)}; allowed are {allowed}.")
    required = schema.get("required", [])
    if not isinstance(required, list):
        raise BadSchema(f"required is {_shown(required)}; it has to be a list of names.")
    for name in required:
        if name not in properties:
            raise BadSchema(f"required names {_shown(name)}, which is not among the properties.")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]
