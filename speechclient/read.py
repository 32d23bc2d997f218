"""The response of ``POST /v1/read``. Source: docs/contract.md, 6."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from speechclient.errors import UnreadableResponse
from speechclient.fields import clean_line, read_json
from speechclient.insights import Insights, read_insights
from speechclient.listen import Warning, read_warnings


@dataclass(frozen=True, slots=True)
class ReadResponse:
    """Response of ``POST /v1/read``. ``raw`` is the body as received.

    ``accepted`` is true for the response to a request with ``callback``: the insights go there.
    """

    raw: bytes = field(repr=False)
    request_id: str
    accepted: bool = False
    created: datetime | None = None
    language: str = ""
    insights: Insights = field(default_factory=Insights)
    warnings: tuple[Warning, ...] = ()


def read_read_response(
    raw: bytes, *, request_id: str | None = None, callback: bool = False
) -> ReadResponse:
    """Read the body of a 200; both the nested and the flat form of the metadata.

    Raises ``UnreadableResponse`` when this is no such response.
    """
    try:
        body = read_json(raw)
    except ValueError as error:
        raise UnreadableResponse(
            f"the server's response is not the JSON that was expected: {error}",
            request_id=request_id,
            status=200,
            body=raw,
        ) from error
    metadata = body.object("metadata").object("metadata") or body.object("metadata")
    text = metadata.text("request_id", limit=100) or body.text("request_id", limit=100)
    request_id = clean_line(text) or request_id or ""
    if callback and "results" not in body:
        return ReadResponse(raw=raw, request_id=request_id, accepted=True)
    if not body.is_object("results"):
        problem = "is not an object" if "results" in body else "is missing"
        raise UnreadableResponse(
            f"the server's response cannot be read: results {problem}",
            request_id=request_id or None,
            status=200,
            body=raw,
        )
    return ReadResponse(
        raw=raw,
        request_id=request_id,
        created=metadata.moment("created"),
        language=metadata.text("language", limit=100),
        insights=read_insights(body.object("results")),
        warnings=read_warnings(metadata),
    )
