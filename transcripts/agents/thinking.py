"""Language models that an agent of a project can think with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.cache import cache

from management.models import Connection
from management.servers.crypto import UnreadableKey
from management.servers.speech import speech_client
from speechclient import SpeechError, Timeouts

KEPT_SECONDS = 60
PROBLEM_KEPT_SECONDS = 10
PATIENCE = Timeouts(connect_seconds=2.0, response_seconds=4.0, body_seconds=4.0)
LIBRARIAN = "librarian"
SMALL = "small: follows short instructions, often wrong"
# At most 4 billion parameters: "1.5b" of "qwen2.5-coder-1.5b-instruct", not "70b" or "0613b".
_SMALL = re.compile(r"(?<![\d.])[0-3](?:\.\d+)?b(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class ThinkChoice:
    """A language model as the builder lists it; ``value`` is ``provider/model``."""

    value: str
    label: str


def offered(connection: Connection) -> tuple[list[ThinkChoice], str]:
    """Return the models that the speech server offers, and why there are none.

    Both are kept for a while: a page does not wait for the server each time.
    """
    key = f"think-models:{connection.pk}:{connection.base_url}"
    kept: tuple[list[ThinkChoice], str] | None = cache.get(key)
    if kept is None:
        kept = _request(connection)
        cache.set(key, kept, PROBLEM_KEPT_SECONDS if kept[1] else KEPT_SECONDS)
    return kept


def _request(connection: Connection) -> tuple[list[ThinkChoice], str]:
    try:
        with speech_client(connection, PATIENCE) as client:
            models = client.think_models()
    except (SpeechError, UnreadableKey, ValueError) as error:
        return [], str(error)
    return [
        ThinkChoice(f"{each.provider}/{each.id}", described(each.id, each.name)) for each in models
    ], ""


def described(model: str, name: str = "") -> str:
    """Return the name of a model; of a small one with how good it is."""
    label = name or model
    return f"{label} ({SMALL})" if _SMALL.search(model) else label


def quality_of(model: str) -> str:
    """Return a sentence on how good a model is, if it is a small one or none; else nothing."""
    if model == LIBRARIAN:
        return "No language model: it searches the recordings and reads out what it finds."
    return f"{SMALL[0].upper()}{SMALL[1:]}." if _SMALL.search(model) else ""
