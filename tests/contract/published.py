"""Answers held against Deepgram's published description, and where that is known to be wrong."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

# Where an answer of ours differs from the published spec: operation, place in the answer, why.
# A place is a pattern over the keys joined with dots; list positions are `*`.
#
# Not here, because the published schemas require nothing there and so allow both: topics,
# intents and the answer of `/v1/read`, which the spec nests and the service answers flat.
EXCEPTIONS = (
    (
        "GET .*/usage/breakdown",
        r"results\.\*\.grouping\.models",
        "Null unless grouped by models, as every other grouping of the same object.",
    ),
    (
        "GET .*/members|GET .*/keys/{key_id}",
        r".*(first_name|last_name)",
        "A member may have no name: null.",
    ),
    (
        "GET .*/models/{model_id}",
        "",
        "A `oneOf` of two shapes without required fields: every recognition model fits both.",
    ),
)


def mismatches(method: str, path: str, status: int, answer: Any) -> list[str]:
    """Return the parts of ``answer`` that are not as published, without known exceptions."""
    template, operation = _operation(method, path)
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**_document(), **schema})
    found = []
    for error in validator.iter_errors(answer):
        for deep in _deepest(error):
            place = ".".join("*" if isinstance(key, int) else key for key in deep.absolute_path)
            if not _is_known(f"{method} {template}", place):
                found.append(f"{place}: {deep.message}")
    return found


def published_operations() -> set[tuple[str, str]]:
    """Every method and path of the published REST description."""
    return {
        (method.upper(), path)
        for path, methods in _document()["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }


def published_parameters(method: str, path: str) -> set[str]:
    """The names of the query parameters of one operation."""
    _, operation = _operation(method, path)
    return {
        parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"
    }


def _deepest(error: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """The causes of a failed ``oneOf``, instead of the whole value that fits none."""
    if not error.context:
        return [error]
    return [deep for cause in error.context for deep in _deepest(cause)]


def _is_known(operation: str, place: str) -> bool:
    return any(
        re.fullmatch(where, operation) and re.fullmatch(pattern, place)
        for where, pattern, _ in EXCEPTIONS
    )


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    for template, methods in _document()["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in methods:
            return template, methods[method.lower()]
    raise LookupError(f"{method} {path} is not in the published description")


@functools.cache
def _document() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "openapi.yml").read_text())
