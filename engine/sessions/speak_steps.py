"""Steps that the sessions of speak sockets return, and the texts that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.speech.synthesis.clauses import first_clause_end, last_sentence_end
from engine.speech.synthesis.markup import OPEN_SSML, Script, plain, read_markup, strip_ssml
from engine.wire import speak_messages as speak
from engine.wire.shapes import Message

MOST_CHARACTERS = 2_000  # in one Speak
MOST_WAITING = 20_000  # characters not yet spoken; more is a client that never waits
LONGEST_SECONDS = 60 * 60.0  # a socket may live
LEFT_OUT = "TEXT_LEFT_OUT"  # ours: words that the voice cannot say
NO_PAUSES = "Pauses in the text are supported by REST requests only."
SSML_STRIPPED = "SSML is not supported: its tags were removed from the text."


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


def script_of(text: str, markup: bool, speed: float) -> tuple[Script, bool]:
    """Return the script to speak, and whether SSML tags were removed from it. It holds no pause."""
    if not markup:
        return plain(text), False
    bare = strip_ssml(text)
    script = replace(read_markup(bare, speed=speed), characters=len(text))
    return script, len(bare) < len(text)


def settled(text: str, *, soon: bool) -> int:
    """Return the index after the last whole sentence of ``text``, its markup included.

    ``soon`` is for the first words of a turn: the end of a clause is enough.
    """
    end = last_sentence_end(text)
    if soon and not end:
        end = first_clause_end(text)
    return _outside_markup(text, end)


def whole_words(text: str) -> int:
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


def plain_text(script: Script) -> str:
    return "".join(part for part in script.parts if isinstance(part, str))


def characters_of(scripts: Iterable[object]) -> int:
    return sum(script.characters for script in scripts if isinstance(script, Script))


def warn(code: str, description: str) -> Tell:
    return Tell(speak.Warning(code=code, description=description))
