"""The conversation of a replay: the caller's turns one by one, each after the agent's reply.

The caller of the saved call waited for replies of another length: on the old time line the caller
would speak while the agent does. Audio is sent without a break, silence between the turns, as a
microphone does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from speechclient import SpeechError
from speechclient.streams import agent
from speechclient.streams.live_speak import Audio
from speechclient.streams.session import Event
from transcripts.calls.record import DOWN, UP, Entry, Record
from transcripts.replays.plan import RATE, SAMPLE_BYTES, Spoken, Step

FRAME_SECONDS = 0.04
FRAME_BYTES = int(FRAME_SECONDS * RATE) * SAMPLE_BYTES
SILENCE = bytes(FRAME_BYTES)
BEGIN_SECONDS = 20.0  # until the settings are applied
RECOGNISED_SECONDS = 12.0  # from the end of speech to its text
REPLY_SECONDS = 90.0  # from the text to the end of the reply
# After the last sound: a function call or a second sentence may follow.
SETTLED_SECONDS = 0.5
AUDIO = {
    "input": {"encoding": "linear16", "sample_rate": RATE},
    "output": {"encoding": "linear16", "sample_rate": RATE, "container": "none"},
}


class NoResponse(Exception):
    """The agent did not begin the conversation in time."""


class Clock(Protocol):
    """Time in seconds, and the wait for it."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class LoopClock:
    """The time of the event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class Conversation:
    """One replay over an open stream.

    ``read`` returns the caller's audio between two times, ``respond`` the result of a function
    call, ``check`` raises when the replay is to end, and ``tell`` is given the part that is done.
    ``speed`` sends speech so many times faster than it was spoken. Silence takes its time: it is
    sent while the agent speaks, and a server hears audio only a little faster than real time.
    """

    def __init__(
        self,
        stream: Any,
        settings: Mapping[str, Any],
        *,
        read: Callable[[float, float], bytes],
        respond: Callable[[str, str], Awaitable[str]],
        check: Callable[[], None] = lambda: None,
        tell: Callable[[float], None] = lambda done: None,
        speed: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self._stream, self._settings, self._speed = stream, settings, speed
        self._read, self._respond, self._check, self._tell = read, respond, check, tell
        self._clock = clock or LoopClock()
        self._entries: list[Entry] = []
        self._record = Record(lambda entry: None)
        self._speech = bytearray()  # that is not sent yet
        self._began = 0.0
        self._played_until = 0.0
        self._changed = 0.0  # time of the last message
        self._is_applied = self._is_over = False
        self._failure: SpeechError | None = None
        self._texts = self._replies = 0  # of the caller; ends of the agent's audio
        self._calls: set[asyncio.Task[None]] = set()

    async def hold(self, planned: Sequence[Step], has_greeting: bool) -> list[Entry]:
        """Take every step and return the messages of the conversation.

        Raises ``SpeechError``, ``NoResponse``, and what ``check`` raises.
        """
        self._began = self._clock.now()
        self._stream.on_send = self._note_sent
        async with self._stream:
            receiving = asyncio.create_task(self._receive())
            try:
                await self._take_all(planned, has_greeting)
            finally:
                await self._stream.close()
                for task in (receiving, *self._calls):
                    task.cancel()
                await asyncio.gather(receiving, *self._calls, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        return list(self._record.waiting.values())

    async def _take_all(self, planned: Sequence[Step], has_greeting: bool) -> None:
        await self._stream.send(self._stream.session.settings(self._settings))
        if not await self._until(lambda: self._is_applied, BEGIN_SECONDS):
            raise self._failure or NoResponse(
                f"The agent did not respond to its settings within {BEGIN_SECONDS:g} s."
            )
        if has_greeting:
            await self._until(lambda: self._replies > 0, REPLY_SECONDS)
            await self._until(self._is_settled, REPLY_SECONDS)
        for number, step in enumerate(planned, 1):
            if self._is_over:
                return
            await self._take_step(step)
            self._tell(number / len(planned))

    async def _take_step(self, step: Step) -> None:
        texts, replies = self._texts, self._replies
        if isinstance(step, Spoken):
            self._speech += self._read(step.start, step.end)
            seconds = len(self._speech) / SAMPLE_BYTES / RATE
            await self._until(lambda: not self._speech, seconds + REPLY_SECONDS)
        else:
            await self._stream.send(self._stream.session.inject_user(step.text))
        if await self._until(lambda: self._texts > texts, RECOGNISED_SECONDS + self._ahead):
            await self._until(lambda: self._replies > replies, REPLY_SECONDS)
        await self._until(self._is_settled, REPLY_SECONDS)

    def _is_settled(self) -> bool:
        """Return whether the agent has finished: nothing is played, called or about to come."""
        now = self._now
        quiet_since = max(self._played_until, self._changed)
        return not self._calls and now - quiet_since > SETTLED_SECONDS

    @property
    def _now(self) -> float:
        return self._clock.now() - self._began

    @property
    def _ahead(self) -> float:
        """Seconds of audio that were sent before their time: a server may hear them later."""
        return max(0.0, self._record.up.size_bytes / SAMPLE_BYTES / RATE - self._now)

    async def _until(self, is_reached: Callable[[], bool], seconds: float) -> bool:
        """Send audio until a condition holds; False when it does not in so many seconds."""
        due = self._now
        limit = due + seconds
        while not is_reached():
            self._check()
            if self._is_over or self._now > limit:
                return False
            speed = self._speed if self._speech else 1.0
            if self._is_applied:
                await self._send_frame()
            due += FRAME_SECONDS / speed
            await self._clock.sleep(due - self._now)
        return True

    async def _send_frame(self) -> None:
        frame = bytes(self._speech[:FRAME_BYTES])
        del self._speech[:FRAME_BYTES]
        frame += SILENCE[len(frame) :]
        self._record.up.add(frame)
        await self._stream.send_audio(frame)

    async def _receive(self) -> None:
        try:
            async for event in self._stream:
                self._take(event)
                if self._record.is_full:
                    return
        except SpeechError as error:
            self._failure = error
        finally:
            self._is_over = True

    def _note_sent(self, frame: str) -> None:
        self._record.note(UP, frame, self._now)

    def _take(self, event: Event) -> None:
        now = self._now
        if isinstance(event, Audio):
            start = max(now, self._played_until)
            self._played_until = start + len(event.data) / SAMPLE_BYTES / RATE
            self._record.hear(event.data, now, (start, self._played_until))
            return
        assert isinstance(event.raw, str)
        self._record.note(DOWN, event.raw, now)
        self._changed = now
        match event:
            case agent.SettingsApplied():
                self._is_applied = True
            case agent.UserStartedSpeaking():
                self._played_until = min(self._played_until, now)
                self._record.cut_audio(now)
            case agent.ConversationText(role="user"):
                self._texts += 1
            case agent.AgentAudioDone():
                self._replies += 1
                self._record.end_audio()
            case agent.FunctionCallRequest():
                for call in event.functions:
                    if call.client_side:
                        self._spawn(call)

    def _spawn(self, call: agent.RequestedCall) -> None:
        task = asyncio.create_task(self._call(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, call: agent.RequestedCall) -> None:
        content = await self._respond(call.name, call.arguments)
        await self._stream.send(self._stream.session.respond(call.id, call.name, content))
        self._changed = self._now
