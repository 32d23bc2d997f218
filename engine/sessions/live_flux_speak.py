"""Session of ``/v2/speak``: messages in, actions out, as ``live_speak.py`` has them.

Source: docs/contract.md, 12.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    plain_text,
    script_of,
    settled,
    warn,
    whole_words,
)
from engine.speech.synthesis.markup import holds_pause
from engine.wire import flux_speak_messages as flux
from engine.wire import speak_messages as speak
from engine.wire.reading import Invalid, read_message
from engine.wire.shapes import UNSET

SLOWEST, FASTEST, SPEED_STEP = 0.5, 1.5, 0.05
# English as the voices here speak it: how long a text takes of which only a part was made.
CHARACTERS_A_SECOND = 15.0
WRONG_OFFSET = (
    "playback_offset is not a time in ms since the start of the session that is later than the one "
    "before."
)


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
        return len(self.buffer) + characters_of(say.script for say in self.waiting)

    @property
    def text(self) -> str:
        """All that the turn says, spoken or not."""
        waiting = "".join(plain_text(say.script) for say in self.waiting)
        return self.spoken + self.saying + waiting + self.buffer

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
        return self._once(iter([warn(LEFT_OUT, warning)] if warning else []))

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
        yield from self._take(turn, settled(turn.buffer, soon=soon))
        yield from self._next()

    def _flush(self) -> Iterator[Step]:
        if not self._turns or self._turns[-1].flushed:
            yield warn("NO_ACTIVE_SPEECH", "There is no speech to flush.")
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
        script, has_ssml = script_of(taken, self._identity.markup, self._speed)
        turn.billable += script.billable
        self.billable += script.billable
        turn.pronunciations += len(script.pronunciations)
        turn.warnings += script.warnings
        if has_ssml and not turn.warned_of_ssml:
            turn.warned_of_ssml = True
            yield warn("INPUT_MARKUP_STRIPPED", SSML_STRIPPED)
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
                turn.saying = plain_text(say.script)
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
            yield warn("NO_AUDIO_GENERATED", "The text of the turn has no sound.")
        if turn.warnings:
            yield warn("PRONUNCIATION_WARNINGS", " ".join(turn.warnings)[:1000])
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
            yield warn("NO_ACTIVE_SPEECH", "There is no speech to interrupt.")
            return
        turn = self._turns.popleft()
        played_ms = round(turn.seconds * 1000)
        if offset_ms is not None and _round_ms(offset_ms) > self._last_offset_ms:
            self._last_offset_ms = _round_ms(offset_ms)
            played_ms = min(max(0, self._last_offset_ms - self._begins_ms), played_ms)
        elif offset_ms is not None:
            yield warn("INVALID_INTERRUPT_OFFSET", WRONG_OFFSET)
        self._begins_ms += played_ms
        if self.is_speaking:
            self.is_speaking = False
            yield Stop()
        yield from self._announce(turn)
        heard = turn.heard(played_ms / 1000)
        interrupted = flux.SpeechInterrupted(
            speech_id=turn.speech_id,
            audio_played_ms=played_ms,
            text_spoken=heard,
            text_remaining=turn.text[len(heard) :],
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
            yield from self._take(turn, whole_words(turn.buffer))
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


def word_end(text: str, share: float) -> int:
    """Return the index after the word that lies ``share`` of the way through ``text``."""
    place = round(len(text) * min(share, 1.0))
    end = text.find(" ", place)
    return len(text) if end < 0 else end if place else 0


def _round_ms(offset_ms: float) -> int:
    """Return -1 for what is no time."""
    return -1 if math.isnan(offset_ms) else round(offset_ms)
