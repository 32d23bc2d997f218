"""Ledger of requests, read page by page from the newest to those that are known."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction

from management.models import (
    Charge,
    Connection,
    Price,
    PriceList,
    Project,
    Request,
    Sync,
    SyncPart,
    Work,
)
from management.sync.peaks import UNCOUNTED, count_project
from speechclient import AccountClient
from speechclient import account as shapes
from speechclient.account import RequestFilter
from speechclient.fields import Fields

PAGE = 1000
LONGEST_STREAM = 7 * 86_400.0  # seconds; longer is a mistake of the log
# A request enters the server's log when it has ended, with the moment at which it began.
# A live session of more than a day would be missed.
OVERLAP = timedelta(hours=24)
LONGEST_PATH = 4000


def read(sync: Sync, project: Project, part: SyncPart, account: AccountClient) -> None:
    """Add the requests that the ledger lacks. Raises ``SpeechError``.

    A pass walks back in time from the newest request to ``since``; its position is stored with
    each page, so that one that is interrupted continues there. Every moment is of the server's
    clock. Requests that come in during a pass are read by the next one.
    """
    cursor = dict(part.cursor)
    prices = charged_prices(project)
    while True:
        page = account.requests(
            RequestFilter(
                start=moment(cursor.get("since")),
                end=moment(cursor.get("end")),
                limit=PAGE,
                page=cursor.get("page") or None,
            )
        )
        cursor, finished = advance(cursor, page)
        rows = [
            row_of(project, each, each.created, prices)
            for each in page.requests
            if each.request_id and each.created
        ]
        store(sync, project, part, rows, cursor)
        if finished:
            return count_project(sync, project, part)


def advance(cursor: dict[str, Any], page: shapes.RequestPage) -> tuple[dict[str, Any], bool]:
    """Return the cursor after a page, and True when the pass is finished.

    ``since`` and ``end`` bound the pass, ``newest`` is where it began. The next page ends just
    after the oldest request of this one, which reads it again and works with an inclusive and an
    exclusive ``end``. For more requests of one moment than a page has, the page number grows.
    """
    moments = [request.created for request in page.requests if request.created]
    # A server may have a smaller limit than was asked for, and says so.
    size = min(page.limit, PAGE) if page.limit > 0 else PAGE
    newest = cursor.get("newest") or (max(moments).isoformat() if moments else None)
    if len(page.requests) < size or not moments:
        since = moment(newest)
        begin = {"since": shifted(since, -OVERLAP).isoformat()} if since else {}
        return begin or {key: cursor[key] for key in ("since",) if key in cursor}, True
    end = shifted(min(moments), timedelta(milliseconds=1)).isoformat()
    after = {"newest": newest, "end": end} | {
        key: cursor[key] for key in ("since",) if key in cursor
    }
    if end == cursor.get("end"):
        after["page"] = cursor.get("page", 0) + 1
    return after, False


def store(
    sync: Sync,
    project: Project,
    part: SyncPart,
    rows: Sequence[Request],
    cursor: dict[str, Any],
) -> None:
    """Write the requests of a page that are new, the last use of their keys, and the cursor."""
    listed = {row.request_id: row for row in rows}
    known = set(project.requests.filter(request_id__in=listed).values_list("request_id", flat=True))
    new = [listed[name] for name in listed if name not in known]
    if since := earliest(part.cursor.get(UNCOUNTED), new):
        cursor = cursor | {UNCOUNTED: since}
    if not new and cursor == part.cursor:
        return
    with transaction.atomic():
        sync.hold()
        Request.objects.bulk_create(new, batch_size=500)
        project.keys.used(last_uses(new))
        SyncPart.objects.filter(pk=part.pk).update(cursor=cursor)
    part.cursor = cursor


def earliest(known: str | None, new: Sequence[Request]) -> str | None:
    """Return the first moment of requests that no peak counts yet."""
    moments = [row.created for row in new if row.ended]
    if known and (before := moment(known)):
        moments.append(before)
    return min(moments).isoformat() if moments else None


def last_uses(rows: Sequence[Request]) -> dict[str, datetime]:
    uses: dict[str, datetime] = {}
    for row in rows:
        if row.api_key_id:
            uses[row.api_key_id] = max(row.created, uses.get(row.api_key_id, row.created))
    return uses


def charged_prices(project: Project) -> PriceList:
    """Return the prices by which the requests of a project are charged here, not by its server.

    Deepgram charges itself: prices for it are for estimates alone.
    """
    if project.connection.kind == Connection.Kind.HOSTED:
        return PriceList()
    return Price.objects.of(project.connection_id)


def row_of(
    project: Project, request: shapes.Request, created: datetime, prices: PriceList
) -> Request:
    """Return the row of a request. The members of ``response`` are not documented."""
    path, _, options = request.path[:LONGEST_PATH].partition("?")
    query = parse_qsl(options)
    response = request.response if isinstance(request.response, dict) else {}
    details = Fields(response.get("details"))
    tags = list(details.texts("tags")) or [value for name, value in query if name == "tag"]
    dollars = details.optional_number("dollars")
    endpoint, method = endpoint_of(path), details.text("method")[:20]
    model = next((value for name, value in query if name == "model"), "")[:200]
    if prices:
        is_charged = 200 <= request.code < 300
        dollars = prices.cost(work_of(endpoint, method, model, details)) if is_charged else 0.0
    return Request(
        project=project,
        request_id=request.request_id[:100],
        created=created,
        ended=ended_at(Fields(response), created, details),
        endpoint=endpoint,
        method=method,
        path=request.path[:LONGEST_PATH],
        code=request.code if 0 <= request.code < 10_000 else 0,
        api_key_id=request.api_key_id[:100],
        deployment=request.deployment[:40],
        callback=request.callback,
        model=model,
        tags=tags,
        seconds=details.optional_number("duration"),
        characters=details.optional_integer("characters"),
        dollars=details.optional_number("usd") if dollars is None else dollars,
        response=response,
    )


def ended_at(response: Fields, created: datetime, details: Fields) -> datetime | None:
    """Return the end of a request: as the log says, else after a stream's length."""
    if completed := response.moment("completed"):
        return completed
    seconds = details.optional_number("duration")
    is_stream = details.text("method") == "streaming" and seconds is not None
    length = timedelta(seconds=max(0.0, min(seconds or 0.0, LONGEST_STREAM)))
    return shifted(created, length) if is_stream else None


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a moment earlier or later; the moment itself at an end of the calendar."""
    try:
        return moment + by
    except OverflowError:
        return moment


def charge_of(endpoint: str, method: str) -> Charge:
    """Return the kind of work that a request is charged as."""
    if endpoint in (Charge.SPEAK, Charge.READ, Charge.AGENT):
        return Charge(endpoint)
    return Charge.STREAMING if method == "streaming" else Charge.BATCH


def work_of(endpoint: str, method: str, model: str, details: Fields) -> Work:
    """Return the amount of work of a request, as the engine's log describes it."""
    seconds = details.optional_number("channel_duration")
    if seconds is None:
        seconds = details.optional_number("duration") or 0.0
    tokens = sum(details.optional_integer(name) or 0 for name in ("tokens_in", "tokens_out"))
    characters = details.optional_integer("characters") or 0
    return Work(charge_of(endpoint, method), model, seconds, characters, tokens)


def endpoint_of(path: str) -> str:
    """Return ``listen`` of ``/v1/listen``, ``agent`` of ``/v1/agent/converse``."""
    pieces = [piece for piece in path.split("/") if piece]
    if pieces and pieces[0][:1] == "v" and pieces[0][1:].isdigit():
        pieces = pieces[1:]
    return pieces[0][:20] if pieces else ""


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
