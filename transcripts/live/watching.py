"""Sessions that another process serves, or none: captions read from rows."""

import asyncio
import contextlib
import logging
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError

from transcripts.live import database
from transcripts.live.feed import Feed
from transcripts.live.models import Caption, LiveSession
from transcripts.live.serving import group_of, in_thread, runs

logger = logging.getLogger(__name__)

# Without a wake-up rows are read this often: a channel layer loses messages.
POLL_SECONDS = 1.0
ROWS_AT_ONCE = 500


class Watch:
    """A feed of rows for all pages of this process that show one session.

    It is moved (``feed.is_lost``) when this process begins to serve the session itself.
    """

    def __init__(self, session: LiveSession) -> None:
        self.pk = session.pk
        self.feed = Feed(session.epoch, session.sequence)
        self.pages = 0
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async with wake_ups(self.pk) as wake_up:
            while not (self.feed.ending or self.feed.is_lost):
                try:
                    await self._take(await database.run(self._changes))
                except DatabaseError:
                    logger.warning("Live session %s could not be read", self.pk, exc_info=True)
                if runs.get(self.pk) is not None:
                    self.feed.lose()
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await wake_up()

    def _changes(self) -> tuple[LiveSession | None, list[Caption]]:
        session = LiveSession.objects.filter(pk=self.pk).select_related("recording").first()
        after = Caption.objects.filter(session=self.pk).after(self.feed.sequence)
        return session, list(after[:ROWS_AT_ONCE])

    async def _take(self, changes: tuple[LiveSession | None, list[Caption]]) -> None:
        session, captions = changes
        for caption in captions:
            self.feed.add(caption.sequence, caption.shown())
        self.feed.forget(self.feed.sequence)
        if session is None or session.is_ended:
            self.feed.end({"type": "Ended"})
        elif session.epoch != self.feed.epoch:
            # Captions that its last process had not stored are void.
            self.feed.lose()
        else:
            self.feed.show_names(session.names)
            if session.interim:
                self.feed.show_encoded_interim(session.interim)

    def close(self) -> None:
        self._task.cancel()


class Watches:
    """The sessions that pages of this process show and that it does not serve."""

    def __init__(self) -> None:
        self._watches: dict[UUID, Watch] = {}

    @contextlib.asynccontextmanager
    async def feed(self, pk: UUID) -> Any:
        """The feed of a session for one page; read from rows if another process serves it."""
        run = runs.get(pk)
        if run is not None:
            yield run.feed
            return
        watch = self._watches.get(pk)
        if watch is None or watch.feed.is_lost or watch.feed.ending:
            session = await in_thread(LiveSession.objects.get, pk=pk)
            watch = self._watches[pk] = Watch(session)
        watch.pages += 1
        try:
            yield watch.feed
        finally:
            watch.pages -= 1
            if not watch.pages:
                watch.close()
                if self._watches.get(pk) is watch:
                    del self._watches[pk]


watches = Watches()


@contextlib.asynccontextmanager
async def wake_ups(pk: UUID) -> Any:
    """A function that waits for the next wake-up; for ever without a channel layer."""
    layer = get_channel_layer() if settings.ENV.channel_layer_url else None
    if layer is None:
        yield asyncio.Event().wait
        return
    name = await layer.new_channel()
    await layer.group_add(group_of(pk), name)
    try:
        yield lambda: layer.receive(name)
    finally:
        await layer.group_discard(group_of(pk), name)
