"""Credentials: kept out of every repr, log line and message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Credential:
    """An API key (``Token``), a short-lived access token (``Bearer``), or nothing at all.

    Source: docs/contract.md, 1.2.
    """

    scheme: Literal["Token", "Bearer"] = "Token"
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        # One line of printable ASCII: anything else would break out of the header, and the
        # library that rejects it would print it.
        if not self.secret.isascii() or not self.secret.isprintable() or " " in self.secret:
            raise ValueError("the API key has spaces or characters that no key has")

    def headers(self) -> dict[str, str]:
        return {"authorization": f"{self.scheme} {self.secret}"} if self.secret else {}

    def subprotocols(self) -> list[str]:
        """For sockets where headers cannot be set, as in browsers."""
        return [self.scheme.lower(), self.secret] if self.secret else []

    def scrub(self, text: str) -> str:
        """``text`` without the secret, should a server have sent it back."""
        return text.replace(self.secret, "[secret]") if self.secret else text
