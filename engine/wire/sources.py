"""The text or the audio of a request, or its address (docs/contract.md, 5 to 7)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.wire.shapes import Shape


class Text(Shape):
    text: str


class Address(Shape):
    url: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
