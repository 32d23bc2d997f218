"""Addresses of the sockets, and their end."""

import asyncio
import logging

from django.urls import path

from transcripts.consumers.listen import ListenConsumer
from transcripts.consumers.speak import SpeakConsumer
from transcripts.consumers.watch import WatchConsumer
from transcripts.live.serving import runs

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 4.0

routes = [
    path("live/<uuid:pk>/listen", ListenConsumer.as_asgi()),
    path("speak/socket", SpeakConsumer.as_asgi()),
    path("captions/<str:link>/watch", WatchConsumer.as_asgi()),
]


async def drain() -> None:
    """Store the sessions that this process serves, within ``DRAIN_SECONDS``.

    The browsers still have the audio that is not stored by then.
    """
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await runs.close()
    except TimeoutError:
        logger.warning("Live sessions were not all stored in %g s", DRAIN_SECONDS)
