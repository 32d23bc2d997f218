"""Base of the sockets of pages: frames in without a thread, access checked while they are open."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from enum import IntEnum
from typing import Any, ClassVar
from uuid import UUID

from channels.consumer import AsyncConsumer, get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from django.db.models import QuerySet

from management.models import User
from network.jsontext import read_storable_json
from transcripts.live import database
from transcripts.live.database import Standing
from transcripts.live.feed import encode

logger = logging.getLogger(__name__)

BEAT_SECONDS = 20.0
ACCESS_SECONDS = 8.0  # a user who lost access loses the socket within 10 s
SEND_SECONDS = 30.0
SHORTCUT = "earshot.shortcut"  # extension of ASGI: see ``network.connections``


class Code(IntEnum):
    """Close codes of the sockets of pages; ``live.js`` explains each of them."""

    ENDED = 1000
    FAILED = 1011
    RESTART = 1012
    OVERLOADED = 1013
    SIGNED_OUT = 4401
    NOT_FOUND = 4404
    TAKEN = 4409


class PageSocket(AsyncConsumer, ABC):
    """A WebSocket of a page.

    ``scope["user"]`` is the signed-in user or None, ``scope["still_signed_in"]`` a function that
    reads from the database whether the session of the page is still valid, and
    ``scope["signed_in"]`` that condition for a query. They come from ``webapp.http.sockets``.
    ``may_stay`` is called in a thread every ``ACCESS_SECONDS``.
    """

    open_sockets: ClassVar[set["PageSocket"]] = set()
    pk: UUID  # of the row that the page is about
    _held: Standing | None = None

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sending = asyncio.Lock()
        self._sends_since: float | None = None  # when the frame that is being sent was begun
        self._is_closed = False
        self._is_reading = True  # a message is being carried out
        self._shortcut: Mapping[str, Callable[[Any], Any]] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # AsyncConsumer listens to a channel layer here, with two tasks for every message.
        self.scope, self.base_send = scope, send
        # Of our server: frames past its queue and past ours.
        self._shortcut = scope.get("extensions", {}).get(SHORTCUT)
        if self._shortcut is not None:
            self._shortcut["deliver_to"](self._take)
        try:
            while True:
                self._is_reading = False
                message = await receive()
                self._is_reading = True
                await self.dispatch(message)
        except StopConsumer:
            pass
        finally:
            await self._end()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        # That of AsyncConsumer visits a thread for every message to close database connections.
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
            return
        await getattr(self, get_handler_name(message))(message)

    # For the concrete sockets.

    @abstractmethod
    async def open(self) -> Code | None:
        """Load everything; a code to close with when the socket is not for this user."""

    @abstractmethod
    def may_stay(self) -> Code | None:
        """Return a code to close with when the user may not have the socket any more."""

    def check_row(self, held_by: Callable[[User], QuerySet[Any]]) -> Code | None:
        """The same for a page about a row: the user is signed in and still has it."""
        if self._held is not None and self._held.exists():
            return None
        user = self.scope["user"]
        if user is None or not self.scope["still_signed_in"]():
            return Code.SIGNED_OUT
        # Rights of the row, not of the page: they may have changed since it was opened.
        held = held_by(user).filter(pk=self.pk)
        if not held.exists():
            return Code.NOT_FOUND
        self._held = Standing(held.filter(self.scope["signed_in"]))
        return None

    async def hear(self, data: bytes) -> None:
        """Take a binary frame."""

    def hear_at_once(self, data: bytes) -> bool:
        """Take a binary frame if nothing has to be waited for; otherwise ``hear`` gets it."""
        return False

    async def read(self, message: Mapping[str, Any]) -> None:
        """Take a JSON message."""

    async def leave(self) -> None:
        """The socket is closed."""

    async def tell(self, **message: Any) -> None:
        await self.send_text(encode(message))

    def send_at_once(self, text: str) -> bool:
        """Send a text frame if nothing has to be waited for; return whether it was sent."""
        if self._shortcut is None or self._is_closed or self._sends_since is not None:
            return False
        return bool(self._shortcut["send_text"](text))

    def _take(self, data: bytes) -> bool:
        if self._is_reading or self._is_closed:
            return False  # after the messages before it
        return self.hear_at_once(data)

    async def send_text(self, text: str) -> None:
        await self._send_frame(text=text)

    async def send_bytes(self, data: bytes) -> None:
        await self._send_frame(bytes=data)

    async def _send_frame(self, **frame: str | bytes) -> None:
        """Send a frame; ``_watch_access`` closes a client that does not read for long.

        A timer for every frame would cost as much as the frame.
        """
        async with self._sending:
            if self._is_closed:
                return
            self._sends_since = time.monotonic()
            try:
                await self.base_send({"type": "websocket.send", **frame})
            except OSError:  # the client has gone; the server says so next
                self._is_closed = True
            finally:
                self._sends_since = None

    @property
    def _is_stalled(self) -> bool:
        since = self._sends_since
        return since is not None and time.monotonic() - since > SEND_SECONDS

    async def close(self, code: Code) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self.base_send({"type": "websocket.close", "code": int(code)})
        except (TimeoutError, OSError):
            logger.info("A socket could not be closed in order")

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` for as long as the socket is open; its failure closes the socket."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._is_done)

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await database_sync_to_async(work, thread_sensitive=False)(*arguments)

    # Messages of the server.

    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        # Accepted first: a close before it reaches the page without its code.
        await self.base_send({"type": "websocket.accept"})
        self.open_sockets.add(self)
        code = await self.open()
        if code is not None:
            await self.close(code)
            return
        self.spawn(self._beat())
        self.spawn(self._watch_access())

    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        if self._is_closed:
            return
        data = message.get("bytes")
        if data is not None:
            await self.hear(data)
            return
        try:
            value = read_storable_json(message.get("text") or "")
        except ValueError:
            return
        if isinstance(value, dict):
            await self.read(value)

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        raise StopConsumer

    async def _beat(self) -> None:
        # Proxies close what is silent, and a page that hears nothing knows that it is cut off.
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self.tell(type="Beat")

    async def _watch_access(self) -> None:
        while True:
            await asyncio.sleep(ACCESS_SECONDS)
            if self._is_stalled:
                await self.close(Code.OVERLOADED)
                return
            code = await database.run(self.may_stay)
            if code is not None:
                await self.close(code)
                return

    async def _end(self) -> None:
        self._is_closed = True
        self.open_sockets.discard(self)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.leave()

    def _is_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is None or self._is_closed:
            return
        logger.error("A task of a socket failed", exc_info=task.exception())
        closing = asyncio.create_task(self.close(Code.FAILED))
        self._tasks.add(closing)
        closing.add_done_callback(self._tasks.discard)
