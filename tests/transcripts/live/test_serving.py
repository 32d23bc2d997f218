"""A session while it is served: everything that was spoken is stored, once."""

import asyncio
import json
import wave
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from management.models import Budget, Reservation
from speechclient import BadRequest
from speechclient.streams.live_events import Configured, ConfigureFailed, Gap, UtteranceEnded
from tests.transcripts.live.server import FakeServer, FakeStream
from transcripts.live import allowance, serving
from transcripts.live.audio import BYTES_PER_SECOND
from transcripts.live.models import LiveSession
from transcripts.live.serving import LiveRun, Runs, Unavailable
from transcripts.models import Recording, State

pytestmark = pytest.mark.usefixtures("transactional_db", "rings")
SECOND = bytes(range(250)) * (BYTES_PER_SECOND // 250)


@pytest.fixture(autouse=True)
def quick_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "STORE_SECONDS", 0.01)


async def until(fact: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        while not (found := fact()):  # noqa: ASYNC110 no event reports these
            await asyncio.sleep(0.01)
        return found


async def captions(session: LiveSession) -> list[tuple[int | None, str]]:
    rows = session.captions.order_by("index").values_list("speaker", "text")
    return [row async for row in rows]


async def stored(session: LiveSession, *facts: tuple[int | None, str]) -> None:
    """Wait until these captions are rows."""
    async with asyncio.timeout(30):
        while await captions(session) != list(facts):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def stopped(run: LiveRun) -> Recording | None:
    run.stop()
    await run.ended()
    return await Recording.objects.select_related("live_session").afirst()


async def killed(run: LiveRun) -> None:
    """End a run as the end of its process would: nothing more is stored."""
    await run._cancel_tasks()
    await run.intake.close()


async def test_what_was_said_is_a_recording_with_its_audio(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.opens()
    upstream.stream.says("Good morning everyone.", until=0.8)
    upstream.stream.last_words = "Goodbye."
    recording = await stopped(run)

    assert recording is not None
    assert (recording.title, recording.source, recording.state) == ("Harbour talk", "live", "done")
    with recording.file.open() as file, wave.open(file) as audio:
        assert audio.readframes(audio.getnframes()) == SECOND
    transcription = await sync_to_async(lambda: recording.finished_transcription)()
    said = transcription.utterances.order_by("index").values_list("text", flat=True)
    assert [text async for text in said] == ["Good morning everyone.", "Goodbye."]
    assert transcription.request_id == "r-1"
    assert await recording.transcriptions.acount() == 1
    await session.arefresh_from_db()
    assert (session.state, session.recording_id) == ("ended", recording.pk)
    assert not session.path.exists()


async def test_both_versions_are_kept_when_it_is_transcribed_again(session, upstream):
    await LiveSession.objects.aupdate(again=True)
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.says("Good morning.", until=1.0)
    recording = await stopped(run)
    states = recording.transcriptions.order_by("pk").values_list("state", flat=True)
    assert [state async for state in states] == [State.DONE, State.QUEUED]


async def test_a_process_that_resumes_repeats_nothing(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, 3 * SECOND)
    upstream.stream.says("One.", until=1.0)
    await stored(session, (0, "One."))
    await until(lambda: run.confirmed == 3 * len(SECOND))
    upstream.stream.guesses("Two")
    await killed(run)

    run = await Runs(upstream.open).serve(session.pk)
    assert run.intake.received == 3 * len(SECOND)
    assert upstream.stream.resume.final == len(SECOND)
    assert upstream.stream.received == 3 * len(SECOND)
    assert await run.intake.read(len(SECOND), 4) == SECOND[:4]
    upstream.stream.says("Two.", until=2.0)
    upstream.stream.says("Three.", until=3.0)
    recording = await stopped(run)
    assert await captions(session) == [(0, "One."), (0, "Two."), (0, "Three.")]
    assert recording.duration == 3.0


async def test_a_process_that_lost_the_session_stores_nothing(session, upstream: FakeServer):
    first = await Runs(upstream.open).serve(session.pk)
    before = upstream.stream
    await first.hear(0, SECOND)
    await until(lambda: first.confirmed == len(SECOND))
    await LiveSession.objects.aupdate(epoch=7)
    before.says("Too late.", until=1.0)
    await first.ended()
    assert first.feed.is_lost
    assert await captions(session) == []

    second = await Runs(upstream.open).serve(session.pk)
    assert second.feed.epoch == 8
    assert second.intake.received == len(SECOND)
    await second.close()


async def test_an_ended_session_is_not_served(session, upstream: FakeServer):
    await stopped(await Runs(upstream.open).serve(session.pk))
    with pytest.raises(Unavailable, match="has ended"):
        await Runs(upstream.open).serve(session.pk)


async def test_a_session_without_audio_leaves_no_recording(session, upstream: FakeServer):
    assert await stopped(await Runs(upstream.open).serve(session.pk)) is None
    await session.arefresh_from_db()
    assert session.is_ended


async def test_audio_that_was_not_heard_is_transcribed_afterwards(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, 2 * SECOND)
    upstream.stream.says("One.", until=1.0)
    upstream.stream._events.put_nowait(Gap(1.0, 2.0, "the server is gone"))
    recording = await stopped(run)
    states = recording.transcriptions.order_by("pk").values_list("state", flat=True)
    assert [state async for state in states] == [State.DONE, State.QUEUED]


async def test_audio_is_kept_when_the_server_rejects_the_stream(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    upstream.stream.fails(BadRequest("no such model", status=400))
    await until(lambda: "no such model" in run.feed.progress)
    await run.hear(0, SECOND)
    recording = await stopped(run)
    assert (recording.duration, recording.state) == (1.0, State.QUEUED)


async def test_a_silence_ends_the_session(session, upstream: FakeServer, monkeypatch):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    monkeypatch.setattr(run, "_heard", run._heard - 3600)
    await run.ended()
    assert await Recording.objects.acount() == 1


async def test_a_stream_without_audio_is_closed_and_opened_again(
    session, upstream: FakeServer, monkeypatch
):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.says("One.", until=1.0)
    await stored(session, (0, "One."))
    monkeypatch.setattr(run, "_heard", run._heard - 70)
    await until(lambda: run._stream is None)
    await run.hear(len(SECOND), SECOND)
    assert len(upstream.streams) == 2
    assert upstream.stream.resume.final == len(SECOND)
    await run.close()


async def test_a_stream_that_catches_up_is_not_idle(session, upstream: FakeServer, monkeypatch):
    monkeypatch.setattr(FakeStream, "has_sent_all", False)
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    monkeypatch.setattr(run, "_heard", run._heard - 70)
    looks = 0

    async def rest() -> None:
        nonlocal looks
        await LiveRun._rest(run)
        looks += 1

    monkeypatch.setattr(run, "_rest", rest)
    await until(lambda: looks == 3)
    assert not run._is_closing
    monkeypatch.setattr(FakeStream, "has_sent_all", True)
    await until(lambda: run._stream is None)
    await run.close()


async def test_a_pause_makes_the_last_words_final(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.pause()
    assert upstream.stream.marks == ["finalize"]
    await run.close()


async def test_a_pause_after_the_last_result_ends_its_utterance(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.says("One", until=0.5, speech_final=False)
    await stored(session, (0, "One"))
    upstream.stream._events.put_nowait(UtteranceEnded(0, 0.5))
    await until(lambda: run.feed.sequence == 2)
    await run.close()
    caption = await session.captions.aget()
    assert (caption.ends, caption.sequence) == (True, 2)


async def test_a_turn_becomes_a_caption_at_its_end(session, upstream: FakeServer):
    await LiveSession.objects.aupdate(mode="turns")
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, 2 * SECOND)
    upstream.stream.turns("Good morning", "EagerEndOfTurn", until=1.0)
    await until(lambda: "Good morning" in run.feed.interim)
    assert json.loads(run.feed.interim)["parts"][0]["eager"]
    upstream.stream.turns("Good morning everyone.", "TurnResumed", until=1.2)
    await until(lambda: "everyone" in run.feed.interim)
    assert not json.loads(run.feed.interim)["parts"][0]["eager"]
    upstream.stream.turns("Good morning everyone.", "EndOfTurn", until=1.5, trigger="model")
    await stored(session, (None, "Good morning everyone."))
    caption = await session.captions.aget()
    assert caption.turn == {"confidence": 0.8, "trigger": "model", "latency": 0.5}
    assert caption.ends
    await run.close()


async def test_a_pause_ends_an_open_turn(session, upstream: FakeServer):
    await LiveSession.objects.aupdate(mode="turns")
    run = await Runs(upstream.open).serve(session.pk)
    await run.pause()
    assert upstream.stream.marks == ["force_end_turn"]
    await run.close()


async def test_a_change_while_it_runs_also_holds_after_a_restart(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    assert isinstance(await run.configure({"keyterms": ["Lighthouse"]}), Configured)
    await run.close()
    await session.arefresh_from_db()
    assert session.options["keyterm"] == ["Lighthouse"]


async def test_a_change_that_the_server_rejects_changes_nothing(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    upstream.stream.response = ConfigureFailed("INVALID_THRESHOLD", "too high")
    assert isinstance(await run.configure({"eot_threshold": 7}), ConfigureFailed)
    await run.close()
    await session.arefresh_from_db()
    assert "eot_threshold" not in session.options


async def test_later_results_leave_a_correction_as_it_is(session, ada, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.says("Won", until=0.5, speech_final=False)
    await stored(session, (0, "Won"))
    await run.correct(0, " One ", ada)
    upstream.stream._events.put_nowait(UtteranceEnded(0, 0.5))
    upstream.stream.says("two.", until=1.0)
    await stored(session, (0, "Won"), (0, "two."))
    await run.close()

    caption = await session.captions.select_related("corrected_by").aget(index=0)
    assert (caption.text, caption.corrected, caption.ends) == ("Won", "One", True)
    assert caption.corrected_by == ada
    assert (caption.shown()["text"], caption.shown()["recognised"]) == ("One", "Won")


async def test_a_correction_of_an_old_caption_reaches_pages_and_rows(
    session, ada, upstream: FakeServer
):
    run = await Runs(upstream.open).serve(session.pk)
    for number in (1, 2, 3):
        upstream.stream.says(f"{number}.", until=number / 10)
    await stored(session, (0, "1."), (0, "2."), (0, "3."))
    await run.correct(0, "One.", ada)
    ((sequence, shown),) = run.feed.since(3)
    assert (sequence, json.loads(shown)["index"], json.loads(shown)["text"]) == (4, 0, "One.")
    await run.correct(0, "1.", ada)  # back to what was recognised
    await run.correct(9, "Nothing", ada)
    await run.close()
    assert (await session.captions.aget(index=0)).corrected == ""


async def test_the_recording_has_both_what_was_recognised_and_what_was_corrected(
    session, ada, upstream: FakeServer
):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, SECOND)
    upstream.stream.says("Won two.", until=1.0)
    await until(lambda: run.feed.sequence == 1)
    await run.correct(0, "One, two, three.", ada)
    run.name_speaker(0, "Ada")
    recording = await stopped(run)
    assert recording is not None
    versions = await sync_to_async(lambda: [
        (each.utterances.get().text, each.voices.names) for each in recording.finished_runs
    ])()  # fmt: skip
    assert versions == [
        ("One, two, three.", {(0, 0): "Ada"}),
        ("Won two.", {(0, 0): "Ada"}),
    ]


class Page:
    """The socket of a microphone, which keeps what it is told."""

    tab = "1"

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def tell(self, **message: Any) -> None:
        self.told.append(message)


@pytest.fixture
def budget(project, monkeypatch) -> Budget:
    """A dollar a month at a dollar an hour, looked at all the time."""
    monkeypatch.setattr(allowance, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(allowance, "LEAD_SECONDS", 0.0)
    return Budget.objects.create(project=project, dollars=1, hour_price=1)


async def test_a_session_reserves_what_it_costs_while_it_runs(session, budget, upstream):
    run = await Runs(upstream.open).serve(session.pk)
    await run.hear(0, 2 * SECOND)
    async with asyncio.timeout(30):
        while await sync_to_async(budget.spent)() != pytest.approx(2 / 3600):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await run.close()


async def test_the_host_is_warned_before_a_budget_is_used_up(session, budget, upstream):
    run = await Runs(upstream.open).serve(session.pk)
    run.host = page = Page()
    await Budget.objects.aupdate(dollars=2 / 3600)
    await run.hear(0, (2 * SECOND)[: 7 * len(SECOND) // 4])
    await until(lambda: page.told)
    assert page.told == [{"type": "Warning", "message": run.warning}]
    assert run.warning.startswith("87 % of the monthly budget of Interviews")
    assert not run.is_over
    await run.close()


async def test_a_budget_that_is_used_up_ends_the_session_with_all_its_words(
    session, budget, upstream, monkeypatch
):
    monkeypatch.setattr(serving, "LAST_AUDIO_SECONDS", 0.2)
    run = await Runs(upstream.open).serve(session.pk)
    await Budget.objects.aupdate(dollars=1 / 3600)
    await run.hear(0, 2 * SECOND)
    run.host = page = Page()
    await until(lambda: [each for each in page.told if each["type"] == "Stop"])
    # What the page still had is heard, and the server's last words are waited for.
    await run.hear(2 * len(SECOND), SECOND)
    upstream.stream.last_words = "Goodbye."
    await run.ended()
    recording = await Recording.objects.select_related("live_session").aget()
    assert recording.duration == 3.0
    assert "The monthly budget of Interviews" in recording.live_session.error
    assert await captions(session) == [(0, "Goodbye.")]
    reservation = await Reservation.objects.aget()
    assert reservation.settled_at is not None


async def test_names_of_speakers_survive_a_restart(session, upstream: FakeServer):
    run = await Runs(upstream.open).serve(session.pk)
    run.name_speaker(0, "Ada")
    run.name_speaker(1, "Bob")
    run.name_speaker(1, "")
    await run.close()
    run = await Runs(upstream.open).serve(session.pk)
    assert json.loads(run.feed.names)["names"] == {"0": "Ada"}
    await run.close()
