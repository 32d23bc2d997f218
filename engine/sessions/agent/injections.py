"""Messages that a client injects: a turn of the user in writing, a text for the agent to say."""

from __future__ import annotations

from collections.abc import Iterator

from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.replies import Replies
from engine.sessions.agent.steps import Step, Tell, warning
from engine.sessions.agent.userturns import UserTurns
from engine.wire import agent_messages as wire

MOST_QUEUED = 20  # messages
DYNAMIC = "(Say something that continues the conversation: the user has said nothing new.)"


class Injections:
    def __init__(self, conversation: Conversation, replies: Replies, turns: UserTurns) -> None:
        self._conversation = conversation
        self._replies = replies
        self._turns = turns

    def inject_user(self, content: str, now: float) -> Iterator[Step]:
        yield from self._interrupt(now)
        yield from self._turns.begin(content, now, now, is_confirmed=True)

    def inject_agent(self, message: wire.InjectAgentMessage, now: float) -> Iterator[Step]:
        if rejection := self._rejection(message):
            problem, code = rejection
            yield Tell(wire.InjectionRefused(message=problem))
            if code is not None:
                yield warning(code, problem)
            return
        if message.behavior == "interrupt":
            yield from self._interrupt(now)
        if message.is_dynamic and not message.message:
            yield from self._turns.begin(DYNAMIC, now, now, is_confirmed=True, is_ours=True)
        elif self._conversation.turn is not None:
            self._conversation.queued.append(message.message)
        else:
            yield from self._replies.say_alone(message.message, now)

    def tick(self, now: float) -> Iterator[Step]:
        """Say the next message of the queue; to be called while the agent has nothing to do."""
        conversation = self._conversation
        if conversation.queued and not conversation.is_user_speaking:
            yield from self._replies.say_alone(conversation.queued.popleft(), now)

    def _interrupt(self, now: float) -> Iterator[Step]:
        turn = self._conversation.turn
        if turn is not None and turn.reply.is_released:
            # There is no other message at which a client drops its audio.
            yield Tell(wire.UserStartedSpeaking())
        yield from self._replies.cut(now)

    def _rejection(
        self, message: wire.InjectAgentMessage
    ) -> tuple[str, wire.WarningCode | None] | None:
        """Return why the message is rejected and the code of the Warning; None when it is not."""
        conversation = self._conversation
        if not message.message and not message.is_dynamic:
            return "The message is empty.", None
        if message.is_dynamic and conversation.agent.think_live is None:
            return "is_dynamic needs agent.think_live.", None
        if message.behavior == "interrupt":
            return None
        if conversation.is_user_speaking or conversation.suspended_at is not None:
            return "The user is speaking.", "INJECT_AGENT_MESSAGE_DURING_USER_SPEECH"
        if conversation.turn is not None and (message.behavior == "default" or message.is_dynamic):
            return "The agent is speaking.", "INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH"
        if len(conversation.queued) >= MOST_QUEUED:
            return "Too many messages are queued.", None
        return None
