"""State of one exchange of a conversation: a turn of the user and the agent's response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.sessions.agent.playback import Reply
from engine.sessions.agent.steps import Tell
from engine.sessions.agent.thoughts import Call, Tokens
from engine.wire import agent_messages as wire
from engine.wire.shapes import UNSET


@dataclass
class Pending:
    """A function call that has no response yet."""

    id: str
    call: Call
    function: wire.Function | None
    asked_at: float | None = None  # when it was sent to the client or the server
    response: str | None = None
    fillers: int = 0

    @property
    def is_client_side(self) -> bool:
        return self.function is None or self.function.endpoint is None

    @property
    def signature(self) -> Any:
        return self.call.signature or UNSET


@dataclass
class Clocks:
    """Times of one turn, in seconds on the owner's clock."""

    speech_end: float | None = None
    words: float | None = None
    think: float | None = None
    token: float | None = None
    text: float | None = None
    tool: float | None = None
    thinking: float | None = None
    say: float | None = None
    audio: float | None = None
    warned: int = 0
    is_reported: bool = False


@dataclass
class Exchange:
    """A turn of the user, or a message that the agent says by itself, and the response to it."""

    text: str  # of the user
    is_confirmed: bool
    context: list[wire.History]
    reply: Reply = field(default_factory=Reply)
    clocks: Clocks = field(default_factory=Clocks)
    thought: int | None = None  # the request under way
    provider: int = 0
    buffer: str = ""  # text of the model that is no whole sentence yet
    round_text: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    rounds: int = 0
    # Messages, items of the history and tokens that count only if the user's turn has ended.
    held: list[Tell | wire.History | Tokens] = field(default_factory=list)

    @property
    def is_backchannel(self) -> bool:
        """Return whether this is a sound to a user who keeps the floor."""
        return [one.behavior for one in self.reply.sentences] == ["backchannel"]

    @property
    def waits_for_calls(self) -> bool:
        return any(one.response is None for one in self.pending)
