"""Functions that an agent may call, as its version declares them. No Django."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class AnsweredBy(StrEnum):
    """Origin of the result of a function call."""

    HAND = "hand"
    WEBHOOK = "webhook"
    SEARCH_LIBRARY = "search_library"


@dataclass(frozen=True)
class Function:
    """A function of an agent: its declaration for the language model, and who responds to it.

    ``parameters`` is a JSON schema. ``changes`` says that a call changes something: it waits then
    until the turn of the user is certain to be over.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    answered_by: AnsweredBy = AnsweredBy.HAND
    url: str = ""
    changes: bool = False

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Function:
        """Return a function as a version stores it. Raises ``ValueError``, ``KeyError``."""
        return cls(
            name=str(stored["name"]),
            description=str(stored.get("description") or ""),
            parameters=dict(stored.get("parameters") or {}),
            answered_by=AnsweredBy(stored.get("answered_by", AnsweredBy.HAND)),
            url=str(stored.get("url") or ""),
            changes=bool(stored.get("changes")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the function as a version stores it."""
        return asdict(self) | {"answered_by": self.answered_by.value}

    def to_wire(self) -> dict[str, Any]:
        """Return the function of ``think`` in Settings: without an endpoint the client responds."""
        wire: dict[str, Any] = {"name": self.name, "description": self.description}
        wire["parameters"] = self.parameters or {"type": "object", "properties": {}}
        if self.changes:
            wire["defer_until_eot"] = True
        return wire
