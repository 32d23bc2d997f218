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
EXCEPTIONS = (
    (
        "POST /v1/listen",
        r"results\.(topics|intents).*",
        "The spec nests `results.topics.results.topics`; the service and SDK 7.12 are flat.",
    ),
    (
        "POST /v1/read",
        r"(metadata|results).*",
        "The spec nests `metadata.metadata` and `results.summary.results`; the service is flat.",
    ),
    (
        "POST /v1/listen",
        r"results\.channels\.\*\.alternatives\.\*\.entities.*",
        "Values beside the spec's own, such as `raw_value`, are allowed to be any text.",
    ),
    (
        "GET .*/usage/breakdown",
        r"results\.\*\.grouping\.models",
        "Null unless grouped by models, as every other grouping of the same object.",
    ),
    (
        "GET .*/members(/.*)?|GET .*/keys/.*",
        r".*(first_name|last_name)",
        "A member may have no name: null.",
    ),
    (
        "GET .*/models/{model_id}",
        "",
        "A `oneOf` of two shapes without required fields: every recognition model fits both.",
    ),
    (
        "GET /v1/projects/.*/billing/breakdown",
        r"results\.\*\.grouping\.tags",
        "Null unless grouped by tags.",
    ),
)


def mismatches(method: str, path: str, status: int, answer: Any) -> list[str]:
    """What in ``answer`` is not as published; known exceptions left out."""
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
