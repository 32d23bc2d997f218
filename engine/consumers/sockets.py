"""Base of the engine's sockets: frames in without a thread, messages out in order.

A consumer implements ``open``, ``hear`` (a binary frame), ``read`` (a JSON message) and ``leave``;
it says things with ``tell`` and ``tell_bytes`` and ends with ``finish``.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer

from engine.consumers.protocol import FAREWELL_KEY, Farewell, Pings
from engine.consumers.protocol import SCOPE_KEY as PINGS_KEY
from engine.exchange import ApiRequest, Outcome, exchange_of
from engine.wire.shapes import Message, encode
from network.jsontext import read_storable_json

logger = logging.getLogger("engine.sockets")

# What a client that stopped reading may leave unread before it is cut off.
_UNREAD_BYTES = 4 * 1024 * 1024
# How much sound may wait to be sent; then no more is made.
_SOUND_BYTES = 256 * 1024
_SOUND_FRAME_BYTES = 16 * 1024
# What a client may be ahead of us: four minutes of 16-bit samples at 16 kHz. Frames are taken in
# until then, so that pings get their pongs and a client that goes is noticed; from then on the
# connection is not read.
_AHEAD_BYTES = 8 * 1024 * 1024
_FRAME_BYTES = 200  # what a frame costs besides its data
_INTERNAL = "The engine failed on this stream. Open it again."


class Socket(AsyncConsumer):
    """One WebSocket of the engine."""

    silence_seconds: float = 10.0  # without a frame from the client, then ``fall_silent``
    pings_count = False  # whether a ping is a sign of life
    stalled_seconds: float = 30.0  # that a client may take nothing of the sound for it
    close_seconds: float = 10.0  # the same when a close waits for what it has not read

    def __init__(self) -> None:
        self._incoming: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._ahead = 0  # bytes that came and have not been dealt with
        self._caught_up = asyncio.Event()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._unread = 0  # bytes that were said and have not been sent
        self._sent = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_open = self._is_ending = self._is_cut_off = False

    @property
    def request(self) -> ApiRequest:
        return exchange_of(self.scope).request

    @property
    def outcome(self) -> Outcome:
        return exchange_of(self.scope).outcome

    async def open(self) -> None:
        """Check the handshake; raise ``ApiError`` before anything is accepted."""

    async def greet(self) -> None:
        """Say what comes first on an accepted socket."""

    async def hear(self, data: bytes) -> None:
        """Take a binary frame."""

    async def read(self, message: Mapping[str, Any]) -> None:
        """Take a JSON message."""

    async def misread(self, problem: str) -> None:
        """A text frame that is no JSON object."""

    def fall_silent(self) -> None:
        """The client has sent nothing for ``silence_seconds``."""

    def fail(self) -> None:
        """Tell the client that a task of the socket has failed; a close follows."""

    async def leave(self) -> None:
        """The socket is gone: let go of what it held."""

    def tell(self, message: Message) -> None:
        self._queue({"type": "websocket.send", "text": encode(message).decode()})

    async def tell_bytes(self, data: bytes, is_unwanted: Callable[[], bool]) -> None:
        """Say ``data`` in frames, no faster than the client reads, until ``is_unwanted``."""
        for at in range(0, len(data), _SOUND_FRAME_BYTES):
            await self._wait_for_room()
            if is_unwanted():
                return
            frame = data[at : at + _SOUND_FRAME_BYTES]
            self._queue({"type": "websocket.send", "bytes": frame})

    def drop_bytes(self) -> None:
        """Take back the binary frames that have not been sent."""
        waiting = [self._outgoing.get_nowait() for _ in range(self._outgoing.qsize())]
        for message in waiting:
            if message.get("bytes") is None:
                self._outgoing.put_nowait(message)
            else:
                self._unread -= _size(message)
        self._sent.set()

    def set_farewell(self, message: Message) -> None:
        """Send ``message`` before the close when the server stops."""
        farewell: Farewell | None = self.scope.get(FAREWELL_KEY)
        if farewell is not None:
            farewell.text = encode(message).decode()

    def finish(self, code: int = 1000, reason: str = "") -> None:
        """Close behind what has been said; nothing is said after it."""
        if not self._is_ending:
            self._queue({"type": "websocket.close", "code": code, "reason": reason})
            self._is_ending = True
            self._caught_up.set()
            self._set_alarm(self.close_seconds)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` for as long as the socket lives; its failure ends the socket."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._is_done)
        return task

    @property
    def is_ending(self) -> bool:
        return self._is_ending

    @property
    def is_at_work(self) -> bool:
        """Return whether the client waits for the engine, so that its silence is no time-out."""
        return self._ahead > 0 or self._unread > 0

    # Channels calls these.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._task = asyncio.current_task()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_cut_off or self._task is None:
                raise
            self._task.uncancel()
        finally:
            await self._end()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        # AsyncConsumer.dispatch visits a thread for every frame to close old database
        # connections: no consumer here has any.
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: Mapping[str, Any]) -> None:
        await self.open()
        self._is_open = True
        await self.base_send({"type": "websocket.accept"})
        self.spawn(self._deliver())
        self.spawn(self._take_in())
        self._set_alarm(self.silence_seconds)
        await self.greet()

    async def websocket_receive(self, message: Mapping[str, Any]) -> None:
        if self._is_ending:
            return
        self._set_alarm(self.silence_seconds)
        self._ahead += _size(message)
        self._incoming.put_nowait(message)
        while self._ahead > _AHEAD_BYTES and not self._is_ending:
            self._caught_up.clear()
            await self._caught_up.wait()

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        raise StopConsumer

    async def _take_in(self) -> None:
        """Deal with what came, one frame after the other."""
        while not self._is_ending:
            message = await self._incoming.get()
            await self._deal_with(message)
            self._ahead -= _size(message)
            self._caught_up.set()

    async def _deal_with(self, message: Mapping[str, Any]) -> None:
        data, text = message.get("bytes"), message.get("text")
        if data is not None:
            await self.hear(data)
            return
        try:
            value = read_storable_json(text or "")
        except ValueError:
            value = None
        if isinstance(value, dict):
            await self.read(value)
        else:
            await self.misread("the message is not a JSON object")

    async def _end(self) -> None:
        self._is_ending = True
        if self._alarm is not None:
            self._alarm.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._is_open:
            await self.leave()

    def _queue(self, message: dict[str, Any]) -> None:
        if self._is_ending:
            return
        self._unread += _size(message)
        if self._unread > _UNREAD_BYTES:
            self._give_up()
            return
        self._outgoing.put_nowait(message)

    async def _wait_for_room(self) -> None:
        while self._unread > _SOUND_BYTES and not self._is_ending:
            self._sent.clear()
            try:
                await asyncio.wait_for(self._sent.wait(), self.stalled_seconds)
            except TimeoutError:
                self._give_up()

    def _give_up(self) -> None:
        """Nobody reads: what waits is dropped, so that the close is the next to go."""
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        self._unread = 0
        self.finish(1013, "The client does not read what it is sent.")

    async def _deliver(self) -> None:
        while True:
            message = await self._outgoing.get()
            try:
                await self.base_send(message)
            except OSError:  # the client has gone; the server says so next
                return
            self._unread -= _size(message)
            self._sent.set()
            if self._is_ending:  # it reads: the close may take its time
                self._set_alarm(self.close_seconds)

    def _set_alarm(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(seconds, self._ring)

    def _ring(self) -> None:
        if self._is_ending:
            # The close does not get through: leave the connection to the server.
            self._is_cut_off = True
            if self._task is not None:
                self._task.cancel()
        elif self.is_at_work:
            self._set_alarm(self.silence_seconds)
        elif (left := self.silence_seconds - self._seconds_since_ping) > 0:
            self._set_alarm(left)
        else:
            self.fall_silent()

    @property
    def _seconds_since_ping(self) -> float:
        pings: Pings | None = self.scope.get(PINGS_KEY)
        return pings.silence_seconds if self.pings_count and pings is not None else math.inf

    def _is_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        logger.error(
            "request_id=%s a task of %s failed",
            self.request.request_id,
            self.request.path,
            exc_info=task.exception(),
        )
        self.fail()
        self.finish(1011, _INTERNAL)


def _size(message: Mapping[str, Any]) -> int:
    return len(message.get("bytes") or message.get("text") or "") + _FRAME_BYTES
