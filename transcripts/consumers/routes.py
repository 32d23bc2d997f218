"""Addresses of the sockets, and their end."""

import asyncio
import logging

from django.urls import path

from transcripts.calls import relay
from transcripts.consumers.call import AgentConsumer
from transcripts.consumers.listen import ListenConsumer
from transcripts.consumers.speak import SpeakConsumer
from transcripts.consumers.watch import WatchConsumer
from transcripts.live.serving import runs

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 4.0

routes = [
    path("live/<uuid:pk>/listen", ListenConsumer.as_asgi()),
    path("calls/<uuid:pk>/talk", AgentConsumer.as_asgi()),
    path("speak/socket", SpeakConsumer.as_asgi()),
    path("captions/<str:link>/watch", WatchConsumer.as_asgi()),
]


async def drain() -> None:
    """Store the sessions that this process serves, and end its calls, within ``DRAIN_SECONDS``.

    The browsers still have the audio of sessions that is not stored by then; calls that are not
    ended are ended by the sweep.
    """
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await asyncio.gather(runs.close(), relay.runs.close())
    except TimeoutError:
        logger.warning("Live sessions and calls were not all stored in %g s", DRAIN_SECONDS)
