"""The text that speak and read are given: in the body, or at an address."""

from __future__ import annotations

from dataclasses import dataclass

from engine.exchange import ApiRequest
from engine.wire.errors import ApiError, bad_payload, no_text, text_or_url, unsupported_media_type
from engine.wire.payloads import read_object


@dataclass(frozen=True)
class TextSource:
    """Exactly one of the two is not empty."""

    text: str = ""
    url: str = ""


def read_text_source(request: ApiRequest, *, takes_plain_text: bool) -> TextSource:
    """Raises ``ApiError``: 415 for another content type, 400 for what is not there once."""
    data = request.body.data
    match request.content_type:
        case "application/json":
            source = _read_json(data)
        case "text/plain" if takes_plain_text:
            source = TextSource(text=decode_text(data))
        case other:
            raise unsupported_media_type(other)
    if not source.url and not source.text.strip():
        raise no_text()
    return source


def decode_text(data: bytes) -> str:
    """Raises ``ApiError`` (400) for anything but UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise bad_payload("Failed to decode payload as UTF-8.") from None


def _read_json(data: bytes) -> TextSource:
    decode_text(data)
    try:
        body = read_object(data)
    except ApiError:
        raise text_or_url() from None
    text, url = body.get("text"), body.get("url")
    if (text is None) == (url is None):
        raise text_or_url()
    if not isinstance(text if url is None else url, str):
        raise text_or_url()
    if url is not None and not url.startswith(("http://", "https://")):
        raise bad_payload("Failed to parse URL in JSON body.")
    return TextSource(text or "", url or "")
