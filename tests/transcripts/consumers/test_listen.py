"""The microphone's socket: who may have it, and what goes over it."""

import asyncio
import json
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from management.models import Membership, User
from network import connections
from tests.transcripts.consumers.tabs import AUDIO, Tab
from transcripts.consumers import sockets
from transcripts.consumers.listen import OFFSET
from transcripts.live import serving
from transcripts.live.models import LiveSession
from transcripts.models import Recording
from webapp.asgi import application

pytestmark = pytest.mark.usefixtures("transactional_db", "rings")


async def tab(session: LiveSession, user: User | None, query: str = "tab=1", **headers: str) -> Tab:
    return await sync_to_async(Tab)(f"/live/{session.pk}/listen", user, query, **headers)


async def opened(
    session: LiveSession, user: User | None, query: str = "tab=1", **headers: str
) -> Tab:
    made = await tab(session, user, query, **headers)
    assert (await made.connect())["type"] == "websocket.accept"
    return made


async def test_audio_is_confirmed_and_captions_come(session, ada, upstream):
    ada_tab = await opened(session, ada)
    assert (await ada_tab.hears("Session"))["received"] == 0
    await ada_tab.speaks(0)
    await ada_tab.has_stored(len(AUDIO))
    upstream.stream.guesses("Good")
    assert (await ada_tab.hears("Interim"))["parts"] == [{"speaker": 0, "text": "Good"}]
    upstream.stream.says("Good morning.", until=0.3)
    caption = await ada_tab.hears("Caption")
    assert (caption["text"], caption["index"], caption["speaker"]) == ("Good morning.", 0, 0)
    await ada_tab.asks(type="Stop")
    ended = await ada_tab.hears("Ended")
    recording = await Recording.objects.aget()
    assert ended["recording"] == f"/recordings/{recording.pk}/"
    assert (await ada_tab.hears("close"))["code"] == 1000
    await ada_tab.leave()


class Shortcut:
    """The extension of our server: frames past the queues of both directions."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.take: Callable[[bytes], bool] | None = None

    def offer(self, to: Tab) -> None:
        functions = {"deliver_to": self.deliver_to, "send_text": self.send_text}
        to.scope["extensions"] = {connections.SHORTCUT: functions}

    def deliver_to(self, take: Callable[[bytes], bool]) -> None:
        self.take = take

    def send_text(self, text: str) -> bool:
        self.sent.append(text)
        return True


async def test_audio_and_interim_words_go_past_the_queues(session, ada, upstream):
    shortcut = Shortcut()
    ada_tab = await tab(session, ada)
    shortcut.offer(ada_tab)
    await ada_tab.connect()
    await ada_tab.hears("Session")
    await ada_tab.hears("Progress")  # the page has all that there is
    assert shortcut.take is not None
    assert shortcut.take(OFFSET.pack(0) + AUDIO)
    assert shortcut.take(OFFSET.pack(0) + AUDIO)  # again
    assert upstream.stream.received == len(AUDIO)
    assert not shortcut.take(OFFSET.pack(999_998) + AUDIO)  # the page has to be told: not here
    upstream.stream.guesses("Good")
    await ada_tab.has_stored(len(AUDIO))
    assert [json.loads(text)["parts"][0]["text"] for text in shortcut.sent] == ["Good"]
    upstream.stream.says("Good.", until=0.1)
    assert (await ada_tab.hears("Interim", "Caption"))["type"] == "Caption"
    await ada_tab.leave()
    assert not shortcut.take(OFFSET.pack(len(AUDIO)) + AUDIO)


async def test_audio_behind_a_gap_is_asked_for_again(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.speaks(4000)
    assert (await ada_tab.hears("Wrong"))["received"] == 0
    await ada_tab.leave()


async def test_a_tab_that_comes_back_misses_nothing_and_repeats_nothing(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.speaks(0)
    await ada_tab.has_stored(len(AUDIO))
    upstream.stream.says("One.", until=0.1)
    caption = await ada_tab.hears("Caption")
    start = {"epoch": 1, "after": caption["sequence"]}
    await ada_tab.leave()
    upstream.stream.says("Two.", until=0.2)

    query = f"tab=1&epoch={start['epoch']}&after={start['after']}"
    ada_tab = await opened(session, ada, query)
    assert (await ada_tab.hears("Session"))["received"] == len(AUDIO)
    assert (await ada_tab.hears("Caption"))["text"] == "Two."
    await ada_tab.leave()


async def test_captions_of_another_process_are_sent_again_from_the_start(session, ada, upstream):
    ada_tab = await opened(session, ada, "tab=1&epoch=99&after=99")
    assert (await ada_tab.hears("Start"))["after"] == 0
    await ada_tab.leave()


async def test_one_of_two_tabs_has_the_session_and_the_other_is_told(session, ada, upstream):
    first = await opened(session, ada, "tab=1")
    await first.hears("Session")
    second = await opened(session, ada, "tab=2")
    assert (await second.hears("close"))["code"] == 4409
    second = await opened(session, ada, "tab=2&take=1")
    await second.hears("Session")
    assert (await first.hears("close"))["code"] == 4409
    await first.leave()
    await second.speaks(0)
    await second.hears("Confirmed")
    await second.leave()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://testserver:81"])
async def test_a_page_of_another_site_gets_no_socket(session, ada, upstream, origin):
    foreign = await tab(session, ada, origin=origin)
    assert await foreign.connect() == {"type": "websocket.close", "code": 4403}
    assert upstream.streams == []


async def test_a_host_that_is_not_ours_gets_no_socket(session, ada, upstream):
    foreign = await tab(session, ada, host="evil.example", origin="http://evil.example")
    assert await foreign.connect() == {"type": "websocket.close", "code": 4403}


@pytest.mark.parametrize("name", ["bob", "vera", "eve", None])
async def test_only_the_owner_has_the_microphone(session, upstream, request, name):
    user = await sync_to_async(request.getfixturevalue)(name) if name else None
    other = await opened(session, user)
    output = await other.receive_output(60)
    code = 4404 if user else 4401
    assert output == {"type": "websocket.close", "code": code}
    assert upstream.streams == []
    await other.leave()


async def test_a_role_without_the_right_to_add_closes_the_socket(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await Membership.objects.aupdate(role=Membership.Role.VIEWER)
    assert (await ada_tab.hears("close"))["code"] == 4404
    await ada_tab.leave()


async def test_a_deactivated_user_loses_the_socket(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await User.objects.aupdate(is_active=False)
    assert (await ada_tab.hears("close"))["code"] == 4401
    await ada_tab.leave()


async def test_an_expired_session_closes_the_socket(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await sync_to_async(sign_out_everywhere)()
    assert (await ada_tab.hears("close"))["code"] == 4401
    await ada_tab.leave()


def sign_out_everywhere() -> None:
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


async def test_key_terms_change_while_it_runs(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await ada_tab.asks(type="Configure", keyterms=["Lighthouse", 7], eot_threshold=0.8)
    await ada_tab.hears("Configured")
    # Captions have no thresholds.
    assert upstream.stream.marks == ["configure {'keyterms': ['Lighthouse']}"]
    await ada_tab.leave()


async def test_notes_are_for_the_host_and_are_kept(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await ada_tab.asks(type="Note", at=1.5, text=" Ask about the lamp. ")
    assert (await ada_tab.hears("Note"))["text"] == "Ask about the lamp."
    await ada_tab.leave()
    ada_tab = await opened(session, ada)
    assert (await ada_tab.hears("Note"))["at"] == 1.5
    await ada_tab.leave()


async def test_speakers_are_named_and_captions_corrected(session, ada, upstream):
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    upstream.stream.says("Won.", until=0.1)
    await ada_tab.hears("Caption")
    await ada_tab.asks(type="Correct", index=0, text="One.")
    assert (await ada_tab.hears("Caption"))["text"] == "One."
    await ada_tab.asks(type="Name", speaker=0, name="Ada")
    while (await ada_tab.hears("Names"))["names"] != {"0": "Ada"}:
        pass
    await ada_tab.leave()


async def test_nonsense_is_ignored(session, ada, upstream):
    ada_tab = await opened(session, ada)
    messages = [
        "{", "[]", '{"type": 1}', '{"type": "Name", "speaker": -1, "name": 7}',
        '{"type": "Correct", "index": "x", "text": "y"}', '{"type": "Note", "at": "x"}',
        '{"type": "Configure", "keyterms": 7}', '{"type": "Note", "at": 1, "text": " "}',
    ]  # fmt: skip
    await ada_tab.send_input({"type": "websocket.receive", "bytes": b"123"})
    for text in messages:
        await ada_tab.send_input({"type": "websocket.receive", "text": text})
    await ada_tab.speaks(0)
    await ada_tab.has_stored(len(AUDIO))
    await ada_tab.leave()


async def test_a_frame_visits_no_thread_and_no_database(session, ada, upstream, monkeypatch):
    """A slow query of another page would delay audio: Channels would visit a thread here."""
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    monkeypatch.setattr(sockets, "ACCESS_SECONDS", 3600)
    monkeypatch.setattr(serving, "STORE_SECONDS", 3600)
    await asyncio.sleep(0.2)
    run = serving.runs.get(session.pk)
    before = upstream.stream.received
    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", nobody)
    await ada_tab.speaks(run.intake.received)
    async with asyncio.timeout(30):
        while upstream.stream.received == before:  # noqa: ASYNC110
            await asyncio.sleep(0)
    monkeypatch.undo()
    await ada_tab.leave()


def nobody(*arguments: object) -> None:
    raise AssertionError("a frame went to a thread")


async def test_a_server_that_stops_stores_what_was_said(session, ada, upstream):
    server = ApplicationCommunicator(application, {"type": "lifespan"})
    await server.send_input({"type": "lifespan.startup"})
    assert await server.receive_output(60) == {"type": "lifespan.startup.complete"}
    ada_tab = await opened(session, ada)
    await ada_tab.hears("Session")
    await ada_tab.speaks(0)
    await ada_tab.has_stored(len(AUDIO))
    upstream.stream.says("Good morning.", until=0.3)
    await ada_tab.hears("Caption")
    await ada_tab.leave()
    await server.send_input({"type": "lifespan.shutdown"})
    assert await server.receive_output(60) == {"type": "lifespan.shutdown.complete"}
    assert (await session.captions.aget()).text == "Good morning."
    await session.arefresh_from_db()
    # Another process takes it at once.
    assert (session.state, session.served_at) == ("open", None)
