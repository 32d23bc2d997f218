"""A request to a language model and the parts of its response, whatever its protocol is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.wire.agent_messages import History, Think


@dataclass(frozen=True)
class Thought:
    """One request: ``number`` identifies it in the responses of the session's owner.

    ``conversation`` holds what was said and the function calls with their responses, oldest first.
    """

    number: int
    think: Think
    prompt: str
    conversation: Sequence[History]
    custom: Any = None  # content of the client for the endpoint


@dataclass(frozen=True)
class Text:
    """The next part of the text to say."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """The next part of what the model reasons, which is not said."""

    text: str


@dataclass(frozen=True)
class Call:
    """A whole function call; ``arguments`` is JSON text."""

    name: str
    arguments: str
    id: str = ""
    signature: str = ""


@dataclass(frozen=True)
class Tokens:
    """Tokens that the endpoint counted for the request."""

    read: int
    written: int


@dataclass(frozen=True)
class Custom:
    """Content of the endpoint for the client."""

    content: Any


@dataclass(frozen=True)
class Unfinished:
    """The response ended without the last message of its protocol; ``Done`` follows."""


@dataclass(frozen=True)
class Done:
    """The response is complete."""


Part = Text | Reasoning | Call | Tokens | Custom | Unfinished | Done


def length(item: History) -> int:
    """Return the characters of an item of a conversation."""
    calls = item.function_calls or ()
    return len(item.content or "") + sum(
        len(one.name) + len(one.arguments) + len(one.response) for one in calls
    )


def latest(conversation: Sequence[History], most: int) -> list[History]:
    """Return the newest items of at most ``most`` characters, and always the last one.

    The first is a text: a response of a function without its request means nothing.
    """
    kept: list[History] = []
    for item in reversed(conversation):
        most -= length(item)
        if kept and most < 0:
            break
        kept.insert(0, item)
    while len(kept) > 1 and kept[0].function_calls:
        kept.pop(0)
    return kept
