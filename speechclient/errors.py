"""Errors, grouped by what the caller can do.

``BadRequest``: change the input. ``ServiceUnavailable``: wait and send the same again.
``Denied``: give up until a person changes the account. Everything this package raises for a
server's or the network's fault is one of the three; nothing of httpx or websockets escapes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from speechclient.fields import clean_line

MAX_RETRY_AFTER_SECONDS = 86_400.0
MAX_ERROR_BODY_BYTES = 64 * 1024


class SpeechError(Exception):
    """Root of the tree. ``str(error)`` is one sentence for a person.

    ``request_id`` is the server's id of the failed request, or None when it gave none.
    ``status`` is the HTTP status, or the close code of a socket; None when there was no response.
    ``code`` is the server's own word for the cause (``INVALID_AUTH``, ``NET-0001``), or None.
    """

    def __init__(
        self,
        message: str,
        *,
        request_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.status = status
        self.code = code


class BadRequest(SpeechError):
    """The input is at fault: the same request fails again."""


class InvalidOption(BadRequest, ValueError):
    """An option has a name or a value that does not exist; found before anything is sent."""


class ServiceUnavailable(SpeechError):
    """The server or the way to it failed: the same request may succeed later.

    ``retry_after`` is the wait in seconds that the server asked for, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class UnreadableResponse(ServiceUnavailable):
    """A success whose body is not as in docs/contract.md; the message names what is wrong.

    The work was done and probably paid for, so the caller should not send it again and again.
    ``body`` is what was received.
    """

    def __init__(self, message: str, *, body: bytes = b"", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.body = body


class Denied(SpeechError):
    """The credential, the balance or the role does not allow it, or the thing is not there."""


# 408 client too slow, 425 too early, 429 too many requests, 499 client disconnected:
# docs/contract.md, 3.3.
RETRY_STATUSES = frozenset({408, 425, 429, 499})
DENIED_STATUSES = frozenset({401, 402, 403, 404})


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None
) -> SpeechError:
    """Read an error response, in any form of docs/contract.md, 3.1.

    ``headers`` is looked up by lower-case name; ``body`` may be cut short. Never raises.
    """
    code, message, request_id = _read_body(headers.get("content-type", ""), body)
    request_id = clean_line(headers.get("dg-request-id", ""), 100) or request_id
    message = message or clean_line(headers.get("dg-error", ""), 500)
    if 300 <= status < 400:
        return Denied(
            "the server responded with a redirect, which is not followed; "
            "set the base URL to the address that it leads to",
            request_id=request_id,
            status=status,
        )
    message = message or f"the server responded with status {status} and no reason"
    if status in DENIED_STATUSES:
        return Denied(message, request_id=request_id, status=status, code=code)
    if status >= 500 or status < 300 or status in RETRY_STATUSES:
        return ServiceUnavailable(
            message,
            request_id=request_id,
            status=status,
            code=code,
            retry_after=read_retry_after(headers.get("retry-after"), now=now),
        )
    return BadRequest(message, request_id=request_id, status=status, code=code)


def read_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait from a ``Retry-After`` header, 0 to one day; None when it says nothing.

    Takes a number of seconds or an HTTP date. Source: RFC 9110, section 10.2.3.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, OverflowError, TypeError, IndexError):
            return None  # no date, or one that no calendar has
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def error_from_close(
    code: int | None, reason: str, *, request_id: str | None = None
) -> SpeechError | None:
    """Return the error of a socket's close, None for a normal one.

    ``code`` is None if there was no close frame.

    Sources: docs/contract.md, 9.6, 11.4 and 12.4; RFC 6455, section 7.4.1.
    """
    if code == 1000:
        return None
    sentence = clean_line(reason, 200)
    # As a word, NET-0001, or as the tail of a link, https://dpgr.am/net0001
    match = re.search(r"(DATA|NET|MESSAGE|BIG)-?(\d{4})", sentence, re.IGNORECASE)
    key = f"{match[1].upper()}-{match[2]}" if match else None
    message = sentence or _close_sentence(code)
    # DATA-0001 is a speed limit: the same text is fine a little later.
    if code in (1002, 1003, 1007, 1008, 1009) and key != "DATA-0001":
        return BadRequest(message, request_id=request_id, status=code, code=key)
    return ServiceUnavailable(message, request_id=request_id, status=code, code=key)


def _close_sentence(code: int | None) -> str:
    if code is None or code == 1006:
        return "the connection was lost"
    return f"the server closed the connection with code {code}"


def _read_body(content_type: str, body: bytes) -> tuple[str | None, str, str | None]:
    """Code, message and request id out of an error body; what is missing is empty or None."""
    text = body[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        # A proxy's HTML page is of no use in a message; plain text is the response itself.
        return None, "" if "html" in content_type.lower() else clean_line(text, 500), None
    if isinstance(read, str):
        return None, clean_line(read, 500), None
    if not isinstance(read, dict):
        return None, "", None

    def line(*names: str) -> str:
        texts = (read[name] for name in names if isinstance(read.get(name), str))
        return clean_line(next(texts, ""), 500)

    code = line("err_code", "error_code", "category", "code") or None
    message = line("err_msg", "message", "reason", "error", "description")
    details = line("details")
    if details and details != message:
        message = f"{message} {details}".strip()
    return code, message, line("request_id")[:100] or None
