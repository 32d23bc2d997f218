"""Progress reported by the server while its response is awaited."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from management.models import Connection
from speechclient import SpeechClient, SpeechError, Timeouts
from transcripts.models import Transcription
from transcripts.stages.jobs import Job
from transcripts.stages.speech import speech_line

logger = logging.getLogger(__name__)

ASK_SECONDS = 2.0
# A load balancer may send the question to another engine than the one that works.
MAX_MISSES = 3
TIMEOUTS = Timeouts(connect_seconds=5.0, response_seconds=5.0, body_seconds=5.0)


@contextmanager
def following(job: Job[Transcription], server: Connection, name: str) -> Iterator[None]:
    """Note on the job how many seconds of audio the server says it has heard.

    ``name`` is that of the request. Only the engine in the box can be asked; of others nothing
    is known until they are done.
    """
    job.note(heard_seconds=None)
    if server.kind != Connection.Kind.ENGINE:
        yield
        return
    ended = threading.Event()
    asking = threading.Thread(
        target=follow, args=(job, server, name, ended), name="progress", daemon=True
    )
    asking.start()
    try:
        yield
    finally:
        ended.set()


def follow(job: Job[Transcription], server: Connection, name: str, ended: threading.Event) -> None:
    """Ask every ``ASK_SECONDS`` from when all is sent, until it has ``ended``."""
    misses = 0

    def pause(seconds: float) -> None:
        ended.wait(seconds)

    with SpeechClient(
        server.base_url,
        server.api_key,
        timeouts=TIMEOUTS,
        transport=speech_line(server),
        sleep=pause,
    ) as client:
        while not ended.wait(ASK_SECONDS) and not job.stop and misses < MAX_MISSES:
            if not job.sent_all:
                continue
            try:
                job.note(heard_seconds=client.heard_seconds(name))
                misses = 0
            except SpeechError as error:
                misses += 1
                logger.debug("No progress of %s: %s", name, error)
