"""Session of ``/v1/speak``: messages in, actions out.

No I/O and no clock: the time in seconds is an argument. A session says what to speak
(``Say``) and is told when that has been made (``made``). One ``Say`` is made at a time, in
order; after ``Stop`` nothing more of what was begun may be sent. Source: docs/contract.md, 11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.sessions.speak_steps import (
    LEFT_OUT,
    MOST_CHARACTERS,
    MOST_WAITING,
    NO_PAUSES,
    SSML_STRIPPED,
    Close,
    Identity,
    Say,
    Step,
    Stop,
    Tell,
    characters_of,
    script_of,
    settled,
    warn,
)
from engine.speech.synthesis.markup import Script, holds_pause
from engine.wire import speak_messages as speak
from engine.wire.reading import Invalid, read_message

MOST_FLUSHES = 20  # in a minute
MOST_A_MINUTE = 2_400  # characters, for those who are held to it
MINUTE = 60.0


@dataclass(frozen=True)
class _FlushEnd:
    """The place of a ``Flush`` between texts; its response is numbered when it is reached."""


class Allowance:
    """So much within a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: deque[tuple[float, int]] = deque()  # (when in seconds, how much)
        self._sum = 0

    def take(self, count: int, now: float) -> bool:
        """Take ``count`` more and return True, or take nothing and return False."""
        while self._taken and now - self._taken[0][0] >= MINUTE:
            self._sum -= self._taken.popleft()[1]
        if self._sum + count > self._most:
            return False
        self._taken.append((now, count))
        self._sum += count
        return True


class AuraSession:
    """``/v1/speak``: Speak, Flush, Clear, Close.

    The first clause is spoken as soon as it is whole, then sentences as they come; the rest
    waits for more text or a Flush. ``most_a_minute`` is how many characters may come within 60
    seconds, None being any number.
    """

    def __init__(
        self, identity: Identity, speed: float = 1.0, most_a_minute: int | None = None
    ) -> None:
        self._identity = identity
        self._speed = speed
        self._allowance = Allowance(most_a_minute) if most_a_minute else None
        self._flushes = Allowance(MOST_FLUSHES)
        self._buffer = ""
        self._waiting: deque[Script | _FlushEnd | Close] = deque()
        self._has_text = False  # since the last Flush or Clear there was a Speak
        self._begun = False  # since then something was given to be spoken
        self._warned_of_ssml = False  # since then
        self.is_speaking = False
        self._sequence = 0
        self._over = False
        self.characters = 0  # that were given to be spoken

    def start(self) -> list[Step]:
        who = self._identity
        greeting = speak.Metadata(
            request_id=who.request_id,
            model_name=who.model_name,
            model_version=who.model_version,
            model_uuid=who.model_uuid,
            additional_model_uuids=[],
        )
        return [Tell(greeting)]

    def read(self, message: Mapping[str, Any], now: float) -> list[Step]:
        """One JSON message."""
        return self._once(self._read(message, now))

    def sent(self, seconds: float) -> None:
        """So much more of the sound of the last ``Say`` is on its way: nobody asks for it here."""

    def covered(self, warning: str, *, has_sound: bool) -> list[Step]:
        """Report, before its sound, the text of the last ``Say`` that the voice cannot say."""
        if not has_sound:
            reason = warning or "The text has no sound."
            return self._once(iter([warn("NO_AUDIO_GENERATED", reason)]))
        return self._once(iter([warn(LEFT_OUT, warning)] if warning else []))

    def made(self) -> list[Step]:
        """The last ``Say`` has been spoken to its end, and its sound was queued to be sent."""
        self.is_speaking = False
        return self._once(self._next())

    def fail(self) -> list[Step]:
        """Speaking failed."""
        return self._once(self._end(1011, "NET-0000"))

    def expire(self) -> list[Step]:
        """The socket has lived for as long as one may."""
        return self._once(self._end(1011, "NET-0003"))

    def fall_silent(self) -> list[Step]:
        return self._once(self._end(1011, "NET-0001"))

    def misread(self) -> list[Step]:
        """A frame that is not a message, a binary one included."""
        return self._once(self._end(1003, "MESSAGE-0000"))

    def _once(self, steps: Iterator[Step]) -> list[Step]:
        return [] if self._over else list(steps)

    def _read(self, given: Mapping[str, Any], now: float) -> Iterator[Step]:
        try:
            message = read_message(speak.ClientMessage, given)
        except Invalid as error:
            yield from self._reject(f"{error}.")
            return
        match message:
            case speak.Speak(text=text):
                yield from self._speak(text, now)
            case speak.Flush():
                yield from self._flush(now)
            case speak.Clear():
                yield from self._clear()
            case speak.Close():
                yield from self._finish_text()
                self._waiting.append(Close(1000))
                yield from self._next()
            case _:
                yield from self._reject(f"Unknown message type {given.get('type')!r:.40}.")

    def _clear(self) -> Iterator[Step]:
        self._buffer = ""
        self._has_text = self._begun = self._warned_of_ssml = False
        self._waiting = deque(one for one in self._waiting if isinstance(one, Close))
        if self.is_speaking:
            self.is_speaking = False
            yield Stop()
        yield self._acknowledge(speak.Cleared)
        yield from self._next()

    def _speak(self, text: str, now: float) -> Iterator[Step]:
        if len(text) > MOST_CHARACTERS:
            yield from self._end(1009, "BIG-0001")
            return
        self.characters += len(text)
        self._buffer += text
        self._has_text = True
        waiting = len(self._buffer) + characters_of(self._waiting)
        too_fast = self._allowance is not None and not self._allowance.take(len(text), now)
        if too_fast or waiting > MOST_WAITING:
            yield from self._end(1008, "DATA-0001")
            return
        if self._identity.markup and holds_pause(self._buffer):
            yield from self._reject(NO_PAUSES, "DATA-0002")
            return
        yield from self._take_buffer(settled(self._buffer, soon=not self._begun))
        yield from self._next()

    def _flush(self, now: float) -> Iterator[Step]:
        if not self._flushes.take(1, now):
            yield warn(
                "EXCESSIVE_FLUSH", f"More than {MOST_FLUSHES} Flush messages within 60 seconds."
            )
            return
        yield from self._finish_text()
        self._waiting.append(_FlushEnd())  # which a Clear may overtake
        yield from self._next()

    def _finish_text(self) -> Iterator[Step]:
        """Take the rest of the text, and report a text of which nothing can be spoken."""
        yield from self._take_buffer()
        if self._has_text and not self._begun:
            yield warn("NO_AUDIO_GENERATED", "The text has no sound.")
        self._has_text = self._begun = self._warned_of_ssml = False

    def _take_buffer(self, until: int | None = None) -> Iterator[Step]:
        taken = self._buffer[:until]
        self._buffer = self._buffer[len(taken) :]
        if taken.strip():
            script, has_ssml = script_of(taken, self._identity.markup, self._speed)
            if has_ssml and not self._warned_of_ssml:
                self._warned_of_ssml = True
                yield warn("INPUT_MARKUP_STRIPPED", SSML_STRIPPED)
            if script.warnings:
                yield warn("PRONUNCIATION_WARNINGS", " ".join(script.warnings)[:1000])
            if script.parts:
                self._begun = True
                self._waiting.append(script)

    def _next(self) -> Iterator[Step]:
        while self._waiting and not self.is_speaking and not self._over:
            match self._waiting.popleft():
                case Script() as script:
                    self.is_speaking = True
                    yield Say(script, self._speed)
                case _FlushEnd():
                    yield self._acknowledge(speak.Flushed)
                case Close(code, reason):
                    yield from self._end(code, reason)

    def _acknowledge(self, kind: type[speak.Flushed | speak.Cleared]) -> Tell:
        number, self._sequence = self._sequence, self._sequence + 1
        return Tell(kind(sequence_id=number))

    def _reject(self, problem: str, code: str = "DATA-0000") -> Iterator[Step]:
        """End the session: version 1 has no Error message (docs/contract.md, choice 8)."""
        yield warn(code, problem)
        yield from self._end(1008, code)

    def _end(self, code: int, reason: str = "") -> Iterator[Step]:
        self._over = True
        if self.is_speaking:
            yield Stop()
        yield Close(code, reason)
