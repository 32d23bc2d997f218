"""Raw audio: bytes of a source as seconds, and seconds as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from speechclient.errors import InvalidOption

SAMPLE_BYTES = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


@dataclass(frozen=True)
class RawAudio:
    """Format of raw audio; ``frame_bytes`` is one sample of every channel."""

    frames_per_second: int
    frame_bytes: int

    @classmethod
    def described(cls, encoding: str | None, sample_rate: int | None, channels: int | None) -> Self:
        """Return the format of stream options. Raises ``InvalidOption`` for any other audio."""
        if encoding not in SAMPLE_BYTES:
            raise InvalidOption(
                f"encoding is {encoding!r}; a stream that reconnects needs raw audio: "
                + ", ".join(SAMPLE_BYTES)
            )
        if not sample_rate or sample_rate < 1:
            raise InvalidOption(f"sample_rate is {sample_rate}; raw audio needs one")
        return cls(sample_rate, SAMPLE_BYTES[encoding] * max(channels or 1, 1))

    def seconds(self, size_bytes: int) -> float:
        return size_bytes / self.frame_bytes / self.frames_per_second

    def size(self, seconds: float) -> int:
        """Return the bytes of ``seconds``, whole frames."""
        return round(seconds * self.frames_per_second) * self.frame_bytes

    def whole(self, size_bytes: int) -> int:
        return size_bytes - size_bytes % self.frame_bytes
