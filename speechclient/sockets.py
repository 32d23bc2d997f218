"""The live sockets over ``websockets``: they move frames, ``streams`` says what the frames mean.

Every wait on the server has a timeout, every buffer a limit: a reader that stops lets at most
``MAX_QUEUE`` messages in, a server that stops reading makes ``send`` wait and then fail. Nothing
is compressed, no redirect is followed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeGuard, TypeVar, cast
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.http11 import Response
from websockets.protocol import Event as WireEvent
from websockets.protocol import State
from websockets.typing import Subprotocol

from speechclient.credentials import Credential
from speechclient.errors import ServiceUnavailable, SpeechError, error_from_response
from speechclient.fields import clean_line
from speechclient.http import proxy_for, read_base_url, read_request_id
from speechclient.options import (
    AgentOptions,
    FluxOptions,
    FluxSpeakOptions,
    ListenStreamOptions,
    SpeakStreamOptions,
)
from speechclient.parameters import Options
from speechclient.streams.agent import KEEP_ALIVE_SECONDS, AgentSession
from speechclient.streams.flux import FluxSession
from speechclient.streams.live_listen import ListenSession
from speechclient.streams.live_speak import FluxSpeakSession, SpeakSession
from speechclient.streams.session import Event, StreamSession

logger = logging.getLogger(__name__)

# At DEBUG websockets writes the handshake with the credential into the log, so it never gets there.
_wire_logger = logging.getLogger(f"{__name__}.wire")
_wire_logger.setLevel(logging.INFO)

SCHEMES = ("ws", "wss", "http", "https")
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_QUEUE = 64
MAX_WRITE_BUFFER_BYTES = 256 * 1024
AUDIO_FRAME_BYTES = 64 * 1024
# Frames that are whole messages and give their size in 16 bits: RFC 6455, section 5.2.
BINARY_MASKED, TEXT_PLAIN = b"\x82\xfe", b"\x81\x7e"
PLAIN_HEAD_BYTES, MASK_BYTES = 4, 4  # kind and size, mask
MASKS_AT_ONCE = 1_024
SIZES = range(126, 65_536)

Session = TypeVar("Session", bound=StreamSession)
Choices = TypeVar("Choices", bound=Options)


@dataclass(frozen=True, kw_only=True)
class SocketTimeouts:
    """Time-outs of sockets in seconds.

    A server that vanished is noticed after ``ping_seconds`` + ``pong_seconds``, whatever the
    stream is doing. ``finish_seconds`` is what the server has to say the rest once it was asked,
    ``turn_seconds`` to end a turn before that, ``configure_seconds`` to respond to a Configure.
    A stream that keeps itself alive does so after ``keep_alive_seconds`` without a frame.
    """

    open_seconds: float = 10.0
    send_seconds: float = 10.0
    ping_seconds: float = 5.0
    pong_seconds: float = 10.0
    finish_seconds: float = 30.0
    turn_seconds: float = 5.0
    configure_seconds: float = 10.0
    close_seconds: float = 2.0
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS


def _awaits_message(protocol: ClientProtocol) -> bool:
    """Return whether the parser waits for the first byte of a message."""
    waiting: Any = protocol.parser
    while (inner := waiting.gi_yieldfrom) is not None:
        waiting = inner
    return waiting.__name__ == "at_eof" and protocol.current_size is None


class _Masks:
    """Random masks of frames; the system is asked for many at once, which takes as long as one."""

    def __init__(self) -> None:
        self._random = b""
        self._place = 0

    def next(self) -> bytes:
        if self._place == len(self._random):
            self._random, self._place = secrets.token_bytes(MASKS_AT_ONCE * MASK_BYTES), 0
        self._place += MASK_BYTES
        return self._random[self._place - MASK_BYTES : self._place]


_masks = _Masks()


class _Connection(ClientConnection):
    """A connection whose messages can go to a function, past the queue that ``recv`` reads.

    The queue costs a switch of tasks for each message, and the timer of each wait for it.
    """

    take: Callable[[str], None] | None = None
    _awaits_message = False  # the parser, after what it was given last

    def data_received(self, data: bytes) -> None:
        if self.take is not None and (text := self._whole_text(data)):
            self.take(text)
        else:
            super().data_received(data)
            self._awaits_message = _awaits_message(self.protocol)

    def _whole_text(self, data: bytes) -> str:
        """Return the message if ``data`` is one frame of text and nothing precedes it, else "".

        The parser of websockets, which takes longer than all that a session does with a message,
        has seen nothing of one that is read here.
        """
        is_whole = data.startswith(TEXT_PLAIN) and (
            int.from_bytes(data[2:PLAIN_HEAD_BYTES]) == len(data) - PLAIN_HEAD_BYTES in SIZES
        )
        is_next = self._awaits_message and self.protocol.state is State.OPEN
        if not (is_next and is_whole) or self.recv_messages.frames:
            return ""
        try:
            return str(data[PLAIN_HEAD_BYTES:], "utf-8")
        except UnicodeDecodeError:
            return ""  # ``recv`` closes the connection for it

    def process_event(self, event: WireEvent) -> None:
        if self.take is None or not self._is_next_text(event):
            super().process_event(event)
            return
        try:
            text = str(event.data, "utf-8")
        except UnicodeDecodeError:
            super().process_event(event)  # ``recv`` closes the connection for it
        else:
            self.take(text)

    def _is_next_text(self, event: WireEvent) -> TypeGuard[Frame]:
        """Return whether it is text of one frame that no message of the queue precedes."""
        is_text = isinstance(event, Frame) and event.opcode is Opcode.TEXT and event.fin
        return is_text and not self.recv_messages.frames

    def send_at_once(self, frame: bytes) -> bool:
        """Send a binary frame if nothing has to be waited for; return whether it was sent.

        ``send`` needs a context manager, a lock and a timer for every frame, which cost more
        than the frame.
        """
        is_open = self.protocol.state is State.OPEN and self.send_in_progress is None
        waiting = self.transport.get_write_buffer_size()
        if not is_open or waiting > MAX_WRITE_BUFFER_BYTES // 4 or self.transport.is_closing():
            return False
        if len(frame) in SIZES:
            mask = _masks.next()
            head = BINARY_MASKED + len(frame).to_bytes(2) + mask
            self.transport.write(head + apply_mask(frame, mask))
        else:
            self.protocol.send_binary(frame)
            self.send_data()
        return True


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc  # the credential is for the server that was named


async def _connect(
    base_url: str,
    address: str,
    credential: Credential,
    timeouts: SocketTimeouts,
    as_subprotocol: bool,
) -> _Connection:
    """Open the WebSocket of a path and query. Raises what the library raises."""
    http_url = base_url.replace("ws", "http", 1) if base_url.startswith("ws") else base_url
    protocols = [Subprotocol(name) for name in credential.subprotocols()]
    connecting = _Connect(
        http_url.replace("http", "ws", 1) + address,
        additional_headers=None if as_subprotocol else credential.headers(),
        subprotocols=protocols if as_subprotocol and protocols else None,
        user_agent_header="earshot-speechclient",
        compression=None,
        proxy=proxy_for(http_url),
        open_timeout=timeouts.open_seconds,
        ping_interval=timeouts.ping_seconds,
        ping_timeout=timeouts.pong_seconds,
        close_timeout=timeouts.close_seconds,
        max_size=MAX_MESSAGE_BYTES,
        max_queue=MAX_QUEUE,
        write_limit=MAX_WRITE_BUFFER_BYTES,
        logger=_wire_logger,
        create_connection=_Connection,
    )
    return cast(_Connection, await connecting)


class Stream(Generic[Session, Choices]):
    """An open socket. Iterate for events; the end of the iteration is a normal end.

    Iterating and sending raise ``BadRequest`` (change the input), ``ServiceUnavailable`` (open
    another and go on) or ``Denied``. One task iterates, others may send. Use it in an
    ``async with``, or ``close`` it.
    """

    path: ClassVar[str]
    session_class: type[Session]
    keeps_alive: ClassVar[bool] = False  # by itself, while it is iterated

    def __init__(self, socket: _Connection, session: Session, timeouts: SocketTimeouts) -> None:
        self.session = session
        self._socket = socket
        self._timeouts = timeouts
        self._finish_at: float | None = None
        self._configure_at: float | None = None
        self._receiving: asyncio.Timeout | None = None
        self._taking: Callable[[Event], None] | None = None
        self._fault: Exception | None = None  # of the function that takes the events
        self._sent_at = _now()

    @classmethod
    async def open(
        cls,
        base_url: str,
        api_key: str,
        options: Choices,
        *,
        access_token: str = "",
        timeouts: SocketTimeouts = SocketTimeouts(),
        as_subprotocol: bool = False,
    ) -> Self:
        """Connect to the server at ``base_url`` (``http``, ``https``, ``ws`` or ``wss``).

        The credential travels in a header, or as browsers have to send it with
        ``as_subprotocol``. Raises as the stream itself does when the server rejects it, and
        ``ValueError`` for a base URL or a key that cannot be one.
        """
        credential = (
            Credential("Bearer", access_token) if access_token else Credential("Token", api_key)
        )
        base_url = read_base_url(base_url, SCHEMES)
        query = urlencode(options.query())
        address = f"{cls.path}{'?' if query else ''}{query}"
        try:
            socket = await _connect(base_url, address, credential, timeouts, as_subprotocol)
        except (OSError, EOFError, WebSocketException) as error:
            failure = _rejection(error, credential, base_url)
            logger.warning("%s failed: %s, request_id=%s", cls.path, failure, failure.request_id)
            raise failure from error
        request_id = read_request_id(_headers(socket.response, credential))
        logger.info("%s opened, request_id=%s", cls.path, request_id)
        return cls(socket, cls.session_class(request_id), timeouts)

    @property
    def request_id(self) -> str | None:
        return self.session.request_id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while True:
            try:
                async with asyncio.timeout_at(self._deadline) as self._receiving:
                    frame = await self._socket.recv()
            except TimeoutError as error:
                deadline = self._deadline
                if deadline is None or deadline > _now():
                    continue  # it was met by a message that did not come by here
                if await self._has_kept_alive():
                    continue
                if self._is_configure_late():
                    return self.session.configure_failed()
                if (late := self.session.overdue()) is not None:
                    await self._send_next(late)
                    continue
                seconds = self._timeouts.finish_seconds
                raise ServiceUnavailable(
                    f"the server did not finish within {seconds:g} s", request_id=self.request_id
                ) from error
            except ConnectionClosed as error:
                if self._fault is not None:
                    raise self._fault from None
                failure = self._failure(error)
                if failure is None:
                    raise StopAsyncIteration from None
                raise failure from error
            event = self.session.receive(frame)
            self._note_configured()
            if (due := self.session.due()) is not None:
                await self._send_next(due)
            if event is not None:
                return event

    def deliver_to(self, take: Callable[[Event], None]) -> None:
        """Call ``take`` with each event at once; the iteration has the others, and the end.

        The others are those of messages in several frames, and all that follow ``finish``.
        """
        self._taking = take
        self._socket.take = self._take

    def _take(self, frame: str) -> None:
        try:
            event = self.session.receive(frame)
            self._note_configured()
            if event is not None and self._taking is not None:
                self._taking(event)
        except Exception as error:  # the iteration raises it
            self._fault = error
            self._socket.take = None
            self.abort()

    def _note_configured(self) -> None:
        if self._configure_at is not None and not self.session.awaits_configure:
            self._configure_at = None

    async def send(self, frame: str | bytes) -> None:
        """Send a frame as it is: text as text, bytes as binary. Waits while the server is slow."""
        if isinstance(frame, bytes) and self._socket.send_at_once(frame):
            return
        try:
            async with asyncio.timeout(self._timeouts.send_seconds):
                await self._socket.send(frame)
        except TimeoutError as error:
            raise ServiceUnavailable(
                "the server takes no more data", request_id=self.request_id
            ) from error
        except ConnectionClosed as error:
            failure = self._failure(error) or ServiceUnavailable(
                "the stream has ended", request_id=self.request_id
            )
            raise failure from error

    def send_at_once(self, frame: bytes) -> bool:
        """Send a binary frame if nothing has to be waited for; return whether it was sent."""
        return self._socket.send_at_once(frame)

    async def finish(self) -> None:
        """Ask for the rest: keep iterating, the events end within ``finish_seconds``."""
        self._socket.take = None
        await self.send(self.session.finish())
        self._expect_end()

    @property
    def _deadline(self) -> float | None:
        seconds = self._timeouts.keep_alive_seconds if self.keeps_alive else None
        silent = None if seconds is None else self._sent_at + seconds
        moments = (self._finish_at, self._configure_at, silent)
        return min((moment for moment in moments if moment is not None), default=None)

    async def _has_kept_alive(self) -> bool:
        """Send a message when nothing was sent for a while; False when another time is up."""
        others = (self._finish_at, self._configure_at)
        if not self.keeps_alive or any(each is not None and each <= _now() for each in others):
            return False
        if _now() - self._sent_at >= self._timeouts.keep_alive_seconds:
            await self.send(self.session.keep_alive())
        return True

    def _is_configure_late(self) -> bool:
        """True once, when a Configure has had no response for ``configure_seconds``."""
        if self._configure_at is None or self._configure_at > _now():
            return False
        self._configure_at = None
        return True

    def _expect_configured(self) -> None:
        if self._configure_at is None:
            self._configure_at = _now() + self._timeouts.configure_seconds
        self._reschedule()

    def _expect_end(self) -> None:
        is_last = self.session.is_closing
        seconds = self._timeouts.finish_seconds if is_last else self._timeouts.turn_seconds
        self._finish_at = _now() + seconds
        self._reschedule()

    def _reschedule(self) -> None:
        if self._receiving is not None and not self._receiving.expired():
            with contextlib.suppress(RuntimeError):  # no receive is under way
                self._receiving.reschedule(self._deadline)

    async def _send_next(self, frame: str) -> None:
        """Send a further frame of the end; receiving says what is wrong when it cannot be."""
        with contextlib.suppress(SpeechError):
            await self.send(frame)
        self._expect_end()

    async def close(self) -> None:
        """Close now; what the server has not said is lost. Never raises, may be repeated."""
        self._socket.take = None
        try:
            async with asyncio.timeout(self._timeouts.close_seconds):
                await self._socket.close()
        except TimeoutError:
            self._socket.transport.abort()

    def abort(self) -> None:
        """Drop the connection without a close: iterating and sending raise at once."""
        self._socket.transport.abort()

    def _failure(self, error: ConnectionClosed) -> SpeechError | None:
        """Return the error of the connection's end; None for a normal one."""
        close = error.rcvd
        if error.sent is not None and not error.rcvd_then_sent:
            # We closed first: on the caller's wish with 1000, otherwise because the server was
            # silent or sent what cannot be taken, which its echo must not turn into our fault.
            close = error.sent
        code = close.code if close and (close is error.rcvd or close.code == 1000) else None
        failure = self.session.closed(code, close.reason if close else "")
        if failure is not None:
            logger.warning(
                "%s ended: %s, code=%s, request_id=%s",
                self.path,
                failure,
                failure.code or failure.status,
                failure.request_id,
            )
        return failure


class ListenStream(Stream[ListenSession, ListenStreamOptions]):
    """Live transcription, ``WS /v1/listen``. In silence send ``keep_alive`` every 3 to 5 s."""

    path = "/v1/listen"
    session_class = ListenSession

    async def send_audio(self, audio: bytes) -> None:
        """Audio in the encoding of the options, best in pieces of 20 to 250 ms."""
        await _send_audio(self, audio)

    async def keep_alive(self) -> None:
        await self.send(self.session.keep_alive())

    async def finalize(self, channel_index: int | None = None) -> None:
        """Ask for what is buffered as a final result, of one channel or of all."""
        await self.send(self.session.finalize(channel_index))

    async def configure(self, keyterms: Sequence[str]) -> None:
        """Replace the key terms; ``Configured`` or ``ConfigureFailed`` follows, also of silence.

        Raises ``InvalidOption`` for terms that no server takes.
        """
        await self.send(self.session.configure(keyterms))
        self._expect_configured()


class FluxStream(Stream[FluxSession, FluxOptions]):
    """Turns of a conversation, ``WS /v2/listen``."""

    path = "/v2/listen"
    session_class = FluxSession

    async def send_audio(self, audio: bytes) -> None:
        """Audio in the encoding of the options, best in pieces of 80 ms."""
        await _send_audio(self, audio)

    async def force_end_turn(self) -> None:
        await self.send(self.session.force_end_turn())

    async def configure(
        self,
        *,
        eot_threshold: float | None = None,
        eager_eot_threshold: float | None = None,
        eot_timeout_ms: int | None = None,
        keyterms: Sequence[str] | None = None,
        language_hints: Sequence[str] | None = None,
        numerals: bool | None = None,
    ) -> None:
        """Change what is given; an empty list clears one, None keeps what holds.

        ``Configured`` or ``ConfigureFailed`` follows, also of silence.
        """
        await self.send(
            self.session.configure(
                eot_threshold=eot_threshold,
                eager_eot_threshold=eager_eot_threshold,
                eot_timeout_ms=eot_timeout_ms,
                keyterms=keyterms,
                language_hints=language_hints,
                numerals=numerals,
            )
        )
        self._expect_configured()


class SpeakStream(Stream[SpeakSession, SpeakStreamOptions]):
    """Text in, audio out, ``WS /v1/speak``."""

    path = "/v1/speak"
    session_class = SpeakSession

    async def speak(self, text: str) -> None:
        """Text to be spoken, at most 2,000 characters at a time."""
        await self.send(self.session.speak(text))

    async def flush(self) -> None:
        """Speak everything given so far; ``Flushed`` follows its last audio."""
        await self.send(self.session.flush())

    async def clear(self) -> None:
        """Drop what is buffered; audio that comes before ``Cleared`` belongs to it."""
        await self.send(self.session.clear())


class FluxSpeakStream(Stream[FluxSpeakSession, FluxSpeakOptions]):
    """Text in, audio out in turns, ``WS /v2/speak``."""

    path = "/v2/speak"
    session_class = FluxSpeakSession

    async def speak(self, text: str) -> None:
        """Text of the active turn; pieces are joined as they are."""
        await self.send(self.session.speak(text))

    async def flush(self) -> None:
        """End of the turn's text."""
        await self.send(self.session.flush())

    async def interrupt(self, played_ms: int | None = None) -> None:
        """Stop the turn, ``played_ms`` into its audio where that is known."""
        await self.send(self.session.interrupt(played_ms))

    async def configure(self, speed: float) -> None:
        await self.send(self.session.configure(speed))


class AgentStream(Stream[AgentSession, AgentOptions]):
    """A conversation with a voice agent, ``WS /v1/agent/converse``.

    Send the Settings first. There is no message that ends a conversation: ``close`` it.
    """

    path = "/v1/agent/converse"
    session_class = AgentSession
    keeps_alive = True
    on_send: Callable[[str], None] | None = None  # called with each message before it is sent

    async def send(self, frame: str | bytes) -> None:
        self._sent_at = _now()
        if isinstance(frame, str) and self.on_send is not None:
            self.on_send(frame)
        await super().send(frame)

    async def send_audio(self, audio: bytes) -> None:
        """Audio in the encoding of the Settings, best in pieces of 20 to 250 ms."""
        await _send_audio(self, audio)

    async def finish(self) -> None:
        await self.close()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _send_audio(stream: Stream[Any, Any], audio: bytes) -> None:
    # An empty frame would end the stream (docs/contract.md, 9.2); a range over nothing sends none.
    for start in range(0, len(audio), AUDIO_FRAME_BYTES):
        await stream.send(audio[start : start + AUDIO_FRAME_BYTES])


def _rejection(error: Exception, credential: Credential, base_url: str) -> SpeechError:
    if isinstance(error, InvalidStatus):
        body = credential.scrub(bytes(error.response.body or b"").decode("utf-8", "replace"))
        headers = _headers(error.response, credential)
        return error_from_response(error.response.status_code, headers, body.encode())
    if isinstance(error, TimeoutError):
        return ServiceUnavailable(f"the server cannot be reached in time ({base_url})")
    if isinstance(error, OSError):
        reason = clean_line(str(error), 200)
        return ServiceUnavailable(f"the server cannot be reached: {reason} ({base_url})")
    return ServiceUnavailable(f"the server did not open a socket ({base_url})")


def _headers(response: Response | None, credential: Credential) -> dict[str, str]:
    """Headers by lower-case name; of repeated ones the last counts."""
    pairs = response.headers.raw_items() if response is not None else ()
    return {name.lower(): credential.scrub(value) for name, value in pairs}
