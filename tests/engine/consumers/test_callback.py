"""Messages of a stream at its callback: in order, again when they are not taken, or the end."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.consumers import callback as callbacks
from engine.consumers.callback import Callback, CallbackLost
from engine.env import Reach
from engine.exchange import ApiRequest, Caller
from engine.wire.listen_messages import Error
from tests.engine.site import Arrival, Site

INSIDE = Reach(private=True, any_port=True)
WAIT_SECONDS = 60
KEY = uuid.UUID(int=7)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "_PAUSES", (0.0, 0.0))


def callback(url: str, method: str = "POST", reach: Reach = INSIDE) -> Callback:
    caller = Caller(KEY, "p-1", uuid.UUID(int=8), (), (), (), None)
    request = ApiRequest(path="/v1/listen", query="", kind="listen", key_holder=caller)
    return Callback(request, url, method, reach)


@asynccontextmanager
async def running(made: Callback) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(made.run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def arrivals(site: Site) -> list[Arrival]:
    return [site.arrivals.get_nowait() for _ in range(site.arrivals.qsize())]


async def lost(made: Callback) -> None:
    with pytest.raises(CallbackLost):
        await asyncio.wait_for(made.run(), WAIT_SECONDS)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_each_message_is_a_request_in_its_order(site: Site, method: str):
    made = callback(f"{site.url}/results?a=b", method)
    async with running(made):
        for place in range(5):
            made.send(Error(description=str(place)))
        await asyncio.wait_for(made.wait_for_all(), WAIT_SECONDS)
    sent = arrivals(site)
    assert [json.loads(one.body)["description"] for one in sent] == list("01234")
    assert {(one.method, one.path) for one in sent} == {(method, "/results?a=b")}


async def test_a_message_names_its_request_and_its_key_without_the_key_itself(site: Site):
    made = callback(f"{site.url}/")
    async with running(made):
        made.send(Error(description="x"))
        await asyncio.wait_for(made.wait_for_all(), WAIT_SECONDS)
    (sent,) = arrivals(site)
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["dg-token"] == str(KEY)
    assert sent.headers["dg-request-id"] == made._request.request_id


async def test_a_message_that_is_not_taken_is_sent_again_before_the_next(site: Site):
    site.pages["/"] = (503, {}, b"")
    made = callback(f"{site.url}/")
    made.send(Error(description="first"))
    made.send(Error(description="second"))
    await lost(made)
    sent = arrivals(site)
    assert [json.loads(one.body)["description"] for one in sent] == ["first"] * 3


@pytest.mark.parametrize("status", [301, 400, 404, 500])
async def test_only_a_success_takes_a_message(site: Site, status: int):
    site.pages["/"] = (status, {"location": "/elsewhere"}, b"")
    made = callback(f"{site.url}/")
    made.send(Error(description="x"))
    await lost(made)
    assert {one.path for one in arrivals(site)} == {"/"}


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://127.0.0.1:9/", INSIDE),
        ("http://nowhere.invalid/", INSIDE),
        ("http://127.0.0.1:9/", Reach(private=False, any_port=True)),
    ],
)
async def test_a_callback_that_cannot_be_reached_ends_the_stream(url: str, reach: Reach):
    made = callback(url, reach=reach)
    made.send(Error(description="x"))
    await lost(made)


async def test_messages_that_are_not_taken_do_not_pile_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(callbacks, "_MOST_WAITING", 3)
    made = callback(f"{site.url}/")
    for place in range(3):
        made.send(Error(description=str(place)))
    await lost(made)
    assert arrivals(site) == []


async def test_the_wait_for_all_ends_when_the_last_is_taken(site: Site):
    made = callback(f"{site.url}/")
    waiting: asyncio.Task[Any]
    async with running(made):
        made.send(Error(description="x"))
        waiting = asyncio.create_task(made.wait_for_all())
        await asyncio.wait_for(waiting, WAIT_SECONDS)
    assert site.arrivals.qsize() == 1
