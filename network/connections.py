"""Limits of a connection that hold before an application sees the request.

Both servers run uvicorn, which bounds neither the size of a request's head nor the time that a
client takes to send it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, cast

HEAD_BYTES = 64 * 1024  # request line and header fields together, and the same for trailers
# A handshake is read again by websockets, which has limits of its own.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(HEAD_BYTES))

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol  # noqa: E402
from uvicorn.protocols.utils import ClientDisconnected  # noqa: E402
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: E402
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # noqa: E402
from websockets.http11 import Response  # noqa: E402
from websockets.protocol import State  # noqa: E402
from websockets.server import ServerProtocol  # noqa: E402

logger = logging.getLogger("network")
socket_logger = logging.getLogger("network.sockets")
socket_logger.setLevel(logging.WARNING)

HEAD_FIELDS = 100
HEAD_SECONDS = 10.0
# Connections that have not sent a whole head; for one more the oldest is closed.
HEADS_AT_ONCE = 256
LINGER_SECONDS = 5.0  # for the rest of a body whose response is complete
STALLED_SECONDS = 120.0  # without reading any of a response that waits
STALLED_SOCKET_SECONDS = 60.0  # the same for a WebSocket

SMALL_FRAME_BYTES = 64
SMALL_FRAMES_AT_ONCE = 5_000
SMALL_FRAMES_PER_SECOND = 500.0
SHORTCUT = "earshot.shortcut"
# Frames that are whole messages and give their size in 16 bits: RFC 6455, section 5.2. They are as
# large as those of a microphone, and below every limit of a message.
BINARY_MASKED, TEXT_PLAIN = b"\x82\xfe", b"\x81\x7e"
MASKED_HEAD_BYTES = 8  # kind, size, mask
SIZES = range(126, 16_384)
CLOSE_SECONDS = 2.0  # between a close frame and the end of the connection
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012
RETURN_SECONDS = (0.5, 3.0)


class HeadTooLarge(Exception):
    """The request line and the header fields exceed the limits."""


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection whose head has a size, a deadline and a place among the unfinished.

    A head that exceeds ``HEAD_BYTES`` or ``HEAD_FIELDS`` gets a 431, one that is not complete
    after ``HEAD_SECONDS`` a 408.
    """

    id_header: ClassVar[bytes] = b"x-request-id"
    _unfinished: ClassVar[dict[HttpConnection, None]] = {}  # oldest first

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._held_bytes = 0  # that the parser may hold: received since it last reported any
        self._head_bytes = self._head_fields = 0
        self._is_head_too_large = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_head()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        self._held_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._held_bytes > HEAD_BYTES:
            self._reject_head()
        elif self._is_idle():  # stray line ends, which stopped the timer of an idle connection
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._head_fields = 0
        if self not in self._unfinished:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_fields += 1
        self._count_head(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._held_bytes = 0
        super().on_message_complete()
        if self._deadline is not None:  # the rest of a body whose response is complete
            self._await_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._set_deadline(LINGER_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        if self._is_head_too_large:
            self._reject_head()
        else:
            self._reject(HTTPStatus.BAD_REQUEST, msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _is_idle(self) -> bool:
        return (
            self not in self._unfinished
            and self.timeout_keep_alive_task is None
            and self._deadline is None
            and self.cycle is not None
            and self.cycle.response_complete
        )

    def _await_head(self) -> None:
        self._unfinished[self] = None
        self._set_deadline(HEAD_SECONDS, self._expire)
        if len(self._unfinished) > HEADS_AT_ONCE:
            next(iter(self._unfinished))._expire()

    def _end_head(self) -> None:
        self._held_bytes = 0
        self._unfinished.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_deadline(self, seconds: float, expire: Callable[[], None]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, expire)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES or self._head_fields > HEAD_FIELDS:
            self._is_head_too_large = True
            raise HeadTooLarge

    def _expire(self) -> None:
        if self._held_bytes:
            self._reject(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
        else:
            self._end_head()
            self.transport.close()

    def _reject_head(self) -> None:
        self._reject(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"The request line and headers exceed {HEAD_BYTES:,} bytes or {HEAD_FIELDS} fields.",
        )

    def _reject(self, status: HTTPStatus, message: str) -> None:
        self._end_head()
        reject(self.transport, status, message, self.id_header)


def reject(
    transport: asyncio.Transport, status: HTTPStatus, message: str, id_header: bytes
) -> None:
    """Send a short plain response with a request id, and close."""
    request_id = str(uuid.uuid4())
    logger.info("request_id=%s status=%d %s", request_id, status, message)
    body = f"{message} Request id: {request_id}\n".encode()
    lines = [
        b"content-type: text/plain; charset=utf-8",
        b"content-length: %d" % len(body),
        b"connection: close",
        b"%s: %s" % (id_header, request_id.encode()),
    ]
    transport.write(STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n" + body)
    transport.close()


def _awaits_message(protocol: ServerProtocol) -> bool:
    """Return whether the parser waits for the first byte of a message."""
    waiting: Any = protocol.parser
    while (inner := waiting.gi_yieldfrom) is not None:
        waiting = inner
    return waiting.__name__ == "at_eof" and protocol.current_size is None


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket that closes when small frames come by the thousand.

    A handshake that is rejected below the application gets a request id like any other error. A
    client that reads nothing for ``STALLED_SOCKET_SECONDS`` is disconnected: a close waits for the
    frames before it, and so would never end.

    The cost of a frame is mostly its own, whatever it carries: a hundred thousand frames of two
    bytes take seconds and say nothing. Small frames of every kind, pings and continuations too,
    come out of an allowance of ``SMALL_FRAMES_AT_ONCE`` that refills with time.

    An application that relays audio can have its frames without a queue, which costs a switch of
    tasks, and two calls of the kernel to stop and start reading, for each of them. The extension
    ``SHORTCUT`` of its scope has two functions:

    - ``deliver_to(take)``: ``take`` is called with each binary frame that no other message
      precedes in the queue, and returns False to have it come by ``receive``.
    - ``send_text(text)``: sends a text frame if nothing has to be waited for; returns whether it
      did.
    """

    id_header: ClassVar[bytes] = b"x-request-id"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # uvicorn's lines at INFO show the whole address, in which a link may be a secret.
        self.logger = socket_logger
        self._allowance = float(SMALL_FRAMES_AT_ONCE)
        self._counted_at = self.loop.time()
        self._is_flooded = False
        self._stalled: asyncio.TimerHandle | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._awaits_message = False  # the parser, after what it was given last
        self._plain_reject = self.conn.reject
        self.conn.reject = self._reject  # type: ignore[method-assign]

    def _reject(self, status: HTTPStatus | int, text: str) -> Response:
        """Return the response of websockets or of uvicorn with a request id."""
        request_id = str(uuid.uuid4())
        logger.info("request_id=%s status=%d %s", request_id, status, text.strip())
        response = self._plain_reject(status, f"{text.strip()} Request id: {request_id}\n".lstrip())
        response.headers[self.id_header.decode()] = request_id
        return response

    def shutdown(self) -> None:
        """Close the connection because the server stops.

        The reason names a time at which to connect again, a different one for each client, so that
        they do not all come at once. uvicorn sends none.
        """
        if self.handshake_complete and not self.close_sent:
            seconds = random.uniform(*RETURN_SECONDS)  # noqa: S311 no secret
            self.conn.send_close(SERVICE_RESTART, f"The server restarts; retry in {seconds:.1f} s")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
            self.stop_keepalive()
            self.close_sent = True
            self.transport.close()
            return
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.resume_writing()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_SOCKET_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            functions = {"deliver_to": self._deliver_to, "send_text": self._send_text}
            cast(dict[str, Any], self.scope["extensions"])[SHORTCUT] = functions

    def _deliver_to(self, take: Callable[[bytes], bool]) -> None:
        self._take = take

    def _send_text(self, text: str) -> bool:
        is_open = self.handshake_complete and self.conn.state is State.OPEN
        if not is_open or not self.writable.is_set() or self.transport.is_closing():
            return False
        encoded = text.encode()
        if len(encoded) in SIZES:
            self.transport.write(TEXT_PLAIN + len(encoded).to_bytes(2) + encoded)
        else:
            self.conn.send_text(encoded)
            self.transport.write(b"".join(self.conn.data_to_send()))
        return True

    def handle_text(self, event: Any) -> None:
        if self._allows(event):
            super().handle_text(event)

    def handle_bytes(self, event: Any) -> None:
        if not self._allows(event):
            return
        is_next = event.fin and self.queue.empty() and not self.close_sent
        if self._take is None or not is_next or not self._take(bytes(event.data)):
            super().handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        if self._allows(event):
            super().handle_cont(event)

    def handle_pong(self, event: Any) -> None:
        if self._allows(event):
            super().handle_pong(event)

    def handle_ping(self) -> None:
        if self._allows():
            super().handle_ping()

    def data_received(self, data: bytes) -> None:
        if self._take is not None and (audio := self._whole_binary(data)) and self._take(audio):
            return
        super().data_received(data)
        self._awaits_message = _awaits_message(self.conn)
        # uvicorn waits for ever after a handshake that websockets could not read.
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            message = f"The WebSocket handshake was not accepted: {self.conn.handshake_exc}."
            reject(self.transport, HTTPStatus.BAD_REQUEST, message, self.id_header)

    def _whole_binary(self, data: bytes) -> bytes:
        """Return the message if ``data`` is one binary frame and nothing precedes it, else b"".

        The parser of websockets resumes three generators and makes an object for each frame, which
        is a tenth of the time of a relay. It has seen nothing of a frame that is read here.
        """
        is_next = self._awaits_message and self.queue.empty() and self.conn.state is State.OPEN
        is_whole = data.startswith(BINARY_MASKED) and (
            int.from_bytes(data[2:4]) == len(data) - MASKED_HEAD_BYTES in SIZES
        )
        if not (is_next and is_whole):
            return b""
        return bytes(apply_mask(data[MASKED_HEAD_BYTES:], data[4:MASKED_HEAD_BYTES]))

    async def send(self, message: Any) -> None:
        if self._is_flooded:
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # uvicorn would log a missing response as an error.
            self.handshake_complete = True

    def _allows(self, event: Any = None) -> bool:
        """Count one frame; False from the moment at which there were too many."""
        if self._is_flooded:
            return False
        if event is not None and len(event.data) >= SMALL_FRAME_BYTES:
            return True
        now = self.loop.time()
        refilled = self._allowance + (now - self._counted_at) * SMALL_FRAMES_PER_SECOND
        self._allowance = min(refilled, SMALL_FRAMES_AT_ONCE) - 1
        self._counted_at = now
        if self._allowance < 0:
            self._close_flooded()
        return not self._is_flooded

    def _close_flooded(self) -> None:
        self._is_flooded = True
        if self.close_sent:
            return
        reason = f"Too many frames of less than {SMALL_FRAME_BYTES} bytes"
        self.stop_keepalive()
        self.conn.fail(POLICY_VIOLATION, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": POLICY_VIOLATION, "reason": reason}
        )
        # What still comes is read and discarded for a moment: closing over unread data would
        # reset the connection before the client has the reason.
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.close)
