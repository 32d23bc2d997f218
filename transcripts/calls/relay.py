"""Calls that this process serves: the caller's audio to the agent, and the agent's back."""

import asyncio
import logging
import time
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from management.models import OverBudget, budgets
from management.servers.crypto import UnreadableKey
from speechclient import SpeechError
from speechclient.streams import agent
from speechclient.streams.live_speak import Audio
from speechclient.streams.session import Event
from transcripts.agents import functions
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.settings import UnfilledVariable, settings_of
from transcripts.calls.closing import cost_of, finish
from transcripts.calls.models import Call
from transcripts.calls.outbox import Outbox
from transcripts.calls.record import DOWN, UP, Entry, Record, without_secrets
from transcripts.calls.tracks import RATE, SAMPLE_BYTES, STEREO, Tracks, with_caller
from transcripts.calls.upstream import OpenStream, Server, open_stream, server_of
from transcripts.live import allowance
from transcripts.live.audio import AudioBusy, AudioFile
from transcripts.live.feed import encode
from transcripts.live.serving import Unavailable, in_thread
from transcripts.live.tasks import Tasks
from transcripts.media.storage import DiskFull

logger = logging.getLogger(__name__)

STORE_SECONDS = 0.5
HEARTBEAT_SECONDS = 7.0
# A call without speech or writing ends by itself, and so does one without its page.
IDLE_SECONDS = 300.0
WITHOUT_PAGE_SECONDS = 30.0
# Audio that waits for the server; the server reads at the pace of speech.
MOST_WAITING_BYTES = 2 * 1024 * 1024
# After the last word of a turn that the user ends, for servers that only listen to silence.
SILENCE_SECONDS = 2.0
FUNCTION_SECONDS = 60.0
MOST_RESULT = 100_000  # characters
AUDIO = {
    "input": {"encoding": "linear16", "sample_rate": RATE},
    "output": {"encoding": "linear16", "sample_rate": RATE, "container": "none"},
}
IDLE = "There was no speech for five minutes."
LEFT = "The page was closed."
RESTARTED = "Earshot was restarted."


class CallRun:
    """One call while it is open: everything that both sides send goes through it.

    ``now`` is the time since the call began, on which audio and messages are placed. Data that is
    stored is written next to the path of the audio, first the audio, then the messages.
    """

    def __init__(
        self, call: Call, server: Server, body: dict[str, Any], file: AudioFile, opens: OpenStream
    ) -> None:
        self.call = call
        self.host: Any = None  # the socket of the page
        self.record = Record(self._tell_entry)
        self.is_over = False
        self._server, self._body, self._opens = server, body, opens
        self._file = file
        self._tracks = Tracks()
        self._outbox: Outbox | None = None
        self._stream: Any = None
        self._is_silenced = False  # the user wants no more of this reply
        self._upward: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._waiting_bytes = 0
        self._by_hand: dict[str, dict[str, Any]] = {}  # what the page was asked, by id
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._cost: dict[str, Any] = {"type": "Cost", "hour": 0.0, "warning": ""}
        self._facts: dict[str, Any] = {}
        self._written = 0.0
        self._began = self._active = self._attended = time.monotonic()
        self._is_ending = False
        self._tasks = Tasks(str(call.pk))
        self._leaving = asyncio.Event()
        self._ended = asyncio.Event()
        self._keeping: asyncio.Task[Any] | None = None

    @property
    def now(self) -> float:
        return time.monotonic() - self._began

    def start(self) -> None:
        self._keeping = self._tasks.spawn(self._keep())
        self._tasks.spawn(self._converse())
        self._tasks.spawn(self._watch_budget())

    # The page.

    def attach(self, host: Any) -> tuple[Outbox, list[Entry]]:
        """Give the call to a page; return what comes from now on, and what is not stored yet."""
        self.host = host
        self._attended = time.monotonic()
        self._outbox = Outbox()
        for message in (self._cost, *self._by_hand.values()):
            self.tell(**message)
        return self._outbox, list(self.record.waiting.values())

    def detach(self, host: Any) -> None:
        if self.host is host:
            self.host = self._outbox = None
            self._attended = time.monotonic()

    def hear(self, position: int, audio: bytes) -> None:
        """Take audio of the microphone that begins at sample ``position`` of the call."""
        audio = audio[: len(audio) - len(audio) % SAMPLE_BYTES]
        if not audio or self._is_ending:
            return
        self._tracks.hear(audio, position, self.now)
        self.record.up.add(audio)
        if self._waiting_bytes < MOST_WAITING_BYTES:
            self._waiting_bytes += len(audio)
            self._upward.put_nowait(audio)

    def say(self, text: str) -> None:
        """A turn of the user in writing."""
        self._active = time.monotonic()
        self._send(agent.AgentSession().inject_user(text))

    def end_turn(self) -> None:
        """The user has let go of the button: what was said is a whole turn."""
        provider = self._body["agent"].get("listen", {}).get("provider", {})
        model = str(provider.get("model", ""))
        if provider.get("version") == "v2" or model.startswith("flux"):
            self._send(agent.AgentSession().force_end_turn())
        else:
            self._upward.put_nowait(bytes(int(SILENCE_SECONDS * RATE) * SAMPLE_BYTES))

    def silence(self) -> None:
        """The user wants no more of what the agent says now."""
        self._is_silenced = True
        self._stop_sound()

    def respond(self, call_id: str, content: str) -> None:
        """The result of a function call, given by hand."""
        asked = self._by_hand.pop(call_id, None)
        if asked is not None:
            self._active = time.monotonic()
            self._send_result(call_id, asked["name"], content[:MOST_RESULT])

    def stop(self, reason: str = "") -> None:
        """End the call and make its recording."""
        if not self._is_ending:
            self._is_ending = True
            self.call.error = self.call.error or reason
            self._tasks.spawn(self._finish())

    async def ended(self) -> None:
        await self._ended.wait()

    async def close(self) -> None:
        """End the call because this process ends."""
        self.stop(RESTARTED)
        await self.ended()

    def tell(self, **message: Any) -> None:
        if self._outbox is not None:
            self._outbox.put(encode(message))

    def _tell_entry(self, entry: Entry) -> None:
        self.tell(type="Wire", **entry.shown())

    # The agent.

    async def _converse(self) -> None:
        """Hold the conversation until the server, or somebody here, ends it."""
        reason = "The agent has ended the call."
        try:
            self._stream = stream = await self._opens(self._server)
            stream.on_send = self._note_sent
            async with stream:
                await stream.send(stream.session.settings(self._body))
                async for event in stream:
                    self._take(event)
        except SpeechError as error:
            reason = f"{str(error).rstrip('.')}."
        except ValueError as error:
            reason = f"The agent cannot be reached: {error}."
        self.stop(reason)

    def _note_sent(self, frame: str) -> None:
        self.record.note(UP, frame, self.now)

    async def _send_all(self, stream: Any) -> None:
        """Send audio and messages in the order in which they came."""
        while True:
            frame = await self._upward.get()
            try:
                if isinstance(frame, bytes):
                    self._waiting_bytes -= len(frame)
                    await stream.send_audio(frame)
                else:
                    await stream.send(frame)
            except SpeechError:
                return  # ``_converse`` says why

    def _send(self, frame: str) -> None:
        if not self._is_ending:
            self._upward.put_nowait(frame)

    def _take(self, event: Event) -> None:
        if isinstance(event, Audio):
            self._hear_agent(event.data)
            return
        assert isinstance(event.raw, str)
        self.record.note(DOWN, event.raw, self.now)
        match event:
            case agent.Welcome():
                self._facts["request_id"] = event.request_id[:100]
            case agent.SettingsApplied():
                # What was said before waits in the queue: the first word is not cut.
                self._tasks.spawn(self._send_all(self._stream))
            case agent.UserStartedSpeaking():
                self._active = time.monotonic()
                self._is_silenced = False
                self._stop_sound()
            case agent.ConversationText(role="user"):
                self._active = time.monotonic()
                self._is_silenced = False
            case agent.AgentAudioDone():
                self._is_silenced = False
                self.record.end_audio()
            case agent.FunctionCallRequest():
                for call in event.functions:
                    if call.client_side:
                        self._call(call)
            case agent.FunctionCallCancelled():
                for cancelled in event.functions:
                    self._cancel(cancelled.id)
        if self.record.is_full:
            self.stop("The call has too many messages.")

    def _hear_agent(self, audio: bytes) -> None:
        now = self.now
        if self._is_silenced:
            self.record.down.add(audio)
            return
        self.record.hear(audio, now, self._tracks.play(audio, now))
        if self._outbox is not None:
            self._outbox.put(audio)

    def _stop_sound(self) -> None:
        now = self.now
        was_playing = self._tracks.is_playing(now)
        self.record.cut_audio(self._tracks.stop(now))
        if self._outbox is not None:
            self._outbox.drop_audio()
        self.tell(type="Silence", interrupted=was_playing)

    # Functions.

    def _call(self, call: agent.RequestedCall) -> None:
        version = self.call.version
        function = version.function(call.name) if version is not None else None
        if function is None:
            error = functions.error_of(f"there is no function {call.name}")
            self._send_result(call.id, call.name, error)
        elif function.answered_by == AnsweredBy.HAND:
            self._by_hand[call.id] = asked = question(call, function)
            self.tell(**asked)
        else:
            task = self._tasks.spawn(self._respond(call, function))
            self._running[call.id] = task

    async def _respond(self, call: agent.RequestedCall, function: Function) -> None:
        owner = self.call.owner
        try:
            assert owner is not None
            async with asyncio.timeout(FUNCTION_SECONDS):
                content = await functions.answer(
                    function, call.arguments, user=owner, project=self.call.project
                )
        except TimeoutError:
            content = functions.error_of(f"no response within {FUNCTION_SECONDS:g} s")
        except DatabaseError:
            logger.exception("The function %s failed", call.name)
            content = functions.error_of("the library cannot be read")
        self._running.pop(call.id, None)
        self._send_result(call.id, call.name, content)

    def _send_result(self, call_id: str, name: str, content: str) -> None:
        self._send(agent.AgentSession().respond(call_id, name, content))

    def _cancel(self, call_id: str) -> None:
        if self._by_hand.pop(call_id, None) is not None:
            self.tell(type="Withdrawn", id=call_id)
        if task := self._running.pop(call_id, None):
            task.cancel()

    # Cost and silence.

    async def _watch_budget(self) -> None:
        """Reserve the cost of more minutes as they pass; end the call when a budget is used up."""
        while True:
            try:
                warning = await in_thread(allowance.extend, self.call, self.now, "call")
                dollars = await in_thread(cost_of, self.call, 3600.0)
            except OverBudget as error:
                self.stop(str(error))
                return
            except DatabaseError:
                logger.exception("The budget of %s was not read", self.call)
            else:
                self._cost = {"type": "Cost", "hour": round(dollars, 4), "warning": warning}
                self.tell(**self._cost)
            await asyncio.sleep(allowance.CHECK_SECONDS)

    def _rest(self) -> None:
        """End a call in which nobody speaks, or that has no page any more."""
        now = time.monotonic()
        if self.host is None and now - self._attended > WITHOUT_PAGE_SECONDS:
            self.stop(LEFT)
        elif now - self._active > IDLE_SECONDS:
            self.stop(IDLE)

    # Storage, not on the path of the audio.

    async def _keep(self) -> None:
        while not await self._is_leaving(STORE_SECONDS):
            try:
                if not await self._store():
                    self.stop()
                    return
            except (OSError, DatabaseError, DiskFull):
                logger.exception("%s could not be stored", self.call)
            self._rest()

    async def _is_leaving(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return False
        return True

    async def _store(self, is_last: bool = False) -> bool:
        """Write audio, then messages; False when the call was ended by somebody else."""
        await asyncio.to_thread(self._store_audio, self._tracks.take(self.now, is_last))
        entries = list(self.record.waiting.values()) if is_last else self.record.complete()
        is_due = is_last or self._facts or time.monotonic() - self._written > HEARTBEAT_SECONDS
        if not (entries or is_due):
            return True
        facts = {
            **self._facts,
            "audio_bytes": self._file.size_bytes,
            "counts": {
                "up": [self.record.up.frames, self.record.up.size_bytes],
                "down": [self.record.down.frames, self.record.down.size_bytes],
            },
        }
        self._facts = {}
        try:
            is_ours: bool = await in_thread(self.call.write, entries, **facts)
        except DatabaseError:
            self._facts = {"request_id": facts["request_id"]} if "request_id" in facts else {}
            raise
        self.record.stored(entries)
        self._written = time.monotonic()
        return is_ours

    def _store_audio(self, frames: bytes) -> None:
        """Write both channels, and audio of the caller that came after its place was written."""
        if frames:
            self._file.write(self._file.size_bytes, frames)
        for late in self._tracks.take_late():
            start = late.start * STEREO.frame_bytes
            before = self._file.read(start, len(late.audio) * STEREO.channels)
            if before:
                self._file.write(start, with_caller(before, late.audio))

    async def _finish(self) -> None:
        try:
            await self._end()
        finally:
            self.is_over = True
            self.tell(type="Ended", url=self.call.get_absolute_url(), reason=self.call.error)
            runs.forget(self)
            self._ended.set()

    async def _end(self) -> None:
        self.tell(type="Ending")
        self._stop_sound()
        if self._stream is not None:
            await self._stream.close()
        self._leaving.set()
        await self._tasks.cancel(but=self._keeping)
        while True:
            try:
                await self._store(is_last=True)
                await asyncio.to_thread(self._file.close)
                await in_thread(finish, self.call)
                break
            except (OSError, DatabaseError, DiskFull):
                logger.exception("%s could not be finished", self.call)
                await asyncio.sleep(HEARTBEAT_SECONDS)


def question(call: agent.RequestedCall, function: Function) -> dict[str, Any]:
    """Return the message that asks the user for the result of a function call."""
    return {
        "type": "Asked",
        "id": call.id,
        "name": function.name,
        "description": function.description,
        "arguments": call.arguments,
        "changes": function.changes,
    }


class CallRuns:
    """The calls that this process serves."""

    def __init__(self, opens: OpenStream = open_stream) -> None:
        self.opens = opens
        self._runs: dict[UUID, CallRun] = {}
        self._starting: dict[UUID, asyncio.Lock] = {}

    async def serve(self, pk: UUID) -> CallRun:
        """Return the run of a call, begun here if it is not yet. Raises ``Unavailable``."""
        lock = self._starting.setdefault(pk, asyncio.Lock())
        async with lock:
            run = self._runs.get(pk)
            if run is None:
                call, server, body, file = await in_thread(begin, pk)
                run = self._runs[pk] = CallRun(call, server, body, file, self.opens)
                run.start()
        self._starting.pop(pk, None)
        return run

    def forget(self, run: CallRun) -> None:
        self._runs.pop(run.call.pk, None)

    async def close(self) -> None:
        """End every call: none can be resumed by another process."""
        await asyncio.gather(*(run.close() for run in list(self._runs.values())))


runs = CallRuns()


def begin(pk: UUID) -> tuple[Call, Server, dict[str, Any], AudioFile]:
    """Open a call that was prepared. Raises ``Unavailable``."""
    call = Call.objects.select_related("project__connection", "owner", "version__agent").get(pk=pk)
    if call.is_ended:
        raise Unavailable("This call has ended.")
    if call.version is None:
        raise Unavailable("The agent of this call was deleted.")
    try:
        server = server_of(call)
        body = {**settings_of(call.version, call.variables), "audio": AUDIO}
        budgets.reserve(call.project, call.reference, call.amount(allowance.LEAD_SECONDS))
    except (UnreadableKey, UnfilledVariable, OverBudget) as error:
        raise Unavailable(str(error)) from error
    if not call.begin():
        raise Unavailable("This call is open in another process of Earshot.")
    call.settings = without_secrets(body)
    call.save(update_fields=["settings"])
    try:
        file = AudioFile(call.path, STEREO)
    except (OSError, AudioBusy) as error:
        raise Unavailable(f"The audio cannot be stored: {error}.") from error
    return call, server, body, file
