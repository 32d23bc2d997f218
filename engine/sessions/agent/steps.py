"""Actions of an agent's session, for the owner of its socket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.sessions.agent.thoughts import Thought
from engine.wire import agent_messages as wire
from engine.wire.shapes import UNSET, Message


@dataclass(frozen=True)
class Tell:
    """Send this JSON message."""

    message: Message


@dataclass(frozen=True)
class Close:
    code: int
    reason: str = ""


@dataclass(frozen=True)
class Load:
    """Find the stored configuration; respond with ``loaded``."""

    agent_id: str


@dataclass(frozen=True)
class Apply:
    """Prepare listening and the voice; respond with ``applied`` or ``rejected``."""

    settings: wire.Settings
    agent: wire.Agent


@dataclass(frozen=True)
class Relisten:
    """Listen with these key terms, hints and thresholds from here on."""

    provider: wire.ListenProvider


@dataclass(frozen=True)
class Respeak:
    """Speak with the first of these voices from here on; respond with ``voices_replaced``."""

    voices: tuple[wire.Speak, ...]
    is_update: bool = True


@dataclass(frozen=True)
class Think:
    """Ask the language model; respond with ``thought`` or ``think_failed``."""

    thought: Thought


@dataclass(frozen=True)
class StopThinking:
    """The response of the model is no longer wanted."""


@dataclass(frozen=True)
class Say:
    """Make the audio of a sentence of the reply; respond with ``made``."""

    number: int
    text: str


@dataclass(frozen=True)
class Finish:
    """No more sentences follow: respond with ``all_sent`` when their audio was sent."""


@dataclass(frozen=True)
class Release:
    """Send the audio of the reply from this position in seconds on, as it is made."""

    position: float


@dataclass(frozen=True)
class Hold:
    """Send no audio, and drop what was not sent."""


@dataclass(frozen=True)
class Silence:
    """End the reply: drop its audio and what is being made."""


@dataclass(frozen=True)
class Run:
    """Call a function of the server; respond with ``called``."""

    id: str
    function: wire.Function
    arguments: str


@dataclass(frozen=True)
class StopRunning:
    """The result of this call is no longer wanted."""

    id: str


@dataclass(frozen=True)
class EndTurn:
    """End the turn of the user here."""


Step = (
    Tell
    | Close
    | Load
    | Apply
    | Relisten
    | Respeak
    | Think
    | StopThinking
    | Say
    | Finish
    | Release
    | Hold
    | Silence
    | Run
    | StopRunning
    | EndTurn
)


def warning(code: wire.WarningCode, description: str) -> Tell:
    return Tell(wire.Warning(code=code, description=description))


def error(code: wire.ErrorCode, description: str) -> Tell:
    return Tell(wire.Error(code=code, description=description))


def text_of(
    role: wire.Role, content: str, behavior: wire.Behavior, languages: Sequence[str] = ()
) -> Tell:
    text = wire.ConversationText(
        role=role,
        content=content,
        conversational_behavior=behavior,
        languages_hinted=list(languages) or UNSET,
    )
    return Tell(text)
