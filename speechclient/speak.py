"""The response to ``POST /v1/speak`` and ``/v2/speak``: audio as it is made, and its headers.

Source: docs/contract.md, 7 and 8.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

import httpx

from speechclient.errors import ServiceUnavailable
from speechclient.fields import clean_line

MAX_AUDIO_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpeechInfo:
    """Facts about the audio in the response headers.

    ``accepted`` is true for the response to a request with ``callback``: the audio goes there and
    what can be read here is a JSON object. ``char_count`` is None when the server does not say.
    """

    request_id: str
    content_type: str
    accepted: bool = False
    model_name: str = ""
    model_uuid: str = ""
    char_count: int | None = None
    warnings: str = ""


def speak_version(model: str) -> str:
    """``v2`` for the Flux voices, ``v1`` for all others."""
    return "v2" if model.startswith("flux-") else "v1"


def read_speech_info(headers: Mapping[str, str], *, callback: bool = False) -> SpeechInfo:
    """Read the headers of a 200. Raises ``ServiceUnavailable`` when what follows is no audio."""

    def line(name: str) -> str:
        return clean_line(headers.get(name, ""), 500)

    content_type = line("content-type")
    kind = content_type.split(";")[0].strip().lower()
    accepted = callback and kind == "application/json"
    if not accepted and (kind == "application/json" or kind.startswith("text/")):
        raise ServiceUnavailable(
            f"the server's response is {kind} where audio belongs",
            request_id=line("dg-request-id") or None,
            status=200,
        )
    count = line("dg-char-count")
    return SpeechInfo(
        request_id=line("dg-request-id"),
        content_type=content_type,
        accepted=accepted,
        model_name=line("dg-model-name"),
        model_uuid=line("dg-model-uuid"),
        char_count=int(count) if count.isdecimal() and len(count) < 10 else None,
        warnings=line("dg-warnings") or line("dg-pronunciation-warnings"),
    )


class Speech:
    """Audio on its way: iterate once for its bytes, in a ``with`` or up to the end.

    Raises ``ServiceUnavailable`` when the audio breaks off, so that what was read until then is
    known to be incomplete.
    """

    def __init__(
        self,
        info: SpeechInfo,
        response: httpx.Response,
        translated: Callable[[], AbstractContextManager[None]],
        total_seconds: float | None,
    ) -> None:
        self.info = info
        self._response = response
        self._translated = translated
        self._total_seconds = total_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back; the rest of the audio is dropped."""
        self._response.close()

    def __iter__(self) -> Iterator[bytes]:
        started = time.monotonic()
        size_bytes = 0
        pieces = self._response.iter_bytes()
        try:
            while True:
                with self._translated():
                    piece = next(pieces, None)
                if piece is None:
                    return
                size_bytes += len(piece)
                seconds = time.monotonic() - started
                too_slow = self._total_seconds is not None and seconds > self._total_seconds
                if size_bytes > MAX_AUDIO_BYTES or too_slow:
                    raise ServiceUnavailable(
                        f"the audio does not end: {size_bytes} bytes in {seconds:.0f} s",
                        request_id=self.info.request_id or None,
                    )
                yield piece
        finally:
            self.close()

    def read(self) -> bytes:
        """All of the audio."""
        return b"".join(self)
