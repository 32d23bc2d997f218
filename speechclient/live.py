"""Live streams that survive lost connections.

Their interface is described in ``streams/live_events.py``.

This module moves bytes: ``streams/sending.py`` decides when something is sent, and
``streams/continuity.py`` what the events of a connection mean for the whole stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, ClassVar, Generic, Self, TypeVar

from speechclient.deliveries import Deliveries
from speechclient.errors import (
    BadRequest,
    Denied,
    InvalidOption,
    ServiceUnavailable,
    SpeechError,
)
from speechclient.http import read_base_url
from speechclient.options import FluxOptions, ListenStreamOptions
from speechclient.parameters import read_keyterms
from speechclient.sockets import SCHEMES, FluxStream, ListenStream, SocketTimeouts, Stream
from speechclient.streams.continuity import Continuity, ListenContinuity, TurnContinuity
from speechclient.streams.live_events import (
    AudioSource,
    Checkpoint,
    Configured,
    ConfigureFailed,
    Gap,
    LiveEvent,
    State,
    StateChanged,
)
from speechclient.streams.memory import Memory
from speechclient.streams.pace import Backoff, StallWatch
from speechclient.streams.rawaudio import RawAudio
from speechclient.streams.sending import (
    Action,
    Finish,
    Mark,
    SendAudio,
    Sending,
    SendKeepAlive,
    SendMark,
    Wait,
)
from speechclient.streams.session import Event, StreamError

logger = logging.getLogger(__name__)

NOT_CONNECTED = "NOT_CONNECTED"  # code of a Configure that could not be sent
GAP_SECONDS = 1.0  # at least, so that an outage is not a gap for each piece of audio
PROBE_SECONDS = 0.25  # between the places that are tried where stored audio cannot be read
TICK_SECONDS = 1.0
LIVE_SECONDS = 1.0  # with less audio to send, a stream is live

# A connection that is half open is noticed within 13 s.
SOCKETS = SocketTimeouts(ping_seconds=4.0, pong_seconds=9.0)

Connection = TypeVar("Connection", bound=Stream[Any, Any])
Choices = TypeVar("Choices", ListenStreamOptions, FluxOptions)


@dataclass(frozen=True, kw_only=True)
class Survival:
    """Limits of a live stream in seconds.

    ``buffer_seconds`` of audio are kept in memory, and none where there is an ``AudioSource``;
    ``send_seconds`` is the longest that ``send`` waits for room. Audio that was sent for
    ``stall_seconds`` while nothing was received is a stall. Attempts to connect are
    ``retry_seconds`` to ``max_retry_seconds`` apart. ``finish_seconds`` without any progress end a
    stream that is to finish; its rest is a ``Gap``.
    """

    buffer_seconds: float = 60.0
    send_seconds: float = 10.0
    stall_seconds: float = 10.0
    retry_seconds: float = 0.5
    max_retry_seconds: float = 30.0
    finish_seconds: float = 60.0
    sockets: SocketTimeouts = SOCKETS


class LiveStream(Generic[Connection, Choices]):
    """Base of both live streams."""

    stream_class: ClassVar[type[Stream[Any, Any]]]
    keeps_alive: ClassVar[bool]

    # Of a stream that has not been opened.
    _connection: Connection | None = None
    _loss: SpeechError | None = None
    _failure: SpeechError | None = None
    _state = State.CONNECTING
    _is_sending = False
    _is_overflowing = False
    _configured: asyncio.Future[Configured | ConfigureFailed] | None = None

    def __init__(
        self,
        base_url: str,
        api_key: str,
        options: Choices,
        *,
        access_token: str = "",
        source: AudioSource | None = None,
        resume: Checkpoint | None = None,
        received: int = 0,
        survival: Survival = Survival(),
    ) -> None:
        # Checked now: a mistake of the caller is no outage.
        self._server = (read_base_url(base_url, SCHEMES), api_key, access_token)
        self._options: Choices = self._requested(options)
        self._survival = survival
        self._source = source
        self._audio = self._format(options)
        self._continuity = self._identity(options, resume or Checkpoint())
        size = self._audio.size(survival.buffer_seconds)
        self._memory = Memory(max(size, self._audio.frame_bytes), received)
        self._sending = Sending(
            self._audio,
            received,
            keeps_alive=self.keeps_alive,
            is_replay=self._continuity.connection > 0,
        )
        self._stall = StallWatch(survival.stall_seconds)
        self._backoff = Backoff(
            random.random, first=survival.retry_seconds, most=survival.max_retry_seconds
        )
        self._events = Deliveries(self._continuity.checkpoint)
        self._is_configuring = asyncio.Lock()
        self._wake = asyncio.Event()  # something to send
        self._room = asyncio.Event()  # in memory
        self._tasks: list[asyncio.Task[None]] = []
        self._rest: list[LiveEvent] = []  # after the last event of the queue
        self._ended = asyncio.Event()
        if self._continuity.final > received:
            raise ValueError("the source is shorter than what is final")

    def _requested(self, options: Choices) -> Choices:
        """Return the options that the server is sent."""
        return options

    @abstractmethod
    def _format(self, options: Choices) -> RawAudio:
        """Return the format of the source."""

    @abstractmethod
    def _identity(self, options: Choices, resume: Checkpoint) -> Continuity:
        """Return the identity of the stream from ``resume`` on."""

    @abstractmethod
    async def _send_mark(self, connection: Connection, mark: Mark) -> None:
        """Send a control message that has a place in the audio."""

    async def _keep_alive(self, connection: Connection) -> None:
        """Send what keeps a silent connection open."""

    async def __aenter__(self) -> Self:
        self._start(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[LiveEvent]:
        return self

    async def __anext__(self) -> LiveEvent:
        while not (self._ended.is_set() and self._events.is_empty):
            event = await self._events.next()
            if event is not None:
                return event
        if self._rest:
            return self._rest.pop(0)
        raise self._failure or StopAsyncIteration

    @property
    def state(self) -> State:
        return self._state

    @property
    def connection(self) -> int:
        """Number of the connection, from 1; 0 before the first."""
        return self._continuity.connection

    @property
    def request_id(self) -> str | None:
        return self._continuity.request_id

    @property
    def received_seconds(self) -> float:
        return self._audio.seconds(self._sending.received)

    @property
    def sent_seconds(self) -> float:
        return self._audio.seconds(self._sending.sent)

    @property
    def has_sent_all(self) -> bool:
        """True on a connection that was sent everything that is not final."""
        return self._connection is not None and not self._sending.backlog

    @property
    def heard_seconds(self) -> float:
        return self._continuity.heard

    @property
    def final_seconds(self) -> float:
        return self._audio.seconds(self._continuity.final)

    @property
    def lag_seconds(self) -> float:
        return max(self.received_seconds - self.heard_seconds, 0.0)

    def checkpoint(self) -> Checkpoint:
        """Return what another process needs to resume the stream after the last event taken."""
        return self._events.checkpoint

    def deliver_to(self, take: Callable[[LiveEvent], None]) -> None:
        """Call ``take`` with each event at once; the iteration only has those of the end.

        An iteration costs a queue and a task switch for each event.
        """
        self._events.take = take

    async def send(self, audio: bytes) -> None:
        """Send raw audio of any size; an empty piece is ignored.

        Waits while memory is full of audio that is not sent. Raises what ended the stream.
        """
        if self._source is not None:
            self.send_stored(audio)
            return
        size = self._memory.size
        for piece in (audio[start : start + size] for start in range(0, len(audio), size)):
            self._raise_if_ended()
            await self._make_room(len(piece))
            self._raise_if_ended()
            self._memory.append(piece)
            self._pass_on(piece)

    def send_stored(self, audio: bytes) -> None:
        """Send audio that the source has: waits for nothing. Raises what ended the stream."""
        self._raise_if_ended()
        if audio:
            self._pass_on(audio)

    def _pass_on(self, audio: bytes) -> None:
        self._sending.receive(len(audio))
        # This very piece is next nearly always: no task has to be woken for it.
        if self._sending.backlog != len(audio) or not self._has_sent(audio):
            self._wake.set()

    def _has_sent(self, audio: bytes) -> bool:
        """Send the newest piece if it is what comes next and the server takes it at once."""
        connection = self._connection
        if connection is None or self._is_sending:
            return False
        now = monotonic()
        action = self._sending.next(now)
        if not isinstance(action, SendAudio) or action.size != len(audio):
            return False
        if not connection.send_at_once(audio):
            return False
        self._did_send(action, now)
        try:
            self._check_stall(action, now)
        except ServiceUnavailable as error:
            self._lose(connection, error)
        return True

    async def _make_room(self, size: int) -> None:
        """Wait for room in memory; without any, the oldest audio is dropped and becomes a gap."""
        while not self._memory.make_room(size, self._sending.sent):
            if self._is_overflowing or not await self._has_room():
                # Whoever sends live audio waits once for an outage, not for each piece.
                self._is_overflowing = True
                spare = min(size + self._audio.size(GAP_SECONDS), self._memory.size)
                self._memory.make_room(spare, self._memory.end)
                self._wake.set()
                return
            self._raise_if_ended()

    async def _has_room(self) -> bool:
        """Wait for audio to be sent; False when none was in time."""
        self._room.clear()
        try:
            async with asyncio.timeout(self._survival.send_seconds):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    async def finish(self) -> None:
        """Send the rest and wait for the last results; another task has to iterate.

        Raises what ended the stream. Audio of which a server takes nothing for
        ``finish_seconds`` is a ``Gap``.
        """
        self._sending.is_ending = True
        self._wake.set()
        self._start(self._watch_finish())
        await self._ended.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """End now. Audio without a result is not transcribed; ``checkpoint`` stays valid."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._end(None)

    def _mark(self, mark: Mark) -> None:
        self._raise_if_ended()
        self._sending.mark(mark)
        self._wake.set()

    async def _configure(
        self, request: Callable[[Connection], Awaitable[None]]
    ) -> Configured | ConfigureFailed:
        """Send a Configure and wait for its one response. Requests are made one at a time."""
        async with self._is_configuring:
            if self._connection is None:
                return ConfigureFailed(NOT_CONNECTED, "the connection is lost; try again later")
            self._configured = asyncio.get_running_loop().create_future()
            try:
                await request(self._connection)
                return await self._configured
            except ServiceUnavailable as error:
                return ConfigureFailed(NOT_CONNECTED, str(error))
            finally:
                self._configured = None

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _raise_if_ended(self) -> None:
        if self._ended.is_set() or self._sending.is_ending:
            raise self._failure or ServiceUnavailable("the stream has ended")

    async def _run(self) -> None:
        """Connect again and again until all is heard or a connection is rejected for good."""
        try:
            while True:
                error = await self._connect()
                if error is None:
                    break
                await self._wait_to_retry(error)
        except (BadRequest, Denied) as error:
            self._end(error, str(error))
        except Exception as error:  # a fault of ours must not leave its owner waiting
            logger.exception("live stream failed")
            failure = ServiceUnavailable(f"the stream failed: {type(error).__name__}")
            self._end(failure, str(failure))
        else:
            self._end(None)

    async def _connect(self) -> SpeechError | None:
        """Serve one connection; return why it ended, None when the stream is complete."""
        base_url, api_key, access_token = self._server
        self._loss = None
        try:
            stream = await self.stream_class.open(
                base_url,
                api_key,
                self._options,
                access_token=access_token,
                timeouts=self._survival.sockets,
            )
            async with stream:
                return await self._serve(stream)  # type: ignore[arg-type]
        except ServiceUnavailable as error:
            return self._loss or error
        finally:
            self._connection = None

    async def _serve(self, connection: Connection) -> SpeechError | None:
        opened = self._continuity.open(self._oldest(), connection.request_id)
        self._sending.restart(self._continuity.start, monotonic())
        self._stall.restart()
        self._connection = connection
        self._is_overflowing = False
        await self._events.put(opened)
        sender = asyncio.create_task(self._send_all(connection))
        take = self._events.take
        if take is not None:
            connection.deliver_to(lambda event: self._deliver(event, take))
        try:
            async for received in connection:
                await self._events.put(self._receive(received))
                self._stall.heard()  # a reader of ours that was slow is no stall of the server
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            self._fail_configure(NOT_CONNECTED, "the connection was lost")
        if self._sending.is_ending and not self._sending.backlog and connection.session.is_closing:
            self._continuity.close(self._sending.received)
            return None
        if not self._sending.is_ending:
            await self._wait_for_audio()
        return self._loss or ServiceUnavailable("the server has ended the stream")

    def _receive(self, event: Event) -> list[LiveEvent]:
        """Return what an event of the server means for the stream."""
        self._stall.heard()
        self._backoff.reset()
        events = self._continuity.receive(event)
        if self._configured is not None:
            for each in events:
                self._confirm(each)
        if isinstance(event, StreamError):  # the response to a Configure of some servers
            self._fail_configure(event.code, event.description)
        self._follow()
        if (state := self._present_state()) is not self._state:
            events += self._change_state(state)
        return events

    def _deliver(self, event: Event, take: Callable[[LiveEvent], None]) -> None:
        for each in self._receive(event):
            take(each)

    def _confirm(self, event: LiveEvent) -> None:
        waiting = self._configured is not None and not self._configured.done()
        if waiting and isinstance(event, Configured | ConfigureFailed):
            self._configured.set_result(event)  # type: ignore[union-attr]

    def _follow(self) -> None:
        """Take what the last event changed for sending."""
        if self._source is None:
            self._memory.drop_before(min(self._continuity.first_byte(), self._sending.sent))
        self._sending.has_open_turn = self._continuity.is_in_turn

    def _present_state(self) -> State:
        backlog = self._sending.backlog
        if backlog and self._audio.seconds(backlog) >= LIVE_SECONDS:
            return State.CATCHING_UP
        return State.FINISHING if self._sending.is_ending else State.LIVE

    def _change_state(
        self, state: State, reason: str = "", retry: float | None = None
    ) -> list[LiveEvent]:
        """Be in this state; return the event of a change."""
        if state is self._state and retry is None:
            return []
        self._state = state
        return [StateChanged(state, self.connection, reason, retry)]

    async def _send_all(self, connection: Connection) -> None:
        """Send what there is to send until the connection is lost."""
        if not 0 < self._audio.seconds(self._sending.backlog) < LIVE_SECONDS:
            await self._events.put(self._change_state(self._present_state()))
        while True:
            self._wake.clear()
            wait = Wait(None) if self._is_sending else await self._send_next(connection)
            if wait is not None:
                # `send` sends by itself and wakes no task, so look again now and then.
                await self._wait_for_work(min(wait.seconds or TICK_SECONDS, TICK_SECONDS))

    async def _wait_for_work(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _send_next(self, connection: Connection) -> Wait | None:
        """Do the next thing; return the wait when there is nothing to do now."""
        action = self._sending.next(monotonic())
        if isinstance(action, Wait):
            return action
        self._is_sending = True
        try:
            await self._carry_out(connection, action)
        except SpeechError as error:
            self._lose(connection, error)
            return Wait(None)
        finally:
            self._is_sending = False
            self._room.set()
        return None

    async def _carry_out(self, connection: Connection, action: Action) -> None:
        match action:
            case SendAudio(start=start, size=size):
                await self._send_audio(connection, start, size, action)
                return
            case SendMark(mark=mark):
                await self._send_mark(connection, mark)
            case SendKeepAlive():
                await self._keep_alive(connection)
            case Finish():
                await connection.finish()
        self._sending.did_send(action, monotonic())

    async def _send_audio(
        self, connection: Connection, start: int, size: int, action: SendAudio
    ) -> None:
        audio = await self._read(start, size)
        if not audio:
            to = await self._readable_after(start)
            gaps = self._continuity.skip(to, "the audio could not be read again")
            await self._events.put(gaps)
            self._sending.skip(to)
            return
        if len(audio) != size:
            action = SendAudio(start, len(audio))
        self._did_send(action, monotonic())
        await connection.send(audio)
        self._check_stall(action, monotonic())

    def _did_send(self, action: SendAudio, now: float) -> None:
        self._sending.did_send(action, now)
        self._continuity.sent(action.size)

    def _check_stall(self, action: SendAudio, now: float) -> None:
        if self._stall.sent(self._audio.seconds(action.size), now):
            seconds = self._survival.stall_seconds
            raise ServiceUnavailable(f"audio was sent for {seconds:g} s and nothing was received")

    async def _read(self, start: int, size: int) -> bytes:
        """Return audio from memory or the source; empty when it is not there any more."""
        if self._source is None:
            return self._memory.read(start, size)
        try:
            return (await self._source.read(start, size))[:size]
        except OSError as error:
            logger.warning("stored audio cannot be read: %s", error)
            return b""

    async def _readable_after(self, place: int) -> int:
        """Return a byte after ``place`` from which audio can be read, or the end of the audio."""
        if self._source is None:
            return self._memory.start
        end = self._audio.whole(self._sending.received)
        while (place := place + self._audio.size(PROBE_SECONDS)) < end:
            with contextlib.suppress(OSError):
                if await self._source.read(place, self._audio.frame_bytes):
                    return place
        return end

    def _oldest(self) -> int:
        """Return the first byte that can be sent again."""
        return self._memory.start if self._source is None else 0

    def _lose(self, connection: Connection, error: SpeechError) -> None:
        if self._connection is connection:
            self._loss = self._loss or error
            self._connection = None
        connection.abort()

    def _fail_configure(self, code: str, description: str) -> None:
        self._confirm(ConfigureFailed(code, description))

    async def _wait_for_audio(self) -> None:
        """Wait for something to send: a server may close a stream that is silent for long."""
        self._connection = None
        while not self._sending.backlog and not self._sending.is_ending:
            self._wake.clear()
            await self._wake.wait()

    async def _wait_to_retry(self, error: SpeechError) -> None:
        seconds = self._backoff.next(getattr(error, "retry_after", None))
        logger.info("live stream lost: %s; connecting again in %.1f s", error, seconds)
        await self._events.put(self._change_state(State.WAITING, str(error), seconds))
        await asyncio.sleep(seconds)
        await self._events.put(self._change_state(State.CONNECTING))

    async def _watch_finish(self) -> None:
        """End a stream that makes no progress towards its end."""
        last: tuple[float, float] | None = None
        while last != (progress := (self._continuity.final, self._continuity.heard)):
            last = progress
            await asyncio.sleep(self._survival.finish_seconds)
        running = self._tasks[0]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        self._end(None, f"the server did not finish within {self._survival.finish_seconds:g} s")

    def _end(self, failure: SpeechError | None, gap: str = "") -> None:
        """End the iteration; ``gap`` is why the rest of the audio was not transcribed."""
        if self._ended.is_set():
            return
        self._failure = failure
        if gap and self.received_seconds > self.final_seconds:
            self._rest.append(Gap(self.final_seconds, self.received_seconds, gap))
        self._state = State.ENDED
        self._rest.append(StateChanged(State.ENDED, self.connection, str(failure or gap)))
        self._ended.set()
        self._wake.set()
        self._room.set()
        self._events.wake()


class LiveListen(LiveStream[ListenStream, ListenStreamOptions]):
    """Captions, ``WS /v1/listen``."""

    stream_class = ListenStream
    keeps_alive = True

    def _requested(self, options: ListenStreamOptions) -> ListenStreamOptions:
        if options.callback is not None:
            raise InvalidOption("callback takes the results away that a live stream needs")
        # Results are the sign of life: without interim ones a server may be silent for 30 s.
        return replace(options, interim_results=True)

    def _format(self, options: ListenStreamOptions) -> RawAudio:
        return RawAudio.described(options.encoding, options.sample_rate, options.channels)

    def _identity(self, options: ListenStreamOptions, resume: Checkpoint) -> Continuity:
        diarize = options.diarize or options.diarize_model is not None
        return ListenContinuity(
            self._audio, resume, diarize=diarize, interim=options.interim_results
        )

    async def finalize(self) -> None:
        """Ask for a final result of the audio that was sent so far."""
        self._mark(Mark.FINALIZE)

    async def configure(self, keyterms: Sequence[str]) -> Configured | ConfigureFailed:
        """Replace the key terms, also for later connections.

        Raises ``InvalidOption`` for terms that no server takes.
        """
        terms = read_keyterms("keyterms", keyterms)
        result = await self._configure(lambda connection: connection.configure(terms))
        if isinstance(result, Configured):
            self._options = replace(self._options, keyterm=terms)
        return result

    async def _send_mark(self, connection: ListenStream, mark: Mark) -> None:
        await connection.finalize()

    async def _keep_alive(self, connection: ListenStream) -> None:
        await connection.keep_alive()


class LiveTurns(LiveStream[FluxStream, FluxOptions]):
    """Turns of a conversation, ``WS /v2/listen``."""

    stream_class = FluxStream
    keeps_alive = False

    def _format(self, options: FluxOptions) -> RawAudio:
        return RawAudio.described(options.encoding, options.sample_rate, 1)

    def _identity(self, options: FluxOptions, resume: Checkpoint) -> Continuity:
        return TurnContinuity(self._audio, resume)

    async def force_end_turn(self) -> None:
        """End the current turn at the end of the audio that was sent so far."""
        self._mark(Mark.END_TURN)

    async def configure(
        self,
        *,
        eot_threshold: float | None = None,
        eager_eot_threshold: float | None = None,
        eot_timeout_ms: int | None = None,
        keyterms: Sequence[str] | None = None,
        language_hints: Sequence[str] | None = None,
        numerals: bool | None = None,
    ) -> Configured | ConfigureFailed:
        """Change what is given, also for later connections; None keeps what holds.

        Raises ``InvalidOption`` for key terms that no server takes.
        """
        changes: dict[str, Any] = {
            "eot_threshold": eot_threshold,
            "eager_eot_threshold": eager_eot_threshold,
            "eot_timeout_ms": eot_timeout_ms,
            "keyterms": None if keyterms is None else read_keyterms("keyterms", keyterms),
            "language_hints": None if language_hints is None else tuple(language_hints),
            "numerals": numerals,
        }
        result = await self._configure(lambda connection: connection.configure(**changes))
        if isinstance(result, Configured):
            names = {"keyterms": "keyterm", "language_hints": "language_hint"}
            kept = {names.get(name, name): value for name, value in changes.items()}
            given = {name: value for name, value in kept.items() if value is not None}
            self._options = replace(self._options, **given)
        return result

    async def _send_mark(self, connection: FluxStream, mark: Mark) -> None:
        await connection.force_end_turn()
