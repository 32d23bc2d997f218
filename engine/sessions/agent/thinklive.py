"""``think_live`` of the settings: backchannels, fillers, presence checks and frustration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.exchanges import Exchange, Pending
from engine.sessions.agent.replies import Replies
from engine.sessions.agent.steps import Step, Tell
from engine.wire import agent_messages as wire

# The first of each that has no restricted term is said, or none.
PRESENCE_CHECKS = ("Are you still there?", "Can you hear me?", "Hello?")
FILLERS = ("One moment, please.", "Let me check.", "Just a second.")
BACKCHANNELS = ("Mm-hmm.", "Okay.", "Yes.")
LEAST_PRESENCE_SECONDS = 3.0
FRUSTRATED = -0.5  # sentiment, -1 to 1


class ThinkLive:
    """``mood`` returns the sentiment of a text, -1 to 1."""

    def __init__(
        self, conversation: Conversation, replies: Replies, mood: Callable[[str], float]
    ) -> None:
        self._conversation = conversation
        self._replies = replies
        self._mood = mood
        self._frustrations = 0
        self._backchannels_due = 0.0

    def feel(self, text: str) -> Iterator[Step]:
        """Report the frustration in a turn of the user."""
        live = self._conversation.agent.think_live
        most = live.provider.frustration_max_count if live is not None else None
        if most and self._mood(text) <= FRUSTRATED:
            self._frustrations += 1
            is_escalated = self._frustrations >= most
            yield Tell(wire.FrustrationDetected(count=self._frustrations, escalated=is_escalated))

    def acknowledge(self, now: float) -> Iterator[Step]:
        """Say a backchannel to a user who continues after a pause, as often as is wanted.

        ``agent_backchannel_sensitivity`` is the share of the pauses with one.
        """
        live = self._conversation.agent.think_live
        self._backchannels_due += live.provider.agent_backchannel_sensitivity or 0.0 if live else 0
        if self._backchannels_due >= 1 and (text := self._allowed(BACKCHANNELS)):
            self._backchannels_due -= 1
            yield from self._replies.say_alone(text, now, "backchannel")

    def fill(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Say a filler while a function call takes long, where the function wants it."""
        if self._conversation.agent.think_live is None or not turn.is_confirmed:
            return
        for one in turn.pending:
            if turn.reply.playback.is_over(now) and _is_filler_due(turn, one, now):
                one.fillers += 1
                yield from self._replies.add(turn, self._allowed(FILLERS), now, "filler")

    def check_presence(self, now: float) -> Iterator[Step]:
        """Ask whether the user is there after a long silence."""
        conversation = self._conversation
        live = conversation.agent.think_live
        most = live.provider.presence_check_max_count if live is not None else None
        if live is None or not most or conversation.is_user_speaking:
            return
        interval = (live.provider.presence_check_interval_ms or 10_000) / 1000
        if not conversation.presence_checks:
            interval = max(interval, LEAST_PRESENCE_SECONDS)
        if conversation.presence_checks < most and now - conversation.idle_since >= interval:
            conversation.presence_checks += 1
            if text := self._allowed(PRESENCE_CHECKS):
                yield from self._replies.say_alone(text, now, "presence_check")

    def _allowed(self, texts: Sequence[str]) -> str:
        """Return the first text without a restricted term; "" when each has one."""
        live = self._conversation.agent.think_live
        terms = (live.provider.restricted_terms if live is not None else None) or ()
        return next((text for text in texts if not any(_has(text, one) for one in terms)), "")


def _has(text: str, term: str) -> bool:
    """Return whether ``text`` has the words of ``term`` in a row."""
    wanted, words = _words(term), _words(text)
    size = len(wanted)
    return bool(size) and any(words[at : at + size] == wanted for at in range(len(words)))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _is_filler_due(turn: Exchange, one: Pending, now: float) -> bool:
    function = one.function
    if function is None or one.asked_at is None or one.response is not None:
        return False
    initial = 1 if function.initial_agent_filler else 0
    if initial and not one.fillers and not turn.reply.sentences:
        return True
    most = initial + (function.agent_filler_max_count or 0)
    interval = (function.agent_filler_interval_ms or 5_000) / 1000
    is_due = now - one.asked_at >= interval * (one.fillers + 1 - initial)
    return 0 < initial <= one.fillers < most and is_due
