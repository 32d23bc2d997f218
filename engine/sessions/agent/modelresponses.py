"""Responses of the language model: sentences to say, function calls, and failures."""

from __future__ import annotations

from collections.abc import Iterator

from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.exchanges import Exchange
from engine.sessions.agent.functioncalls import FunctionCalls
from engine.sessions.agent.modelrequests import ModelRequests
from engine.sessions.agent.replies import Replies
from engine.sessions.agent.steps import Step, Tell, error, warning
from engine.sessions.agent.thoughts import (
    Call,
    Custom,
    Done,
    Part,
    Reasoning,
    Text,
    Tokens,
    Unfinished,
)
from engine.speech.synthesis.clauses import first_clause_end, sentence_ends
from engine.wire import agent_messages as wire

MOST_ROUNDS = 8  # of function calls in one turn
MOST_CALLS = 32  # in one response of the model
MOST_REPLY = 20_000  # characters that are said in one turn


class ModelResponses:
    def __init__(
        self,
        conversation: Conversation,
        requests: ModelRequests,
        calls: FunctionCalls,
        replies: Replies,
    ) -> None:
        self._conversation = conversation
        self._requests = requests
        self._calls = calls
        self._replies = replies

    def take(self, turn: Exchange, part: Part, now: float) -> Iterator[Step]:
        clocks = turn.clocks
        if isinstance(part, Text | Reasoning | Call) and clocks.token is None:
            clocks.token = now
        match part:
            case Text(text):
                clocks.text = clocks.text or now
                yield from self._end_reasoning(turn)
                yield from self._write(turn, text, now)
            case Reasoning(text):
                clocks.thinking = clocks.thinking or now
                turn.reasoning = (turn.reasoning + text)[:MOST_REPLY]
            case Call():
                clocks.tool = clocks.tool or now
                if len(turn.calls) < MOST_CALLS:
                    turn.calls.append(part)
            case Tokens():
                yield from self._conversation.admit(turn, part)
            case Custom(content):
                custom = Tell(wire.CustomFromThinkProvider(content=content))
                yield from self._conversation.admit(turn, custom)
            case Unfinished():
                problem = "The response of the model ended without its last message."
                ended = warning("GPT_4O_STREAM_END_ERROR", problem)
                yield from self._conversation.admit(turn, ended)
            case Done():
                yield from self._end_reasoning(turn)
                yield from self._end(turn, now)

    def fail(self, turn: Exchange, reason: str, now: float) -> Iterator[Step]:
        """The request failed: ask the next provider, unless the response had begun."""
        thinks = self._conversation.thinks
        has_begun = bool(turn.round_text or turn.calls)
        if turn.provider + 1 < len(thinks) and not has_begun:
            name = thinks[turn.provider].provider.model
            problem = f"{name}: {reason}; trying the next provider."
            failed = warning("THINK_REQUEST_FAILED", problem)
            yield from self._conversation.admit(turn, failed)
            turn.provider += 1
            yield from self._requests.think(turn, now)
            return
        yield from self._conversation.admit(turn, error("FAILED_TO_THINK", reason))
        turn.thought = None
        turn.calls = []
        rest, turn.buffer = turn.buffer, ""
        yield from self._replies.add(turn, rest, now)
        yield from self._replies.finish(turn)

    def _end_reasoning(self, turn: Exchange) -> Iterator[Step]:
        if turn.reasoning:
            reasoning, turn.reasoning = turn.reasoning, ""
            thinking = Tell(wire.AgentThinking(content=reasoning))
            yield from self._conversation.admit(turn, thinking)

    def _write(self, turn: Exchange, text: str, now: float) -> Iterator[Step]:
        """Take more text of the model: say the sentences that are whole."""
        room = MOST_REPLY - len(turn.reply.text) - len(turn.buffer)
        turn.buffer += text[: max(0, room)]
        turn.round_text += text[: max(0, room)]
        ends = sentence_ends(turn.buffer)
        if not ends and not turn.reply.sentences:
            ends = [end for end in [first_clause_end(turn.buffer)] if end]
        text, start = turn.buffer, 0
        for end in ends:
            yield from self._replies.add(turn, text[start:end], now)
            start = end
        turn.buffer = text[start:]

    def _end(self, turn: Exchange, now: float) -> Iterator[Step]:
        turn.thought = None
        rest, turn.buffer = turn.buffer, ""
        yield from self._replies.add(turn, rest, now)
        if turn.round_text.strip():
            said = wire.History(role="assistant", content=turn.round_text.strip())
            turn.context.append(said)
        if turn.calls and turn.rounds < MOST_ROUNDS:
            yield from self._calls.request(turn, now)
            return
        if turn.calls:
            problem = f"The model called functions more than {MOST_ROUNDS} times in a turn."
            failed = warning("FUNCTION_CALL_FAILED", problem)
            yield from self._conversation.admit(turn, failed)
        yield from self._replies.finish(turn)
