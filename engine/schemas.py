"""The shapes of answers, for the API documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
ANYTHING: Schema = {}


def record(optional: Mapping[str, Schema] | None = None, **properties: Schema) -> Schema:
    """An object; every property that is not ``optional`` is always there."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
    }


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def listing(name: str, items: Schema) -> Schema:
    """``{"name": [items, ...]}``: how every list of the API is answered."""
    return record(**{name: array(items)})


MESSAGE = record(message=TEXT)
EMPTY = record()
