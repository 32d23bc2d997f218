"""A replay from its queue to its result."""

import threading
from typing import Any

import pytest
from django.db import connections

from speechclient.errors import BadRequest
from tests.transcripts.replays.test_conversation import Agent as FakeStream
from tests.transcripts.replays.test_conversation import FakeClock
from transcripts import readiness
from transcripts.queue.leases import State
from transcripts.replays.models import Expectation, Replay, order_replay
from transcripts.stages.replaying import replay
from transcripts.stages.sweeps import sweep

pytestmark = pytest.mark.django_db(transaction=True)


def run(row: Replay, stream: FakeStream | None = None) -> Replay:
    """Run a replay with an agent that responds as told."""
    made = stream or FakeStream(calls=True)

    async def opens(server: Any) -> Any:
        return made

    replay(row.pk, opens=opens, clock=FakeClock())
    row.refresh_from_db()
    return row


def test_a_replay_sends_the_callers_audio_and_the_recorded_results(ended_call, version, ada, rings):
    stream = FakeStream(calls=True)
    row = run(order_replay(ended_call, version, ada), stream)
    assert rings[0] == ("transcripts.replay", row.pk)
    assert (row.state, row.done, row.problems) == (State.DONE, 1.0, [])
    assert row.is_passed
    assert stream.audio.count(b"\1\0") == 3 * 24_000  # until the text of the turn
    assert stream.of("FunctionCallResponse")[0]["content"] == "here"
    before, after = row.pairs[-1].before, row.pairs[-1].after
    assert (before.caller, after.caller) == ("Where is it?", "Spoken.")
    assert after.reply == "It is here."


def test_a_replay_holds_no_connection_to_the_database_while_it_talks(
    ended_call, version, ada, closes_in_threads
):
    row = order_replay(ended_call, version, ada)
    held: list[bool] = []

    def act() -> None:
        own = connections["default"]

        async def opens(server: Any) -> Any:
            held.append(own.connection is not None)
            return FakeStream(calls=True)

        replay(row.pk, opens=opens, clock=FakeClock())
        own.close()

    thread = threading.Thread(target=act)
    thread.start()
    thread.join(30)
    row.refresh_from_db()
    assert (row.state, held) == (State.DONE, [False])


def test_a_lost_function_call_and_missing_words_are_problems(ended_call, version, ada):
    Expectation.objects.create(call=ended_call, words="it is here")
    row = run(order_replay(ended_call, version, ada, expected=["soon"]), FakeStream())
    assert row.state == State.DONE
    assert not row.is_passed
    assert row.problems == [
        "The function lookup was not called.",
        "No reply has the words “it is here”.",
        "No reply has the words “soon”.",
    ]


def test_an_error_of_the_server_is_told(ended_call, version, ada):
    stream = FakeStream()
    stream.fails(BadRequest("agent.speak: no such voice"))
    row = run(order_replay(ended_call, version, ada), stream)
    assert (row.state, row.error) == (State.FAILED, "Agent.speak: no such voice")


def test_a_call_without_a_word_of_the_caller_is_not_replayed(make_call, version, ada, rings):
    row = run(order_replay(make_call(events=[]), version, ada))
    assert (row.state, row.error) == (State.FAILED, "The caller of this call said nothing.")


def test_a_replay_whose_message_was_lost_is_woken_by_the_sweep(ended_call, version, ada, rings):
    row = order_replay(ended_call, version, ada)
    Replay.objects.filter(pk=row.pk).update(not_before="2020-01-01T00:00Z")
    rings.clear()
    sweep()
    assert ("transcripts.replay", row.pk) in rings


def test_a_stopped_replay_stays_stopped(ended_call, version, ada):
    row = order_replay(ended_call, version, ada)
    Replay.objects.filter(pk=row.pk).update(state=State.CANCELLED)
    assert run(row).state == State.CANCELLED


def test_a_replay_that_no_worker_takes_is_told(ended_call, version, ada):
    row = order_replay(ended_call, version, ada)
    assert readiness.jobs() == ""
    Replay.objects.filter(pk=row.pk).update(not_before="2020-01-01T00:00Z")
    assert readiness.jobs() == "1 jobs are waiting and no worker is running"
