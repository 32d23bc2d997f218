"""The captions of a session for those who have its link."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from management.models import User
from tests.services import redis_url as redis_url
from tests.transcripts.consumers.tabs import AUDIO, Tab
from tests.transcripts.live.server import FakeServer
from transcripts.consumers.watch import WatchConsumer
from transcripts.live import serving, watching
from transcripts.live.models import LiveSession
from transcripts.live.serving import Runs, runs
from transcripts.live.watching import watches

pytestmark = pytest.mark.usefixtures("transactional_db", "rings")
VIEWERS = 200


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.02)
    WatchConsumer._checks.clear()


@pytest.fixture
def public(session: LiveSession) -> LiveSession:
    session.set_link(LiveSession.Audience.ANYONE, None, "")
    return session


async def viewer(
    session: LiveSession, user: User | None = None, query: str = "", **headers: str
) -> Tab:
    path = f"/captions/{session.link}/watch"
    made: Tab = await sync_to_async(Tab)(path, user, query, **headers)
    assert (await made.connect())["type"] == "websocket.accept"
    return made


async def texts(tab: Tab, count: int) -> list[str]:
    return [(await tab.hears("Caption"))["text"] for _ in range(count)]


async def test_viewers_see_the_same_captions_from_the_start(public, upstream: FakeServer):
    run = await runs.serve(public.pk)
    await run.hear(0, AUDIO)
    upstream.stream.says("One.", until=0.1)
    first = await viewer(public)
    assert await texts(first, 1) == ["One."]
    upstream.stream.says("Two.", until=0.2)
    second = await viewer(public)
    assert await texts(first, 1) == ["Two."]
    assert await texts(second, 2) == ["One.", "Two."]
    for tab in (first, second):
        await tab.leave()


async def interims_before_a_caption(tab: Tab) -> int:
    count = 0
    while (await tab.hears("Interim", "Caption"))["type"] == "Interim":
        count += 1
    return count


@pytest.mark.slow
async def test_two_hundred_viewers_are_sent_a_burst_of_words_once(public, upstream: FakeServer):
    run = await runs.serve(public.pk)
    viewers = [await viewer(public) for _ in range(VIEWERS)]
    for tab in viewers:
        await tab.hears("Start")
    for number in range(20):
        upstream.stream.guesses(f"guess {number}")
    upstream.stream.says("One.", until=0.1)
    assert max([await interims_before_a_caption(tab) for tab in viewers]) <= 2
    await run.hear(0, AUDIO)
    assert run.intake.received == len(AUDIO)
    await asyncio.gather(*(tab.leave() for tab in viewers))


async def test_a_viewer_catches_up_by_number(public, upstream: FakeServer):
    run = await runs.serve(public.pk)
    for number in (1, 2, 3):
        upstream.stream.says(f"{number}.", until=number / 10)
    first = await viewer(public)
    assert await texts(first, 3) == ["1.", "2.", "3."]
    await first.leave()
    again = await viewer(public, query=f"epoch={run.feed.epoch}&after=2")
    assert await texts(again, 1) == ["3."]
    await again.leave()


async def test_old_captions_come_from_rows(public, upstream: FakeServer, monkeypatch):
    monkeypatch.setattr("transcripts.live.feed.RECENT_CAPTIONS", 2)
    run = await runs.serve(public.pk)
    for number in range(1, 7):
        upstream.stream.says(f"{number}.", until=number / 10)
    first = await viewer(public)
    await texts(first, 6)
    while run.feed.first < 4:
        await run._store(is_last=True)
    late = await viewer(public)
    assert await texts(late, 6) == ["1.", "2.", "3.", "4.", "5.", "6."]
    for tab in (first, late):
        await tab.leave()


async def test_a_viewer_stays_when_the_microphone_is_cut_off(public, ada, upstream: FakeServer):
    host: Tab = await sync_to_async(Tab)(f"/live/{public.pk}/listen", ada, "tab=1")
    await host.connect()
    await host.hears("Session")
    watching_tab = await viewer(public)
    await host.leave()
    upstream.stream.says("One.", until=0.1)
    assert await texts(watching_tab, 1) == ["One."]
    await watching_tab.leave()


async def test_the_end_reaches_viewers(public, upstream: FakeServer):
    run = await runs.serve(public.pk)
    await run.hear(0, AUDIO)
    tab = await viewer(public)
    run.stop()
    assert await tab.hears("Ended")
    assert (await tab.hears("close"))["code"] == 1000
    await tab.leave()


async def test_a_session_of_another_process_is_read_from_rows(public, upstream: FakeServer):
    other = Runs(upstream.open)  # stands for another process
    run = await other.serve(public.pk)
    tab = await viewer(public)
    await run.hear(0, AUDIO)
    upstream.stream.says("One.", until=0.1)
    assert await texts(tab, 1) == ["One."]
    run.stop()
    await tab.hears("Ended")
    await tab.leave()
    assert watches._watches == {}


async def test_a_channel_layer_wakes_the_pages_of_other_processes(
    public, upstream: FakeServer, settings, monkeypatch, redis_url
):
    settings.ENV = replace(settings.ENV, channel_layer_url=redis_url)
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [redis_url]},
        }
    }
    monkeypatch.setattr(watching, "POLL_SECONDS", 3600)  # rows are read at a wake-up alone
    run = await Runs(upstream.open).serve(public.pk)
    tab = await viewer(public)
    await tab.hears("Start")
    upstream.stream.guesses("Good")
    while not (await tab.hears("Interim"))["parts"]:
        pass
    upstream.stream.says("Good morning.", until=0.1)
    assert await texts(tab, 1) == ["Good morning."]
    await tab.leave()
    await run.close()


async def test_a_viewer_follows_the_session_to_this_process(public, upstream: FakeServer):
    other = Runs(upstream.open)
    run = await other.serve(public.pk)
    tab = await viewer(public)
    upstream.stream.says("One.", until=0.1)
    assert await texts(tab, 1) == ["One."]
    await run.close()
    await runs.serve(public.pk)
    upstream.stream.says("Two.", until=0.2)
    while (caption := (await tab.hears("Caption")))["text"] != "Two.":
        assert caption["text"] == "One."  # all is sent again
    await tab.leave()


async def code_of(session: LiveSession, user: User | None, **headers: str) -> Any:
    tab = await viewer(session, user, **headers)
    output = await tab.receive_output(60)
    await tab.leave()
    return output.get("code")


@pytest.mark.parametrize(
    ("name", "code"),
    [("ada", None), ("bob", None), ("vera", None), ("eve", 4404), (None, 4404)],
)
async def test_captions_for_members_are_for_nobody_else(session, upstream, request, name, code):
    user = await sync_to_async(request.getfixturevalue)(name) if name else None
    assert await code_of(session, user) == code


async def test_a_link_with_a_password_needs_its_ticket(session, upstream, bob):
    await sync_to_async(session.set_link)(LiveSession.Audience.ANYONE, None, "sesame")
    assert await code_of(session, None) == 4404
    assert await code_of(session, None, cookie="captions-ticket=forged") == 4404
    assert await code_of(session, None, cookie=f"captions-ticket={session.ticket}") is None
    assert await code_of(session, bob) is None


async def test_a_link_that_is_over_closes_the_socket(public, upstream):
    tab = await viewer(public)
    await tab.hears("Start")
    await LiveSession.objects.aupdate(link_until=timezone.now() - timedelta(seconds=1))
    assert (await tab.hears("close"))["code"] == 4404
    await tab.leave()


async def test_a_viewer_that_does_not_read_is_closed_and_holds_up_nobody(
    public, upstream: FakeServer, monkeypatch
):
    monkeypatch.setattr("transcripts.consumers.sockets.SEND_SECONDS", 0.05)
    run = await runs.serve(public.pk)
    stalled = Stalled()
    socket = WatchConsumer()
    socket.base_send = stalled.send
    socket.spawn(socket.send_text("x"))
    socket.spawn(socket._watch_access())
    await stalled.closed.wait()
    await socket._end()
    upstream.stream.says("One.", until=0.1)
    tab = await viewer(public)
    assert await texts(tab, 1) == ["One."]
    await tab.leave()
    assert run is serving.runs.get(public.pk)


class Stalled:
    """A client that reads nothing: a server lets its sender wait."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.closed.set()
            return
        await asyncio.Event().wait()
