"""Requests of a session to the language model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from engine.sessions.agent.conversation import MOST_CONVERSATION, Conversation
from engine.sessions.agent.exchanges import Exchange
from engine.sessions.agent.steps import Step, Think
from engine.sessions.agent.thoughts import Thought, latest


class ModelRequests:
    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._numbers = itertools.count(1)

    def think(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Request a response to everything in the context of ``turn``."""
        conversation = self._conversation
        turn.thought = next(self._numbers)
        turn.buffer = turn.round_text = turn.reasoning = ""
        turn.calls = []
        turn.clocks.warned = 0
        turn.clocks.think = now
        think = conversation.thinks[turn.provider]
        most = think.context_length if isinstance(think.context_length, int) else MOST_CONVERSATION
        prompt = think.prompt if turn.provider and think.prompt else conversation.prompt
        custom, conversation.custom = conversation.custom, None
        yield Think(Thought(turn.thought, think, prompt, latest(turn.context, most), custom))
