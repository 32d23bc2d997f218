"""Sessions of ``/v1/speak`` and ``/v2/speak``: messages in, actions out.

No I/O and no clock: the time in seconds is an argument. A session says what to speak
(``Say``) and is told when that has been made (``made``). One ``Say`` is made at a time, in
order; after ``Stop`` nothing more of what was begun may be sent. Source:
docs/contract.md, 11 and 12.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.speech.synthesis.clauses import first_clause_end, last_sentence_end
from engine.speech.synthesis.markup import (
    OPEN_SSML,
    Script,
    holds_pause,
    plain,
    read_markup,
    strip_ssml,
)
from engine.wire import flux_speak_messages as flux
from engine.wire import speak_messages as speak
from engine.wire.reading import Invalid, read_message
from engine.wire.shapes import UNSET, Message

MOST_CHARACTERS = 2_000  # in one Speak
LEFT_OUT = "TEXT_LEFT_OUT"  # ours: words that the voice cannot say
MOST_FLUSHES = 20
NO_PAUSES = "Pauses in the text are supported by REST requests only."
SSML_STRIPPED = "SSML is not supported: its tags were removed from the text."
MOST_A_MINUTE = 2_400  # characters, for those who are held to it
MINUTE = 60.0
MOST_WAITING = 20_000  # characters not yet spoken; more is a client that never waits
SLOWEST, FASTEST, SPEED_STEP = 0.5, 1.5, 0.05
LONGEST_SECONDS = 60 * 60.0  # a socket may live
# English as the voices here speak it: how long a text takes of which only a part was made.
CHARACTERS_A_SECOND = 15.0


@dataclass(frozen=True)
class Say:
    """Speak this now; call ``made`` with the result."""

    script: Script
    speed: float


@dataclass(frozen=True)
class Tell:
    """Send this JSON message, behind all sound that was made before."""

    message: Message


@dataclass(frozen=True)
class Stop:
    """End what is being spoken and drop what was not sent."""


@dataclass(frozen=True)
class _FlushEnd:
    """The place of a ``Flush`` between texts; its response is numbered when it is reached."""


@dataclass(frozen=True)
class Close:
    code: int
    reason: str = ""


Step = Say | Tell | Stop | Close


@dataclass(frozen=True)
class Identity:
    """Facts about the model and the request for the first message of a socket."""

    request_id: str
    model_name: str
    model_version: str
    model_uuid: str
    markup: bool = True  # the oldest voices read markup as text


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
            return self._once(iter([_warning("NO_AUDIO_GENERATED", reason)]))
        return self._once(iter([_warning(LEFT_OUT, warning)] if warning else []))

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
        waiting = len(self._buffer) + _characters(self._waiting)
        too_fast = self._allowance is not None and not self._allowance.take(len(text), now)
        if too_fast or waiting > MOST_WAITING:
            yield from self._end(1008, "DATA-0001")
            return
        if self._identity.markup and holds_pause(self._buffer):
            yield from self._reject(NO_PAUSES, "DATA-0002")
            return
        yield from self._take_buffer(_settled(self._buffer, soon=not self._begun))
        yield from self._next()

    def _flush(self, now: float) -> Iterator[Step]:
        if not self._flushes.take(1, now):
            yield _warning(
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
            yield _warning("NO_AUDIO_GENERATED", "The text has no sound.")
        self._has_text = self._begun = self._warned_of_ssml = False

    def _take_buffer(self, until: int | None = None) -> Iterator[Step]:
        taken = self._buffer[:until]
        self._buffer = self._buffer[len(taken) :]
        if taken.strip():
            script, has_ssml = _script(taken, self._identity.markup, self._speed)
            if has_ssml and not self._warned_of_ssml:
                self._warned_of_ssml = True
                yield _warning("INPUT_MARKUP_STRIPPED", SSML_STRIPPED)
            if script.warnings:
                yield _warning("PRONUNCIATION_WARNINGS", " ".join(script.warnings)[:1000])
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
        yield _warning(code, problem)
        yield from self._end(1008, code)

    def _end(self, code: int, reason: str = "") -> Iterator[Step]:
        self._over = True
        if self.is_speaking:
            yield Stop()
        yield Close(code, reason)


@dataclass
class Turn:
    """One turn of speech, from its first text to the end of its sound."""

    speech_id: str
    buffer: str = ""
    waiting: deque[Say] = field(default_factory=deque)
    flushed: bool = False
    owes_flushed: bool = False  # a Flush came before the turn was announced
    announced: bool = False
    begun: bool = False  # something of it was given to be spoken
    characters: int = 0
    billable: int = 0
    pronunciations: int = 0
    warned_of_ssml: bool = False
    warnings: list[str] = field(default_factory=list)
    spoken: str = ""  # of what was given to be spoken, what has been
    spoken_seconds: float = 0.0
    saying: str = ""  # what is being spoken now
    saying_speed: float = 1.0
    saying_seconds: float = 0.0  # how much of it is on its way

    @property
    def characters_waiting(self) -> int:
        return len(self.buffer) + _characters(say.script for say in self.waiting)

    @property
    def seconds(self) -> float:
        return self.spoken_seconds + self.saying_seconds

    def heard(self, seconds: float) -> str:
        """About what was heard ``seconds`` into the turn, to the end of a word.

        Sound has no marks of its words: a text is taken to be spoken at an even pace, and one
        that is still being made at the usual pace.
        """
        if seconds < self.spoken_seconds:
            return self.spoken[: word_end(self.spoken, seconds / self.spoken_seconds)]
        usual_seconds = len(self.saying) / CHARACTERS_A_SECOND / self.saying_speed
        whole_seconds = max(self.saying_seconds, usual_seconds)
        share = (seconds - self.spoken_seconds) / whole_seconds if whole_seconds else 0.0
        return self.spoken + self.saying[: word_end(self.saying, share)]


class FluxSession:
    """``/v2/speak``: turns of Speak and Flush, with Interrupt, Configure and Close.

    A turn begins with its first text and ends with the sound of its last, after a Flush. A
    Speak after the Flush belongs to the next turn, which waits. ``speech_ids`` gives the names
    of turns.
    """

    def __init__(self, identity: Identity, speech_ids: Iterator[str], speed: float = 1.0) -> None:
        self._identity = identity
        self._ids = speech_ids
        self._speed = speed
        self._turns: deque[Turn] = deque()
        self.is_speaking = False
        self._closing = self._over = False
        self._seconds = 0.0
        self._begins_ms = 0  # of the first turn, in a player that plays what was not interrupted
        self._last_offset_ms = -1
        self.characters = 0  # of all turns
        self.billable = 0

    def start(self) -> list[Step]:
        who = self._identity
        greeting = flux.Connected(
            request_id=who.request_id,
            model_name=who.model_name,
            model_version=who.model_version,
            model_uuids=[who.model_uuid],
        )
        return [Tell(greeting)]

    def read(self, message: Mapping[str, Any], now: float) -> list[Step]:
        """One JSON message."""
        return self._once(self._read(message))

    def sent(self, seconds: float) -> None:
        """So much more of the sound of the last ``Say`` is on its way."""
        self._seconds += seconds
        if self._turns:
            self._turns[0].saying_seconds += seconds

    def covered(self, warning: str, *, has_sound: bool) -> list[Step]:
        """Report the text of the last ``Say`` that the voice cannot say."""
        return self._once(iter([_warning(LEFT_OUT, warning)] if warning else []))

    def made(self) -> list[Step]:
        """The last ``Say`` has been spoken to its end, and its sound was queued to be sent."""
        return self._once(self._made())

    def fail(self) -> list[Step]:
        return self._once(self._end("NET-0000", "Speech could not be made.", 1011))

    def expire(self) -> list[Step]:
        return self._once(self._end("NET-0003", "A session lasts one hour at most.", 1011))

    def fall_silent(self) -> list[Step]:
        return self._once(self._end("NET-0004", "Nothing was received for 60 seconds.", 1011))

    def misread(self) -> list[Step]:
        return self._once(self._end("MESSAGE-0000", "The frame is not a JSON message.", 1003))

    def _once(self, steps: Iterator[Step]) -> list[Step]:
        return [] if self._over else list(steps)

    def _read(self, given: Mapping[str, Any]) -> Iterator[Step]:
        try:
            message = read_message(flux.ClientMessage, given)
        except Invalid as error:
            yield from self._misread(given, error)
            return
        match message:
            case speak.Speak(text=text):
                yield from self._speak(text)
            case speak.Flush():
                yield from self._flush()
            case flux.Interrupt(playback_offset=offset):
                yield from self._interrupt(None if offset is UNSET else offset.value)
            case flux.Configure(speed=speed):
                yield from self._configure(None if speed is UNSET else speed)
            case speak.Close():
                self._closing = True
                for turn in self._turns:
                    yield from self._finish_text(turn)
                yield from self._next()
            case _:
                kind = given.get("type")
                yield from self._end("DATA-0000", f"Unknown message type {kind!r:.40}.", 1008)

    def _misread(self, given: Mapping[str, Any], error: Invalid) -> Iterator[Step]:
        """Respond to a message of a known type with wrong members."""
        match given["type"]:
            case "Interrupt":
                yield from self._interrupt(math.nan)
            case "Configure":
                yield from self._configure(math.nan)
            case _ if not self._closing:
                yield from self._end("DATA-0000", f"{error}.", 1008)

    def _speak(self, text: str) -> Iterator[Step]:
        if self._closing:
            return
        if len(text) > MOST_CHARACTERS:
            yield from self._end(
                "BIG-0000", f"text is longer than {MOST_CHARACTERS} characters.", 1009
            )
            return
        if not self._turns or self._turns[-1].flushed:
            self._turns.append(Turn(next(self._ids)))
        turn = self._turns[-1]
        turn.buffer += text
        turn.characters += len(text)
        self.characters += len(text)
        if sum(turn.characters_waiting for turn in self._turns) > MOST_WAITING:
            yield from self._end("DATA-0000", "More text is waiting than can be kept.", 1008)
            return
        if self._identity.markup and holds_pause(turn.buffer):
            yield from self._end("DATA-0002", NO_PAUSES, 1008)
            return
        is_next = turn is self._turns[0] and not self.is_speaking
        soon = is_next and not turn.begun
        yield from self._take(turn, _settled(turn.buffer, soon=soon))
        yield from self._next()

    def _flush(self) -> Iterator[Step]:
        if not self._turns or self._turns[-1].flushed:
            yield _warning("NO_ACTIVE_SPEECH", "There is no speech to flush.")
            return
        turn = self._turns[-1]
        yield from self._finish_text(turn)
        turn.owes_flushed = True
        yield from self._announce(turn) if turn is self._turns[0] else ()
        yield from self._next()

    def _finish_text(self, turn: Turn) -> Iterator[Step]:
        if not turn.flushed:
            yield from self._take(turn, None)
            turn.flushed = True

    def _take(self, turn: Turn, until: int | None) -> Iterator[Step]:
        taken = turn.buffer[:until]
        turn.buffer = turn.buffer[len(taken) :]
        if not taken:
            return
        script, has_ssml = _script(taken, self._identity.markup, self._speed)
        turn.billable += script.billable
        self.billable += script.billable
        turn.pronunciations += len(script.pronunciations)
        turn.warnings += script.warnings
        if has_ssml and not turn.warned_of_ssml:
            turn.warned_of_ssml = True
            yield _warning("INPUT_MARKUP_STRIPPED", SSML_STRIPPED)
        if script.parts:
            turn.begun = True
            turn.waiting.append(Say(script, self._speed))

    def _announce(self, turn: Turn) -> Iterator[Step]:
        """Tell that ``turn`` is the one that is spoken: sound does not say whose it is."""
        if not turn.announced:
            turn.announced = True
            yield Tell(flux.SpeechStarted(speech_id=turn.speech_id))
        if turn.owes_flushed:
            turn.owes_flushed = False
            yield Tell(flux.Flushed(speech_id=turn.speech_id))

    def _next(self) -> Iterator[Step]:
        """Go on with the first turn; end it, and the session, when there is no more of it."""
        while self._turns and not self.is_speaking:
            turn = self._turns[0]
            yield from self._announce(turn)
            if turn.waiting:
                say = turn.waiting.popleft()
                turn.saying = _plain_text(say.script)
                turn.saying_speed = say.speed
                self.is_speaking = True
                yield say
            elif turn.flushed:
                self._turns.popleft()
                yield from self._close_turn(turn)
            else:
                return
        if self._closing and not self._turns and not self._over:
            self._over = True
            summary = flux.SessionMetadata(
                total_audio_duration_ms=round(self._seconds * 1000),
                total_input_character_count=self.characters,
                total_billable_character_count=self.billable,
            )
            yield Tell(summary)
            yield Close(1000)

    def _close_turn(self, turn: Turn) -> Iterator[Step]:
        self._begins_ms += round(turn.seconds * 1000)
        if not turn.seconds:
            yield _warning("NO_AUDIO_GENERATED", "The text of the turn has no sound.")
        if turn.warnings:
            yield _warning("PRONUNCIATION_WARNINGS", " ".join(turn.warnings)[:1000])
        yield Tell(flux.SpeechMetadata(**self._metadata(turn)))

    def _made(self) -> Iterator[Step]:
        self.is_speaking = False
        turn = self._turns[0]
        turn.spoken, turn.saying = turn.spoken + turn.saying, ""
        turn.spoken_seconds, turn.saying_seconds = turn.seconds, 0.0
        yield from self._next()

    def _interrupt(self, offset_ms: float | None) -> Iterator[Step]:
        """End the turn that is spoken. NaN is an offset that is none."""
        if not self._turns:
            yield _warning("NO_ACTIVE_SPEECH", "There is no speech to interrupt.")
            return
        turn = self._turns.popleft()
        made_ms = played = round(turn.seconds * 1000)
        if offset_ms is not None and _round_ms(offset_ms) > self._last_offset_ms:
            self._last_offset_ms = _round_ms(offset_ms)
            played = min(max(0, self._last_offset_ms - self._begins_ms), made_ms)
        elif offset_ms is not None:
            yield _warning(
                "INVALID_INTERRUPT_OFFSET",
                "playback_offset is not a time in ms since the start of the session that is later "
                "than the one before.",
            )
        self._begins_ms += played
        if self.is_speaking:
            self.is_speaking = False
            yield Stop()
        heard = turn.heard(played / 1000)
        waiting = "".join(_plain_text(say.script) for say in turn.waiting)
        rest = turn.spoken + turn.saying + waiting + turn.buffer
        yield from self._announce(turn)
        interrupted = flux.SpeechInterrupted(
            speech_id=turn.speech_id,
            audio_played_ms=played,
            text_spoken=heard,
            text_remaining=rest[len(heard) :],
            metadata=flux.Speech(**self._metadata(turn)),
        )
        yield Tell(interrupted)
        yield from self._next()

    def _metadata(self, turn: Turn) -> dict[str, Any]:
        return {
            "speech_id": turn.speech_id,
            "audio_duration_ms": round(turn.seconds * 1000),
            "input_character_count": turn.characters,
            "billable_character_count": min(turn.billable, turn.characters),
            "controls_applied": flux.Controls(
                pronunciations_applied=turn.pronunciations,
                pronunciation_warnings=len(turn.warnings),
                breaks_applied=0,  # pauses in the text are for REST alone
            ),
        }

    def _configure(self, speed: float | None) -> Iterator[Step]:
        """Change the speed. NaN is a speed that is no number."""
        if speed is None:
            yield Tell(flux.ConfigureSuccess(applied=flux.Applied()))
            return
        if problem := speed_problem(speed):
            code, description = problem
            value = UNSET if math.isnan(speed) else speed
            failure = flux.ConfigureFailure(
                code=code, description=description, field="speed", value=value
            )
            yield Tell(failure)
            return
        if self._turns and speed != self._speed:
            # What came before is spoken at the speed of before; a word has one speed.
            turn = self._turns[-1]
            yield from self._take(turn, _whole_words(turn.buffer))
        self._speed = float(speed)
        yield Tell(flux.ConfigureSuccess(applied=flux.Applied(speed=speed)))
        yield from self._next()

    def _end(self, code: str, description: str, close: int) -> Iterator[Step]:
        self._over = True
        if self.is_speaking:
            yield Stop()
        yield Tell(flux.Error(code=code, description=description))
        yield Close(close, code)


def speed_problem(speed: float) -> tuple[str, str] | None:
    """Return category and description of an invalid speed (docs/contract.md, 7.2)."""
    if not SLOWEST <= speed <= FASTEST:  # NaN is not
        return (
            "SPEED_OUT_OF_RANGE",
            f"speed must be from {SLOWEST} to {FASTEST}, not {speed:g}.",
        )
    steps = speed / SPEED_STEP
    if abs(steps - round(steps)) > 1e-6:
        return (
            "SPEED_INCREMENT_INVALID",
            f"speed must be a multiple of {SPEED_STEP}, not {speed:g}.",
        )
    return None


def _script(text: str, markup: bool, speed: float) -> tuple[Script, bool]:
    """Return the script to speak, and whether SSML tags were removed from it. It holds no pause."""
    if not markup:
        return plain(text), False
    bare = strip_ssml(text)
    script = replace(read_markup(bare, speed=speed), characters=len(text))
    return script, len(bare) < len(text)


def _settled(text: str, *, soon: bool) -> int:
    """Return the index after the last whole sentence of ``text``, its markup included.

    ``soon`` is for the first words of a turn: the end of a clause is enough.
    """
    end = last_sentence_end(text)
    if soon and not end:
        end = first_clause_end(text)
    return _outside_markup(text, end)


def _whole_words(text: str) -> int:
    """Return the index of the last word of ``text``, which may not be whole yet."""
    return _outside_markup(text, max(text.rfind(space) for space in " \t\n") + 1)


def _outside_markup(text: str, end: int) -> int:
    """``end``, or the start of the markup or the SSML tag of ``text`` in which it lies."""
    opened = text.rfind("<", 0, end)
    if opened >= 0 and OPEN_SSML.fullmatch(text, opened, end):
        end = opened
    if text.count("\\{", 0, end) > text.count("\\}", 0, end):
        return text.rfind("\\{", 0, end)
    return end


def _plain_text(script: Script) -> str:
    return "".join(part for part in script.parts if isinstance(part, str))


def _characters(scripts: Iterable[object]) -> int:
    return sum(script.characters for script in scripts if isinstance(script, Script))


def word_end(text: str, share: float) -> int:
    """Return the index after the word that lies ``share`` of the way through ``text``."""
    place = round(len(text) * min(share, 1.0))
    end = text.find(" ", place)
    return len(text) if end < 0 else end if place else 0


def _round_ms(offset_ms: float) -> int:
    """Return -1 for what is no time."""
    return -1 if math.isnan(offset_ms) else round(offset_ms)


def _warning(code: str, description: str) -> Tell:
    return Tell(speak.Warning(code=code, description=description))
