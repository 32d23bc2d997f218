"""A replay of a saved call: the caller's turns to another version of an agent."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection

from management.models import Charge, Work
from transcripts.agents.settings import UnfilledVariable, settings_of
from transcripts.calls.record import Entry
from transcripts.calls.upstream import OpenStream, open_stream, server_of
from transcripts.replays.conversation import AUDIO, Clock, Conversation, NoResponse
from transcripts.replays.exchanges import results
from transcripts.replays.models import Replay, events_of
from transcripts.replays.plan import CallerAudio, NoAudio, seconds_of, steps
from transcripts.replays.results import Results
from transcripts.stages import jobs
from transcripts.stages.jobs import Hopeless, Job

# A reply takes about as long as the turn before it.
REPLIES = 2.0
LEAST_SECONDS = 30.0


def replay(
    pk: int,
    seen_lease: datetime | None = None,
    opens: OpenStream = open_stream,
    clock: Clock | None = None,
) -> None:
    """Bring a replay as far as it goes; nothing when it is not to be had."""
    jobs.run(Replay.objects.all(), pk, seen_lease, partial(work, opens=opens, clock=clock))


def work(job: Job[Replay], opens: OpenStream, clock: Clock | None) -> None:
    row = job.row
    events = events_of(row.call)
    planned = steps(events)
    if not planned:
        raise Hopeless("The caller of this call said nothing.")
    job.note(stage=Replay.Stage.TALKING)
    seconds = max(LEAST_SECONDS, REPLIES * seconds_of(planned))
    body = settings_for(row)
    server, audio = server_of(row.call), caller_audio(row)
    recorded = Results(results(events), row.version, row.created_by)

    async def converse() -> list[Entry]:
        conversation = Conversation(
            await opens(server),
            body,
            read=audio.read,
            respond=recorded.respond,
            check=job.check,
            tell=lambda done: job.note(done=done),
            speed=row.speed,
            clock=clock,
        )
        return await conversation.hold(planned, bool(body["agent"].get("greeting")))

    with jobs.within_budget(job, row.call.project, Work(Charge.AGENT, seconds=seconds)):
        connection.close()  # a call takes minutes; there may be fewer of them than threads
        try:
            entries = asyncio.run(converse())
        except NoResponse as error:
            raise Hopeless(str(error)) from error
    jobs.store(job, entries)


def settings_for(row: Replay) -> dict[str, Any]:
    """Return the settings of the version with the format of the saved audio."""
    try:
        return {**settings_of(row.version, row.call.variables), "audio": AUDIO}
    except UnfilledVariable as error:
        raise Hopeless(str(error)) from error


def caller_audio(row: Replay) -> CallerAudio:
    try:
        return CallerAudio(row.call)
    except NoAudio as error:
        raise Hopeless(str(error)) from error
