"""Socket messages compared with Deepgram's published description."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jsonschema
import yaml

# Messages of a socket that the published description does not know, from which SDK they are:
# docs/contract.md, 15.7.
NEWER = {
    "/v1/listen": {"ConfigureSuccess", "ConfigureFailure", "Error"},  # 7.13, 7.14
    "/v2/listen": {"Warning"},  # 7.12
    "/v1/speak": set[str](),
    "/v2/speak": {"SpeechInterrupted", "ConfigureSuccess", "ConfigureFailure"},  # 7.7
}


def misfits(path: str, message: dict[str, Any]) -> list[str]:
    """Return the parts of a server's JSON message that are not as published."""
    kind = message["type"]
    if kind in NEWER[path]:
        return []
    if kind not in _published(path):
        return [f"{kind} is not a message of {path}"]
    return [
        f"{kind}.{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _published(path)[kind].iter_errors(message)
    ]


@functools.cache
def _published(path: str) -> dict[str, jsonschema.Draft202012Validator]:
    """The validator of each message of a socket, by its type."""
    document = yaml.safe_load((Path(__file__).parent / "asyncapi.yml").read_text())
    components = document["components"]
    found = {}
    for one in document["channels"][path]["publish"]["message"]["oneOf"]:
        message = components["messages"][one["$ref"].removeprefix("#/components/messages/")]
        reference = message["payload"]["$ref"]
        schema = components["schemas"][reference.removeprefix("#/components/schemas/")]
        if schema["type"] != "object":
            continue  # sound
        kinds = schema["properties"]["type"]
        if "$ref" in kinds:
            kinds = components["schemas"][kinds["$ref"].removeprefix("#/components/schemas/")]
        validator = jsonschema.Draft202012Validator({"components": components, "$ref": reference})
        found |= dict.fromkeys(kinds["enum"], validator)
    return found
