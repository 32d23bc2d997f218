"""Turns of the user: when the agent responds, falls silent, resumes, or is interrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.exchanges import Exchange
from engine.sessions.agent.functioncalls import FunctionCalls
from engine.sessions.agent.interruptions import (
    BACKCHANNEL_LEAST_REST_SECONDS,
    SUSTAINED_SECONDS,
    WORDLESS_SECONDS,
    Meaning,
    is_long,
    is_same,
    meaning_of,
)
from engine.sessions.agent.modelrequests import ModelRequests
from engine.sessions.agent.replies import Replies
from engine.sessions.agent.steps import Hold, Step, Tell, text_of
from engine.sessions.agent.thinklive import ThinkLive
from engine.sessions.turns import Event
from engine.wire import agent_messages as wire


class UserTurns:
    def __init__(
        self,
        conversation: Conversation,
        requests: ModelRequests,
        calls: FunctionCalls,
        replies: Replies,
        live: ThinkLive,
    ) -> None:
        self._conversation = conversation
        self._requests = requests
        self._calls = calls
        self._replies = replies
        self._live = live
        self._has_echo = False  # of the agent in the user's audio
        self._has_noise = False  # a voice without words, such as music
        self._confidence = 1.0  # of the newest words
        self._voice_seconds = 0.0  # the longest voice of the turn

    # Sounds.

    def hear_voice(self, seconds: float, now: float) -> Iterator[Step]:
        """Fall silent: a sound of the user may be an interruption."""
        self._voice_seconds = max(self._voice_seconds, seconds)
        if seconds < SUSTAINED_SECONDS or self._has_echo or self._has_noise:
            return  # after an echo or a noise only words are an interruption
        yield from self._fall_silent(now)

    def _fall_silent(self, now: float) -> Iterator[Step]:
        conversation = self._conversation
        turn = conversation.turn
        if conversation.suspended_at is not None:
            return
        if turn is None or not turn.reply.is_released or turn.reply.is_over(now):
            return
        if turn.is_backchannel:
            return
        conversation.suspended_at = now
        turn.reply.is_released = False
        turn.reply.playback.drop(now)
        turn.reply.is_sent = False
        yield from self._tell_start()
        yield Hold()

    def hear_quiet(self, now: float) -> Iterator[Step]:
        self._has_noise = False
        if not self._conversation.is_user_speaking:
            self._voice_seconds = 0.0
            yield from self._resume(now)

    def tick(self, now: float) -> Iterator[Step]:
        """Resume when a sound goes on for too long without words."""
        conversation = self._conversation
        if conversation.suspended_at is None or conversation.is_user_speaking:
            return
        if now - conversation.suspended_at >= WORDLESS_SECONDS:
            self._has_noise = True
            yield from self._resume(now)

    # Words.

    def hear_turn(
        self,
        event: Event,
        text: str,
        now: float,
        speech_end: float,
        languages: Sequence[str],
        confidence: float,
    ) -> Iterator[Step]:
        conversation = self._conversation
        self._confidence = confidence
        if event in (Event.EAGER, Event.END):
            yield from self._end_backchannel(now)
        turn = conversation.turn
        match event:
            case Event.START | Event.UPDATE:
                yield from self._hear_words(text, now, is_start=event is Event.START)
            case Event.EAGER:
                if turn is None:
                    yield from self.begin(text, now, speech_end, is_confirmed=False)
            case Event.RESUMED:
                if turn is not None and not turn.is_confirmed:
                    yield from self._replies.cut(now)
                if conversation.turn is None:
                    yield from self._live.acknowledge(now)
            case Event.END:
                conversation.is_user_speaking = False
                conversation.idle_since = now
                yield from self._hear_end(text, now, speech_end, languages)
                self._voice_seconds = 0.0
                conversation.is_start_told = False

    def begin(
        self,
        text: str,
        now: float,
        speech_end: float,
        *,
        is_confirmed: bool,
        is_ours: bool = False,
        languages: Sequence[str] = (),
    ) -> Iterator[Step]:
        """Respond to a turn of the user, or to a request of our own."""
        conversation = self._conversation
        said = wire.History(role="user", content=text)
        context = [*conversation.history, said]
        turn = conversation.begin(text, is_confirmed=is_confirmed, context=context)
        turn.clocks.speech_end, turn.clocks.words = speech_end, now
        if is_confirmed and not is_ours:
            yield from self._tell_user(turn, languages)
        yield from self._requests.think(turn, now)

    def _hear_words(self, text: str, now: float, *, is_start: bool) -> Iterator[Step]:
        conversation = self._conversation
        turn = conversation.turn
        if is_start:
            conversation.is_user_speaking = True
            conversation.presence_checks = 0
        if turn is None:
            if is_start:
                yield from self._tell_start()
        elif turn.is_confirmed and conversation.is_user_speaking and not turn.is_backchannel:
            meaning = self._meaning(turn, text, now)
            if meaning is Meaning.INTERRUPTION and is_long(text):
                yield from self._tell_start()
                yield from self._replies.cut(now)
            elif meaning is Meaning.INTERRUPTION:
                yield from self._fall_silent(now)
            elif meaning is Meaning.ECHO and conversation.suspended_at is not None:
                yield from self._resume(now)

    def _hear_end(
        self, text: str, now: float, speech_end: float, languages: Sequence[str]
    ) -> Iterator[Step]:
        turn = self._conversation.turn
        if turn is not None and turn.is_confirmed:
            meaning = self._meaning(turn, text, now)
            if meaning is Meaning.BACKCHANNEL:
                yield text_of("user", text, "backchannel", languages)
                yield from self._conversation.record(wire.History(role="user", content=text))
            if meaning is not Meaning.INTERRUPTION:
                yield from self._resume(now)
                return
            yield from self._tell_start()
            yield from self._replies.cut(now)
            turn = None
        if turn is not None and text.strip() and is_same(turn.text, text):
            turn.text = text
            yield from self._confirm(turn, now, languages)
            return
        if turn is not None:
            yield from self._replies.cut(now)
        if text.strip():
            yield from self.begin(text, now, speech_end, is_confirmed=True, languages=languages)

    def _end_backchannel(self, now: float) -> Iterator[Step]:
        turn = self._conversation.turn
        if turn is not None and turn.is_backchannel:
            yield from self._replies.cut(now)

    def _confirm(self, turn: Exchange, now: float, languages: Sequence[str]) -> Iterator[Step]:
        """The turn that had probably ended has ended: say what was prepared."""
        turn.clocks.words = now
        yield from self._tell_user(turn, languages)
        yield from self._conversation.confirm(turn)
        yield from self._calls.dispatch(turn, now)
        yield from self._replies.release(turn, now)
        self._replies.close_if_empty(turn)

    def _tell_user(self, turn: Exchange, languages: Sequence[str]) -> Iterator[Step]:
        yield text_of("user", turn.text, "default", languages)
        yield from self._conversation.record(wire.History(role="user", content=turn.text))
        yield from self._live.feel(turn.text)

    def _meaning(self, turn: Exchange, text: str, now: float) -> Meaning:
        """Return what the user's words mean while the agent speaks or is about to."""
        meaning = meaning_of(text, turn.reply.text, self._confidence, self._voice_seconds)
        if meaning is Meaning.ECHO:
            self._has_echo = True
        is_near_end = turn.reply.is_written and (
            turn.reply.rest_seconds(now) < BACKCHANNEL_LEAST_REST_SECONDS
        )
        if meaning in (Meaning.BACKCHANNEL, Meaning.UNCLEAR) and is_near_end:
            return Meaning.INTERRUPTION
        return meaning

    def _tell_start(self) -> Iterator[Step]:
        if not self._conversation.is_start_told:
            self._conversation.is_start_told = True
            yield Tell(wire.UserStartedSpeaking())

    def _resume(self, now: float) -> Iterator[Step]:
        """Continue where the reply fell silent: that was no interruption."""
        conversation = self._conversation
        if not conversation.is_user_speaking:
            # Also after a reply that ended in the pause: the next interruption must be told.
            conversation.is_start_told = False
        if conversation.suspended_at is None:
            return
        conversation.suspended_at = None
        if conversation.turn is not None:
            yield from self._replies.release(conversation.turn, now)
