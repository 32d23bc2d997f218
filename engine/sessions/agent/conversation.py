"""State of a conversation that the parts of its session share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any

from engine.sessions.agent.exchanges import Exchange
from engine.sessions.agent.steps import Step, Tell
from engine.sessions.agent.thoughts import Tokens, length
from engine.wire import agent_messages as wire

MOST_CONVERSATION = 100_000  # characters that are kept and sent to the model


class Phase(Enum):
    WAITING = "for Settings"
    APPLYING = "the Settings"
    OPEN = "the conversation"
    OVER = "closed"


class Conversation:
    """Settings in use, the present exchange and the history."""

    def __init__(self, now: float) -> None:
        self.phase = Phase.WAITING
        self.settings: wire.Settings | None = None
        self.agent = wire.Agent()
        self.thinks: tuple[wire.Think, ...] = ()
        self.voices: tuple[wire.Speak, ...] = ()
        self.voice = 0  # the one in use
        self.prompt = ""
        self.custom: Any = None  # content of the client for the next request to the model
        self.turn: Exchange | None = None
        self.queued: deque[str] = deque()  # injected messages
        self.history: deque[wire.History] = deque()
        self._history_characters = 0
        self.tokens_in = self.tokens_out = 0  # of models
        self.characters = 0  # that were said
        self.is_user_speaking = False
        self.is_start_told = False
        self.suspended_at: float | None = None  # a sound may be an interruption
        self.idle_since = now
        self.presence_checks = 0

    @property
    def is_experimental(self) -> bool:
        return self.settings is not None and self.settings.experimental

    def begin(self, text: str, *, is_confirmed: bool, context: list[wire.History]) -> Exchange:
        self.turn = Exchange(text, is_confirmed, context)
        return self.turn

    def end_turn(self) -> None:
        self.turn = None
        self.suspended_at = None

    def confirm(self, turn: Exchange) -> Iterator[Step]:
        """The user's turn has ended: everything that was held back counts now."""
        turn.is_confirmed = True
        held, turn.held = turn.held, []
        for item in held:
            yield from self.admit(turn, item)

    def admit(self, turn: Exchange, item: Tell | wire.History | Tokens) -> Iterator[Step]:
        """Send, record or count an item of ``turn``, once the user's turn has ended."""
        if not turn.is_confirmed:
            turn.held.append(item)
            return
        match item:
            case Tell():
                yield item
            case wire.History():
                yield from self.record(item)
            case Tokens(read, written):
                self.tokens_in += read
                self.tokens_out += written

    def keep(self, item: wire.History) -> None:
        """Add to the history, whose oldest items are dropped when it grows too long."""
        self.history.append(item)
        self._history_characters += length(item)
        while self._history_characters > MOST_CONVERSATION and len(self.history) > 1:
            self._history_characters -= length(self.history.popleft())

    def record(self, item: wire.History) -> Iterator[Step]:
        """Keep an item, and tell the client where it wants a history."""
        self.keep(item)
        if self.settings is not None and self.settings.flags.history:
            yield Tell(item)
