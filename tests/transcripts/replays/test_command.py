"""`manage.py replaycalls`: saved calls as a test suite."""

import json
import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.transcripts.replays.test_conversation import Agent as FakeStream
from tests.transcripts.replays.test_conversation import FakeClock
from transcripts.management.commands import replaycalls
from transcripts.queue.leases import State
from transcripts.replays.models import Expectation, Replay
from transcripts.stages.replaying import replay

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def worker(transactional_db, monkeypatch) -> Iterator[None]:
    """Run every replay that is queued, as a worker does."""
    monkeypatch.setattr(replaycalls, "POLL_SECONDS", 0.02)
    over = threading.Event()

    async def opens(server: Any) -> Any:
        return FakeStream(calls=True)

    def work() -> None:
        while not over.wait(0.02):
            for pk in Replay.objects.filter(state=State.QUEUED).values_list("pk", flat=True):
                replay(pk, opens=opens, clock=FakeClock())
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("replaycalls", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def test_calls_that_pass_are_listed(ended_call):
    line = run("--agent", "orders", ended_call.pk)
    assert line.startswith("passed")
    assert str(ended_call.pk) in line


def test_a_worse_call_ends_the_command_with_1(ended_call):
    with pytest.raises(CommandError, match="1 of 1 calls failed") as raised:
        run("--agent", "Orders", "--expect", "good bye", f"http://x.test/calls/{ended_call.pk}/")
    assert raised.value.returncode == 1


def test_without_calls_those_with_expected_words_are_run(ended_call, make_call):
    make_call()
    Expectation.objects.create(call=ended_call, words="it is here")
    found = [json.loads(line) for line in run("--agent", "Orders", "--json").splitlines()]
    assert [each["call"] for each in found] == [str(ended_call.pk)]
    assert found[0]["passed"]
    assert found[0]["version"] == 1
    assert found[0]["exchanges"][0]["calls"][0]["response"] == "here"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--agent", "Nobody"], "There is no agent called 'Nobody'"),
        (["--agent", "Orders", "--version", "9"], "has no version 9"),
        (["--agent", "Orders"], "No call with Orders has words that are expected"),
        (["--agent", "Orders", "0" * 32], "There is no ended call"),
        (["--agent", "Orders", "x"], "'x' is no id of a call"),
    ],
)
def test_arguments_that_cannot_be_used_are_told(ended_call, arguments, words):
    with pytest.raises(CommandError, match=words):
        run(*arguments)
