"""Live sessions that this process serves: audio in, captions out, both stored beside the path."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from management.models import OverBudget, User
from management.servers.crypto import UnreadableKey
from speechclient import SpeechError
from speechclient.streams.live_events import (
    Checkpoint,
    Configured,
    ConfigureFailed,
    ConnectionOpened,
    Gap,
    LiveEvent,
    Segment,
    State,
    StateChanged,
    Turn,
    UtteranceEnded,
)
from transcripts.live import allowance, database
from transcripts.live.audio import (
    BYTES_PER_SECOND,
    LONGEST_BYTES,
    AudioBusy,
    AudioFile,
    seconds_of,
)
from transcripts.live.feed import Feed
from transcripts.live.finishing import finish
from transcripts.live.intake import Intake
from transcripts.live.models import ENDS_AFTER, Caption, LiveSession
from transcripts.live.segments import parts, shown_parts, turn_fields
from transcripts.live.streams import OpenStream, Server, open_stream, server_of
from transcripts.live.tasks import Tasks
from transcripts.media.names import clean_title
from transcripts.media.storage import DiskFull

logger = logging.getLogger(__name__)

STORE_SECONDS = 1.0
HEARTBEAT_SECONDS = 7.0
# For the last results after the last audio; a server that takes longer has the recording instead.
FINISH_SECONDS = 40.0
OUTAGE_SECONDS = 10.0  # the same while the server cannot be reached
# A stream with nothing to send is closed after this long; the next audio opens another.
IDLE_SECONDS = 60.0
# Another process notices within seconds that it has lost a session.
BUSY_SECONDS = 8.0
LAG_SHOWN_SECONDS = 3.0
# For the page to send the audio that it has when the session is ended for it.
LAST_AUDIO_SECONDS = 30.0
WAKE_SECONDS = 1.0
MAX_NAME, MAX_NAMES = 100, 200
MAX_CORRECTION = 5_000


class Unavailable(Exception):
    """The session cannot be served here; the message is for people."""


class LiveRun:
    """One session while this process serves it, with or without its microphone.

    Everything that is stored goes through ``_store``: audio first, then captions together with the
    place up to which they are complete.
    """

    def __init__(
        self, session: LiveSession, server: Server, file: AudioFile, opens: OpenStream
    ) -> None:
        self.session = session
        self.intake = Intake(file)
        self.feed = Feed(session.epoch, session.sequence)
        self.feed.show_names(session.names)
        self.host: Any = None  # the socket of the microphone
        self.is_over = False
        self.warning = ""  # of a budget, for the host
        self._server = server
        self._opens = opens
        self._stream: Any = None
        self._following: asyncio.Task[Any] | None = None
        self._is_finishing = self._is_closing = self._is_rejected = self._has_gaps = False
        self._next_index = session.captions.count()
        self._sequence = session.sequence
        self._last: Caption | None = None
        self._changed: dict[int, Caption] = {}  # by index, not stored yet
        self._checkpoint = Checkpoint.from_json(session.checkpoint)
        self._facts: dict[str, Any] = {}
        self._retry_at: float | None = None
        self._reason = ""
        self._most_bytes = min(LONGEST_BYTES, settings.ENV.max_duration_seconds * BYTES_PER_SECOND)
        self._written = 0.0
        self._is_shared = bool(settings.ENV.channel_layer_url)
        self._written_interim = ""
        self._heard = time.monotonic()
        self._tasks = Tasks(f"Live session {session.pk}")
        self._ended = asyncio.Event()
        self._stored = asyncio.Event()
        self._leaving = asyncio.Event()
        self._keeping: asyncio.Task[Any] | None = None

    def start(self) -> None:
        self._open()
        self._keeping = self._spawn(self._keep())
        self._spawn(self._watch_budget())

    @property
    def confirmed(self) -> int:
        """Return the bytes of audio that are on disk."""
        return self.intake.stored

    async def stored(self) -> None:
        """Wait until more audio is on disk."""
        await self._stored.wait()

    async def hear(self, offset: int, audio: bytes) -> None:
        """Take audio from the microphone. Raises ``WrongOffset`` when some before is missing."""
        if self._takes_audio:
            self._relay(await self.intake.accept(offset, audio))

    def hear_at_once(self, offset: int, audio: bytes) -> bool:
        """The same if nothing has to be waited for; return whether it was taken."""
        if self._takes_audio:
            if not self.intake.has_room:
                return False
            self._relay(self.intake.take(offset, audio))
        return True

    @property
    def _takes_audio(self) -> bool:
        return not (self.is_over or self._is_finishing)

    def _relay(self, new: bytes) -> None:
        """Send audio that was received to the speech server."""
        if not new:
            return
        self._heard = time.monotonic()
        if self._stream is not None:
            try:
                self._stream.send_stored(new)
            except SpeechError as error:  # ``_follow`` tells the pages
                logger.debug("Live session %s: the stream has ended: %s", self.session.pk, error)
        elif not (self._is_closing or self._is_rejected):
            self._open()
        if self.intake.received >= self._most_bytes:
            self.stop()

    async def pause(self) -> None:
        """The microphone is paused: have what was said so far become final."""
        if self._stream is None or self._is_finishing:
            return
        with contextlib.suppress(SpeechError):
            if self.session.mode == LiveSession.Mode.TURNS:
                await self._stream.force_end_turn()
            else:
                await self._stream.finalize()

    def name_speaker(self, speaker: int, name: str) -> None:
        """Call a speaker by a name from now on; an empty one gives the number back."""
        names = {**self.session.names, str(speaker): clean_title(name)[:MAX_NAME]}
        names = {number: each for number, each in names.items() if each}
        if len(names) <= MAX_NAMES:
            self.session.names = self._facts["names"] = names
            self.feed.show_names(names)

    async def correct(self, index: int, text: str, user: User) -> None:
        """Put ``text`` in place of what was recognised; later results leave it as it is."""
        caption = self._changed.get(index)
        if caption is None and self._last is not None and self._last.index == index:
            caption = self._last
        if caption is None:
            caption = await database.run(self.session.captions.filter(index=index).first)
        if caption is None or caption.kind != Caption.Kind.TEXT:
            return
        # It may have been changed while it was read.
        caption = self._changed.get(index, caption)
        text = " ".join(text.split())[:MAX_CORRECTION]
        caption.corrected = "" if text == caption.text else text
        caption.corrected_by, caption.corrected_at = user, timezone.now()
        self._change(caption)

    async def configure(self, changes: Mapping[str, Any]) -> Configured | ConfigureFailed:
        """Change key terms, or thresholds of turns, from now on.

        A change that is accepted also holds for later streams of the session.
        """
        if self._stream is None:
            return ConfigureFailed("NOT_CONNECTED", "the speech server is not connected")
        try:
            result: Configured | ConfigureFailed = await self._stream.configure(**changes)
        except (SpeechError, ValueError, TypeError) as error:
            return ConfigureFailed("INVALID", str(error))
        if isinstance(result, Configured):
            names = {"keyterms": "keyterm"}
            given = {names.get(name, name): value for name, value in changes.items()}
            self.session.options = self._facts["options"] = self.session.options | given
        return result

    def stop(self) -> None:
        """End the session: wait for the last results, then make the recording."""
        if not self._is_finishing:
            self._is_finishing = True
            self._spawn(self._finish())

    async def _watch_budget(self) -> None:
        """Reserve the cost of more audio as it comes; end the session when a budget is used up."""
        while not self._is_finishing:
            try:
                seconds = seconds_of(self.intake.received)
                warning = await database.run(allowance.extend, self.session, seconds)
            except OverBudget as error:
                # Without its page nothing comes that costs, but the page may have audio to send.
                if self.host is not None:
                    await self._end_because(self.host, str(error))
                    return
            except DatabaseError:
                logger.exception("The budget of live session %s was not read", self.session.pk)
            else:
                await self._warn(warning)
            await asyncio.sleep(allowance.CHECK_SECONDS)

    async def _warn(self, warning: str) -> None:
        if warning != self.warning:
            self.warning = warning
            if self.host is not None:
                await self.host.tell(type="Warning", message=warning)

    async def _end_because(self, host: Any, reason: str) -> None:
        """Have the page send its last audio and stop; end the session if it does not."""
        self.session.error = self._facts["error"] = reason
        await host.tell(type="Stop", message=reason)
        await asyncio.sleep(LAST_AUDIO_SECONDS)
        self.stop()

    async def ended(self) -> None:
        """Wait until the session has ended or another process has it."""
        await self._ended.wait()

    async def close(self) -> None:
        """Store everything and leave the session for another process to resume."""
        self.is_over = True
        await self._cancel_tasks()
        try:
            await self._store(is_last=True)
            await database.run(self.session.leave)
        except (OSError, DatabaseError):
            logger.exception("Live session %s could not be stored", self.session.pk)
        await self.intake.close()
        self._ended.set()

    # The stream to the speech server.

    def _open(self) -> None:
        stream = self._opens(
            self.session, self._server, self.intake, self._checkpoint, self.intake.received
        )
        self._stream = stream
        self._following = self._spawn(self._follow(stream))

    async def _follow(self, stream: Any) -> None:
        """Take the events of a stream until it ends."""
        stream.deliver_to(lambda event: self._take(event, stream))
        try:
            async with stream:
                async for event in stream:
                    self._take(event, stream)
        except SpeechError as error:
            # Rejected for good. The audio is kept; the recording can be transcribed later.
            self._is_rejected, self._stream = True, None
            self._reason = str(error)
            self._show("rejected")

    async def _close_stream(self) -> bool:
        """Close the stream after its last results; True when the server has sent them all."""
        stream, following = self._stream, self._following
        if stream is None or following is None:
            return self._is_covered and not self._has_gaps
        is_connected = stream.state in (State.LIVE, State.CATCHING_UP, State.FINISHING)
        try:
            async with asyncio.timeout(FINISH_SECONDS if is_connected else OUTAGE_SECONDS):
                await stream.finish()
                await following
        except (SpeechError, TimeoutError):
            return False
        finally:
            following.cancel()
            self._stream = None
        return not self._has_gaps

    @property
    def _is_covered(self) -> bool:
        return self._checkpoint.final >= self.intake.received

    async def _close_idle_stream(self) -> None:
        """Close the stream; audio that comes meanwhile is for the next one."""
        self._is_closing = True
        try:
            await self._close_stream()
        finally:
            self._is_closing = False
        self._show("idle")
        if not self._is_covered and time.monotonic() - self._heard < IDLE_SECONDS:
            self._open()

    def _take(self, event: LiveEvent, stream: Any) -> None:
        match event:
            case Segment(is_final=True):
                self._add_segment(event)
                self._checkpoint = stream.checkpoint()
            case Segment():
                self.feed.show_interim(shown_parts(event))
            case Turn(event="EndOfTurn"):
                if event.transcript.strip():
                    self._add(**turn_fields(event, stream.received_seconds))
                self.feed.show_interim([])
                self._checkpoint = stream.checkpoint()
            case Turn():
                self._show_turn(event)
            case UtteranceEnded():
                self._end_utterance()
            case Gap():
                self._has_gaps = True
                self._add(kind=Caption.Kind.GAP, start=event.start, end=event.end, text="")
            case ConnectionOpened():
                row = [event.connection, event.start, event.request_id]
                self._facts["offsets"] = [*self.session.offsets, row]
                self.session.offsets = self._facts["offsets"]
            case StateChanged():
                self._reason = event.reason
                self._retry_at = (
                    None if event.retry_seconds is None else time.monotonic() + event.retry_seconds
                )
                self._show(str(stream.state), stream)

    def _show_turn(self, turn: Turn) -> None:
        is_eager = turn.event == "EagerEndOfTurn"
        part = {"speaker": None, "text": turn.transcript, "eager": is_eager}
        self.feed.show_interim([part] if turn.transcript.strip() else [])

    def _add_segment(self, segment: Segment) -> None:
        cut = parts(segment)
        for number, fields in enumerate(cut, start=1):
            self._add(**fields, ends=segment.speech_final and number == len(cut))
        self.feed.show_interim([])
        if segment.speech_final and not cut:
            self._end_utterance()

    def _add(self, **fields: Any) -> None:
        caption = Caption(session=self.session, index=self._next_index, **fields)
        self._next_index += 1
        self._last = caption
        self._change(caption)

    def _end_utterance(self) -> None:
        if self._last is not None and not self._last.ends:
            self._last.ends = True
            self._change(self._last)

    def _change(self, caption: Caption) -> None:
        self._sequence += 1
        caption.sequence = self._sequence
        self._changed[caption.index] = caption
        self.feed.add(self._sequence, caption.shown())

    def _show(self, state: str, stream: Any = None) -> None:
        """Tell the pages how it goes, judged by the results."""
        lag = stream.lag_seconds if stream is not None else 0.0
        facts: dict[str, Any] = {"state": state, "reason": self._reason}
        if self._retry_at is not None and state == State.WAITING:
            facts["retry_seconds"] = max(0, round(self._retry_at - time.monotonic()))
        if lag > LAG_SHOWN_SECONDS:
            facts["lag"] = round(lag)
        self.feed.show_progress(**facts)

    # Storage, not on the path of the audio.

    async def _keep(self) -> None:
        """Store what has come, again and again, until the session is over."""
        while not await self._is_leaving(STORE_SECONDS):
            try:
                if not await self._store():
                    self._lose()
                    return
            except DiskFull as error:
                self._reason = str(error)
                self._show("disk_full")
            except (OSError, DatabaseError):
                logger.exception("Live session %s could not be stored", self.session.pk)
            await self._rest()

    async def _is_leaving(self, seconds: float) -> bool:
        """Wait; True as soon as nothing is to be stored any more by ``_keep``."""
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return False
        return True

    async def _rest(self) -> None:
        """Close an idle stream; end a session that nobody speaks into."""
        silent = time.monotonic() - self._heard
        if silent > ENDS_AFTER.total_seconds():
            self.stop()
        elif self._stream is None or self._is_closing:
            return
        elif silent > IDLE_SECONDS and not self._is_finishing and self._stream.has_sent_all:
            self._spawn(self._close_idle_stream())
        else:
            self._show(str(self._stream.state), self._stream)

    async def _store(self, is_last: bool = False) -> bool:
        """Write audio, then captions; False when another process has the session."""
        before = self.intake.stored
        stored = await self.intake.store()
        if stored != before:
            waiting, self._stored = self._stored, asyncio.Event()
            waiting.set()
        now = time.monotonic()
        is_due = is_last or bool(self._facts) or now - self._written > HEARTBEAT_SECONDS
        # Pages of other processes see the interim words in the row.
        has_new_words = self._is_shared and self.feed.interim != self._written_interim
        if not (self._changed or is_due or has_new_words):
            return True
        captions = list(self._changed.values())
        facts = {"checkpoint": self._checkpoint.to_json(), "audio_bytes": stored, **self._facts}
        if self._is_shared:
            self._written_interim = facts["interim"] = self.feed.interim
        if self._heard > self._written:
            facts["heard_at"] = timezone.now() - timedelta(seconds=now - self._heard)
        self._changed, self._facts = {}, {}
        try:
            is_ours: bool = await database.run(self.session.write, captions, **facts)
        except DatabaseError:
            self._facts = {
                "offsets": self.session.offsets,
                "names": self.session.names,
                "options": self.session.options,
                "error": self.session.error,
            }
            self._changed = {caption.index: caption for caption in captions} | self._changed
            raise
        self._written = now
        self.feed.forget(self.session.sequence)
        await self._wake_others()
        return is_ours

    async def _wake_others(self) -> None:
        """Wake the pages of other processes; one that misses it reads the rows a second later."""
        layer = get_channel_layer() if self._is_shared else None
        if layer is None:
            return
        try:
            async with asyncio.timeout(WAKE_SECONDS):
                await layer.group_send(group_of(self.session.pk), {"type": "live.changed"})
        except Exception:  # whatever the library of a channel layer raises: it is a hint alone
            logger.warning("The channel layer cannot be reached", exc_info=True)

    async def _finish(self) -> None:
        self._show("finishing")
        await database.run(self.session.ask_to_end)
        is_settled = await self._close_stream()
        await self._cancel_tasks()
        while True:
            try:
                await self._store(is_last=True)
                recording = await in_thread(finish, self.session, is_settled)
                break
            except (OSError, DatabaseError, DiskFull):
                logger.exception("Live session %s could not be finished", self.session.pk)
                await asyncio.sleep(HEARTBEAT_SECONDS)
        self.is_over = True
        await self.intake.close()
        address = recording.get_absolute_url() if recording else ""
        self.feed.end({"type": "Ended", "recording": address})
        runs.forget(self)
        self._ended.set()

    def _lose(self) -> None:
        """Another process has the session: stop at once, without storing anything."""
        self.is_over = True
        self.feed.lose()
        runs.forget(self)
        self._spawn(self._abandon())

    async def _abandon(self) -> None:
        await self._cancel_tasks()
        await self.intake.close()
        self._ended.set()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._tasks.spawn(work)

    async def _cancel_tasks(self) -> None:
        self._leaving.set()
        await self._tasks.cancel(but=self._keeping)  # a write that has begun is completed


def group_of(pk: UUID) -> str:
    """Return the group of the channel layer that is woken when a session has changed."""
    return f"live.{pk.hex}"


class Runs:
    """The sessions that this process serves."""

    def __init__(self, opens: OpenStream = open_stream) -> None:
        self.opens = opens
        self._runs: dict[UUID, LiveRun] = {}
        self._starting: dict[UUID, asyncio.Lock] = {}

    def get(self, pk: UUID) -> LiveRun | None:
        return self._runs.get(pk)

    async def serve(self, pk: UUID) -> LiveRun:
        """Return the run of a session, begun here if it is not yet. Raises ``Unavailable``."""
        lock = self._starting.setdefault(pk, asyncio.Lock())
        async with lock:
            run = self._runs.get(pk)
            if run is None:
                session, server = await in_thread(claim, pk)
                file = await open_file(session)
                run = await in_thread(LiveRun, session, server, file, self.opens)
                self._runs[pk] = run
                run.start()
        self._starting.pop(pk, None)
        return run

    def forget(self, run: LiveRun) -> None:
        if self._runs.get(run.session.pk) is run:
            del self._runs[run.session.pk]

    async def close(self) -> None:
        """Store and leave every session, so that another process can resume it."""
        runs, self._runs = list(self._runs.values()), {}
        await asyncio.gather(*(run.close() for run in runs))


runs = Runs()


def in_thread(work: Any, *arguments: Any, **named: Any) -> Any:
    """Run database work in a thread of its own: a slow query of another page delays nothing."""
    return database_sync_to_async(work, thread_sensitive=False)(*arguments, **named)


def claim(pk: UUID) -> tuple[LiveSession, Server]:
    """Take a session with the next epoch. Raises ``Unavailable``."""
    session = LiveSession.objects.select_related("project__connection", "owner").get(pk=pk)
    try:
        server = server_of(session)
    except UnreadableKey as error:
        raise Unavailable(str(error)) from error
    if not session.claim():
        raise Unavailable("This session has ended.")
    return session, server


async def open_file(session: LiveSession) -> AudioFile:
    """Open the audio of a session; a process that has lost it closes it within seconds."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return await asyncio.to_thread(AudioFile, session.path)
        except AudioBusy:
            if time.monotonic() > deadline:
                raise Unavailable("Another process still writes this session.") from None
            await asyncio.sleep(0.2)
        except OSError as error:
            raise Unavailable(f"The audio cannot be stored: {error.strerror}.") from error
