"""A call over the socket of its page: what both sides send, who may have it, and its end."""

import asyncio
import json
import struct
import wave
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage

from management.models import Budget, Membership, Reservation, User
from speechclient.errors import ServiceUnavailable
from tests.pages.cast import LINES, transcribe
from tests.transcripts.agents.conftest import configuration
from tests.transcripts.calls.agent import FakeAgent
from tests.transcripts.calls.conftest import make_call
from tests.transcripts.conftest import add_recording
from tests.transcripts.consumers.tabs import Tab
from transcripts.calls import relay
from transcripts.calls.models import Call
from transcripts.calls.tracks import RATE
from transcripts.consumers.routes import drain
from transcripts.live import allowance
from transcripts.models import Recording, State

pytestmark = pytest.mark.usefixtures("transactional_db", "rings")
SPEECH = array("h", [1_000] * (RATE // 10)).tobytes()
VOICE = array("h", [2_000] * (RATE // 4)).tobytes()


class CallTab(Tab):
    """A browser tab with the page of a call."""

    def __init__(self, call: Call, user: User | None, query: str = "tab=1", **headers: str) -> None:
        super().__init__(f"/calls/{call.pk}/talk", user, query, **headers)

    async def next(self) -> Any:
        """Return the next message, the bytes of a binary one, or the close."""
        output = await self.receive_output(60)
        if output["type"] == "websocket.close":
            return dict(output)
        return output.get("bytes") or json.loads(output["text"])

    async def until(self, fits: Callable[[Any], Any]) -> list[Any]:
        heard: list[Any] = []
        async with asyncio.timeout(60):
            while not heard or not fits(heard[-1]):
                heard.append(await self.next())
        return heard

    async def hears_of(self, kind: str) -> Any:
        """Return the next message of this type."""
        return (await self.until(lambda one: is_of(one, kind)))[-1]

    async def records(self, kind: str) -> Any:
        """Return the next message of the record that is of this type."""
        return (await self.until(lambda one: is_of(one, "Wire") and one["kind"] == kind))[-1]

    async def sends(self, position: int, audio: bytes) -> None:
        frame = struct.pack("<Q", position) + audio
        await self.send_input({"type": "websocket.receive", "bytes": frame})


def is_of(one: Any, kind: str) -> bool:
    return isinstance(one, dict) and one["type"] == kind


async def tab(call: Call, user: User | None, query: str = "tab=1", **headers: str) -> CallTab:
    return await sync_to_async(CallTab)(call, user, query, **headers)


async def opened(call: Call, user: User | None, query: str = "tab=1") -> CallTab:
    made = await tab(call, user, query)
    assert (await made.connect())["type"] == "websocket.accept"
    return made


async def talking(call: Call, user: User, upstream: FakeAgent) -> CallTab:
    """A tab whose call has begun."""
    made = await opened(call, user)
    await made.records("Settings")
    upstream.stream.begins()
    await made.records("SettingsApplied")
    return made


async def until(fact: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        while not (found := fact()):  # noqa: ASYNC110 no event reports these
            await asyncio.sleep(0.01)
        return found


async def ended(made: CallTab) -> Any:
    message = await made.hears_of("Ended")
    assert (await made.hears_of("websocket.close"))["code"] == 1000
    await made.leave()
    return message


async def test_audio_goes_up_and_the_voice_comes_down(call, ada, upstream):
    page = await opened(call, ada)
    assert (await page.hears_of("Call"))["at"] >= 0
    # The first word is spoken before the agent listens.
    await page.sends(0, SPEECH)
    settings = (await page.records("Settings"))["body"]
    assert settings["audio"]["output"]["sample_rate"] == RATE
    assert settings["agent"]["greeting"] == "Hello, this is Elm Street."
    upstream.stream.begins()
    await page.sends(RATE // 10, SPEECH)
    await until(lambda: upstream.stream.audio == SPEECH * 2)
    upstream.stream.says("assistant", "Hello.")
    upstream.stream.plays(VOICE)
    heard = await page.until(lambda one: isinstance(one, bytes))
    assert heard[-1] == VOICE
    texts = [
        one["body"]["content"] for one in heard if is_of(one, "Wire") and "content" in one["body"]
    ]
    assert texts == ["Hello."]
    await page.asks(type="Stop")
    await ended(page)


@pytest.mark.slow
async def test_a_call_becomes_a_recording_whose_words_are_found(call, ada, upstream, client, media):
    page = await talking(call, ada, upstream)
    await page.sends(0, SPEECH * 10)
    await until(lambda: len(upstream.stream.audio) == len(SPEECH) * 10)
    upstream.stream.tells("UserStartedSpeaking")
    upstream.stream.says("user", "Where is the harbour?")
    upstream.stream.says("assistant", "Behind the lighthouse.")
    upstream.stream.plays(VOICE)
    upstream.stream.tells("AgentAudioDone")
    played = (await page.records("AgentAudioDone"))["at"] + 0.25
    await until(lambda: call.path.stat().st_size > 4 * RATE * played)
    await page.asks(type="Stop")
    message = await ended(page)
    assert message == {"type": "Ended", "url": f"/calls/{call.pk}/", "reason": ""}
    stored = await Call.objects.select_related("recording").aget()
    assert (stored.state, stored.request_id) == (Call.State.ENDED, "r-1")
    recording = stored.recording
    assert recording is not None
    assert (recording.source, recording.channels) == (Recording.Source.CALL, 2)
    assert (recording.owner_id, recording.project_id) == (ada.pk, call.project_id)
    run = await recording.transcriptions.aget()
    assert run.state == State.DONE
    said = [(each.channel, each.text) async for each in run.utterances.order_by("index")]
    assert said == [(0, "Where is the harbour?"), (1, "Behind the lighthouse.")]
    assert await sync_to_async(lambda: run.voices.names)() == {
        (0, None): "You", (1, None): "Orders",
    }  # fmt: skip
    with default_storage.open(recording.file.name) as file, wave.open(file) as kept:
        assert (kept.getnchannels(), kept.getframerate()) == (2, RATE)
        both = array("h", kept.readframes(kept.getnframes()))
    assert (both[0::2].count(1_000), both[1::2].count(2_000)) == (RATE, RATE // 4)
    await sync_to_async(client.force_login)(ada)
    hits = await sync_to_async(client.get)("/search/results/?q=lighthouse")
    assert f"/recordings/{recording.pk}/" in hits.content.decode()


async def test_the_audio_can_be_played_while_the_call_runs(call, ada, upstream):
    page = await talking(call, ada, upstream)
    await page.sends(0, SPEECH * 10)
    await until(lambda: call.path.stat().st_size > 4 * RATE // 2)
    with wave.open(str(call.path)) as growing:
        assert (growing.getnchannels(), growing.getframerate()) == (2, RATE)
        assert array("h", growing.readframes(100))[0] == 1_000
    await page.asks(type="Stop")
    await ended(page)


async def test_speech_over_the_agent_clears_the_player(call, ada, upstream):
    page = await talking(call, ada, upstream)
    upstream.stream.plays(VOICE * 40)
    await page.until(lambda one: isinstance(one, bytes))
    upstream.stream.tells("UserStartedSpeaking")
    upstream.stream.plays(VOICE)
    heard = await page.until(lambda one: isinstance(one, bytes))
    (silence,) = [one for one in heard if is_of(one, "Silence")]
    assert silence["interrupted"] is True
    stretches = [one["body"] for one in heard if is_of(one, "Wire") and one["kind"] == "Audio"]
    assert stretches[0]["seconds"] == 10.0
    assert stretches[0]["end"] < 10.0
    upstream.stream.tells("UserStartedSpeaking")
    await page.asks(type="Stop")
    await ended(page)


async def test_stop_silences_the_rest_of_a_reply(call, ada, upstream):
    page = await talking(call, ada, upstream)
    upstream.stream.plays(VOICE)
    await page.until(lambda one: isinstance(one, bytes))
    await page.asks(type="Silence")
    await page.hears_of("Silence")
    upstream.stream.plays(VOICE)
    upstream.stream.tells("AgentAudioDone")
    rest = await page.until(lambda one: is_of(one, "Wire") and one["kind"] == "AgentAudioDone")
    assert not any(isinstance(one, bytes) for one in rest)
    upstream.stream.plays(VOICE)
    await page.until(lambda one: isinstance(one, bytes))
    await page.asks(type="Stop")
    await ended(page)


async def test_a_turn_can_be_written_or_ended_by_a_button(call, ada, upstream):
    page = await talking(call, ada, upstream)
    await page.asks(type="Say", text=" Hello? ")
    assert (await page.records("InjectUserMessage"))["body"] == {"content": "Hello?"}
    await page.sends(0, SPEECH)
    await page.asks(type="EndTurn")
    # Nova has no message for it: it hears silence after the words.
    await until(lambda: len(upstream.stream.audio) > len(SPEECH))
    assert upstream.stream.audio[len(SPEECH) :] == bytes(4 * RATE)
    await page.asks(type="Stop")
    await ended(page)


async def test_the_button_ends_a_turn_of_flux(version, ada, upstream):
    flux = {"provider": {"type": "deepgram", "version": "v2", "model": "flux-general-en"}}
    settings = {**version.settings, "listen": flux}
    changed = configuration() | {"settings": settings}
    newer = await sync_to_async(lambda: version.agent.add_version(**changed))()
    call = await sync_to_async(make_call)(newer, ada)
    page = await talking(call, ada, upstream)
    await page.asks(type="EndTurn")
    await page.records("ForceEndTurn")
    await page.asks(type="Stop")
    await ended(page)


async def test_a_function_is_answered_by_hand(call, ada, upstream):
    page = await talking(call, ada, upstream)
    upstream.stream.calls("a", "weather", '{"city": "London"}')
    asked = await page.hears_of("Asked")
    assert asked == {
        "type": "Asked",
        "id": "a",
        "name": "weather",
        "description": "The weather of a city",
        "arguments": '{"city": "London"}',
        "changes": False,
    }
    await page.asks(type="Result", id="b", content="not asked")
    await page.asks(type="Result", id="a", content="sunny")
    sent = await page.records("FunctionCallResponse")
    assert sent["body"] == {"id": "a", "name": "weather", "content": "sunny"}
    assert sent["direction"] == "up"
    await page.asks(type="Result", id="a", content="twice")
    await page.asks(type="Stop")
    await ended(page)
    assert len(upstream.stream.of("FunctionCallResponse")) == 1


async def test_a_call_that_the_agent_withdraws_is_asked_no_more(call, ada, upstream):
    page = await talking(call, ada, upstream)
    upstream.stream.calls("a", "book")
    assert (await page.hears_of("Asked"))["changes"] is True
    upstream.stream.tells("FunctionCallCancelled", functions=[{"id": "a", "name": "book"}])
    assert (await page.hears_of("Withdrawn"))["id"] == "a"
    await page.asks(type="Result", id="a", content="too late")
    await page.asks(type="Stop")
    await ended(page)
    assert upstream.stream.of("FunctionCallResponse") == []


async def test_functions_that_change_something_wait_for_the_end_of_the_turn(call, ada, upstream):
    page = await opened(call, ada)
    settings = (await page.records("Settings"))["body"]
    functions = {each["name"]: each for each in settings["agent"]["think"]["functions"]}
    assert functions["book"]["defer_until_eot"] is True
    assert "defer_until_eot" not in functions["weather"]
    await page.asks(type="Stop")
    await ended(page)


async def test_the_library_is_searched_with_the_rights_of_the_caller(
    call, ada, upstream, recording, other_project
):
    hidden = await sync_to_async(add_recording)(other_project)
    for each in (recording, hidden):
        await sync_to_async(transcribe)(each, 1)
    page = await talking(call, ada, upstream)
    upstream.stream.calls("a", "search_library", '{"query": "dark road"}')
    upstream.stream.calls("b", "unknown")
    results: dict[str, Any] = {}
    while len(results) < 2:
        body = (await page.records("FunctionCallResponse"))["body"]
        results[body["id"]] = json.loads(body["content"])
    assert "error" in results["b"]
    assert [hit["text"] for hit in results["a"]] == [LINES[0]]
    await page.asks(type="Stop")
    await ended(page)


async def test_every_message_is_recorded_and_secrets_are_not(version, ada, upstream):
    think = {
        **version.settings["think"],
        "endpoint": {"url": "https://a.test/", "headers": {"x": "hush"}},
    }
    changed = configuration() | {"settings": {**version.settings, "think": think}}
    newer = await sync_to_async(lambda: version.agent.add_version(**changed))()
    call = await sync_to_async(make_call)(newer, ada)
    page = await talking(call, ada, upstream)
    upstream.stream.tells("AgentYawned", depth=3)
    await page.records("AgentYawned")
    await page.asks(type="Stop")
    await ended(page)
    assert upstream.stream.of("Settings")[0]["agent"]["think"]["endpoint"]["headers"] == {
        "x": "hush"
    }
    events = [each async for each in call.events.order_by("sequence")]
    assert [(each.direction, each.kind) for each in events] == [
        ("up", "Settings"),
        ("down", "Welcome"),
        ("down", "SettingsApplied"),
        ("down", "AgentYawned"),
    ]
    assert events[-1].body == {"depth": 3}
    stored = await Call.objects.aget(pk=call.pk)
    assert "hush" not in json.dumps([stored.settings, *(each.body for each in events)])


async def test_a_page_that_comes_back_gets_what_it_has_missed(call, ada, upstream):
    page = await talking(call, ada, upstream)
    upstream.stream.calls("a", "weather")
    seen = (await page.records("FunctionCallRequest"))["sequence"]
    await page.leave()
    upstream.stream.says("assistant", "Are you there?")
    again = await opened(call, ada, f"tab=1&after={seen}")
    heard = await again.until(lambda one: is_of(one, "Wire"))
    assert heard[-1]["body"]["content"] == "Are you there?"
    await again.hears_of("Asked")
    await again.asks(type="Stop")
    await ended(again)


async def test_another_tab_takes_the_call_only_when_it_says_so(call, ada, upstream):
    page = await talking(call, ada, upstream)
    other = await opened(call, ada, "tab=2")
    assert (await other.hears_of("websocket.close"))["code"] == 4409
    taking = await opened(call, ada, "tab=2&take=1")
    assert (await page.hears_of("websocket.close"))["code"] == 4409
    await taking.hears_of("Call")
    await taking.asks(type="Stop")
    await ended(taking)


async def test_nobody_else_speaks_in_a_call(call, upstream, bob, vera, eve):
    for user in (bob, vera, eve):
        page = await opened(call, user)
        assert (await page.next())["code"] == 4404
        await page.leave()
    assert upstream.streams == []


async def test_a_stranger_to_the_team_gets_nothing(call, upstream):
    page = await opened(call, None)
    assert (await page.next())["code"] == 4401
    await page.leave()


async def test_a_page_of_another_site_cannot_speak_as_its_visitor(call, ada, upstream):
    page = await tab(call, ada, origin="https://evil.test")
    assert (await page.connect())["type"] != "websocket.accept"
    assert upstream.streams == []


async def test_a_lost_role_ends_the_conversation_with_this_page(call, ada, upstream):
    page = await talking(call, ada, upstream)
    await Membership.objects.filter(user=ada).adelete()
    assert (await page.hears_of("websocket.close"))["code"] == 4404
    await page.leave()


@pytest.mark.parametrize("end", ["", "."])
async def test_an_error_of_the_server_ends_the_call_in_its_words(call, ada, upstream, end: str):
    page = await talking(call, ada, upstream)
    upstream.stream.fails(ServiceUnavailable(f"the session is two hours old{end}"))
    assert (await ended(page))["reason"] == "the session is two hours old."
    assert (await Call.objects.aget()).error == "the session is two hours old."


async def test_a_call_in_which_nobody_speaks_ends(call, ada, upstream, monkeypatch):
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.05)
    page = await talking(call, ada, upstream)
    assert (await ended(page))["reason"] == "There was no speech for five minutes."


async def test_a_call_without_its_page_ends(call, ada, upstream, monkeypatch):
    monkeypatch.setattr(relay, "WITHOUT_PAGE_SECONDS", 0.05)
    page = await talking(call, ada, upstream)
    await page.leave()
    async with asyncio.timeout(30):
        while (await Call.objects.aget()).state != Call.State.ENDED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await Call.objects.aget()).error == "The page was closed."
    late = await opened(call, ada)
    assert (await late.hears_of("Ended"))["url"] == f"/calls/{call.pk}/"
    assert (await late.hears_of("websocket.close"))["code"] == 1000
    await late.leave()


async def test_a_restart_ends_the_call_and_keeps_its_audio(call, ada, upstream, media):
    page = await talking(call, ada, upstream)
    await page.sends(0, SPEECH * 10)
    upstream.stream.says("assistant", "Hello.")
    await page.records("ConversationText")
    await until(lambda: call.path.exists() and call.path.stat().st_size > 4 * RATE // 2)
    await drain()
    assert (await ended(page))["reason"] == "Earshot was restarted."
    stored = await Call.objects.select_related("recording").aget()
    assert stored.recording is not None


@pytest.fixture
def budget(project, monkeypatch) -> Budget:
    monkeypatch.setattr(allowance, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(allowance, "LEAD_SECONDS", 36.0)
    return Budget.objects.create(project=project, dollars=1, hour_price=10)


async def test_open_time_is_reserved_and_settled(call, ada, upstream, budget):
    page = await talking(call, ada, upstream)
    cost = await page.hears_of("Cost")
    while not cost["hour"]:
        cost = await page.hears_of("Cost")
    assert (cost["hour"], cost["warning"]) == (10.0, "")
    assert await sync_to_async(budget.spent)() >= 0.1
    await page.asks(type="Stop")
    await ended(page)
    reservation = await Reservation.objects.aget(reference=call.reference)
    stored = await Call.objects.aget()
    assert reservation.settled_at is not None
    assert 0 < reservation.dollars < 0.1
    assert stored.dollars == pytest.approx(reservation.dollars)


async def test_a_budget_that_is_used_up_ends_the_call(call, ada, upstream, budget):
    page = await talking(call, ada, upstream)
    await Budget.objects.aupdate(dollars=0.01)
    assert "budget of Interviews" in (await ended(page))["reason"]


async def test_a_call_that_a_budget_does_not_allow_does_not_begin(call, ada, upstream, budget):
    await Budget.objects.aupdate(dollars=0.01)
    page = await opened(call, ada)
    assert "does not allow it" in (await page.hears_of("Problem"))["message"]
    assert (await page.hears_of("websocket.close"))["code"] == 1000
    assert upstream.streams == []
    await page.leave()
