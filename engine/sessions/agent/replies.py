"""Replies of the agent: sentences to say, their release, and the end of a reply."""

from __future__ import annotations

from collections.abc import Iterator

from engine.sessions.agent import latencies
from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.exchanges import Exchange
from engine.sessions.agent.functioncalls import FunctionCalls
from engine.sessions.agent.playback import Sentence
from engine.sessions.agent.steps import (
    Finish,
    Release,
    Respeak,
    Say,
    Silence,
    Step,
    StopThinking,
    Tell,
    error,
    text_of,
    warning,
)
from engine.wire import agent_messages as wire


class Replies:
    def __init__(self, conversation: Conversation, calls: FunctionCalls) -> None:
        self._conversation = conversation
        self._calls = calls

    # The text.

    def say_alone(
        self, text: str, now: float, behavior: wire.Behavior = "default"
    ) -> Iterator[Step]:
        """Say a text that the model has not written."""
        turn = self._conversation.begin("", is_confirmed=True, context=[])
        turn.clocks.is_reported = True
        yield from self.add(turn, text, now, behavior)
        yield from self.finish(turn)

    def add(
        self, turn: Exchange, text: str, now: float, behavior: wire.Behavior = "default"
    ) -> Iterator[Step]:
        """Say one more sentence."""
        if not text.strip():
            return
        number = len(turn.reply.sentences)
        sentence = Sentence(text.strip(), behavior)
        turn.reply.sentences.append(sentence)
        turn.clocks.say = turn.clocks.say or now
        yield Say(number, sentence.spoken)
        yield from self.release(turn, now)

    def finish(self, turn: Exchange) -> Iterator[Step]:
        """No more is said in this turn."""
        turn.reply.is_written = True
        if turn.reply.sentences:
            yield Finish()
        self.close_if_empty(turn)

    def close_if_empty(self, turn: Exchange) -> None:
        reply = turn.reply
        if reply.is_written and not reply.sentences and turn.is_confirmed:
            self._conversation.turn = None

    # The audio.

    def release(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Say what there is, unless the user may still be speaking."""
        is_suspended = self._conversation.suspended_at is not None
        if not turn.is_confirmed or is_suspended or not turn.reply.sentences:
            return
        for sentence in turn.reply.sentences:
            if not sentence.is_told:
                sentence.is_told = True
                self._conversation.characters += len(sentence.spoken)
                yield text_of("assistant", sentence.text, sentence.behavior)
        if not turn.reply.is_released:
            turn.reply.is_released = True
            self._conversation.is_start_told = False  # a client drops only what it has by then
            yield Release(turn.reply.playback.position(now))

    def made(self, turn: Exchange, number: int, seconds: float, now: float, is_last: bool) -> None:
        """So much more audio of a sentence was made."""
        if number < len(turn.reply.sentences):
            turn.reply.made(number, seconds)
            turn.reply.sentences[number].is_made |= is_last
            if seconds and turn.clocks.audio is None:
                turn.clocks.audio = now

    def sent(self, turn: Exchange, seconds: float, now: float) -> Iterator[Step]:
        """So much more audio is on its way to the client."""
        turn.reply.playback.send(seconds, now)
        is_experimental = self._conversation.is_experimental
        yield from latencies.report(turn.clocks, now, is_experimental=is_experimental)

    def all_sent(self, turn: Exchange) -> Iterator[Step]:
        """All audio of a finished reply was sent."""
        if not turn.reply.is_sent:
            turn.reply.is_sent = True
            yield Tell(wire.AgentAudioDone())

    def fail(self, turn: Exchange, number: int, now: float) -> Iterator[Step]:
        """The audio of a sentence could not be made: try the next voice."""
        conversation = self._conversation
        if conversation.voice + 1 < len(conversation.voices):
            conversation.voice += 1
            yield warning("SPEAK_REQUEST_FAILED", "The voice failed; trying the next one.")
            yield Respeak(conversation.voices[conversation.voice :], is_update=False)
            for place, sentence in enumerate(turn.reply.sentences[number:], number):
                yield Say(place, sentence.spoken)
            if turn.reply.is_written:
                yield Finish()
            return
        yield error("FAILED_TO_SPEAK", "The audio of the reply could not be made.")
        yield from self._end_at(turn, number, now)

    def _end_at(self, turn: Exchange, number: int, now: float) -> Iterator[Step]:
        """End the reply with what was made of a sentence: the client plays it to its end."""
        sentences = turn.reply.sentences
        if sentences[number:] and sentences[number].seconds:
            last = sentences[number]
            last.text, last.is_made = last.heard(last.end), True
            number += 1
        del sentences[number:]
        if not sentences:
            yield from self.cut(now)
            return
        yield from self._stop_thinking(turn)
        yield from self.finish(turn)

    # The end.

    def tick(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Record the sentences that were played, and end the turn after the last one."""
        position = turn.reply.playback.position(now)
        for sentence in turn.reply.sentences:
            if sentence.is_made and sentence.end <= position and turn.reply.is_released:
                yield from self._record_heard(sentence, sentence.text)
        if self._conversation.turn is turn and turn.reply.is_over(now):
            for sentence in turn.reply.sentences:
                yield from self._record_heard(sentence, sentence.text)
            self._conversation.turn = None
            self._conversation.idle_since = now

    def cut(self, now: float) -> Iterator[Step]:
        """End the reply where the user has heard it."""
        turn = self._conversation.turn
        if turn is None:
            return
        position = turn.reply.playback.position(now)
        yield from self.abandon(turn)
        if turn.is_confirmed:
            for sentence in turn.reply.sentences:
                yield from self._record_heard(sentence, sentence.heard(position))

    def abandon(self, turn: Exchange) -> Iterator[Step]:
        """Stop everything that is under way for ``turn``."""
        self._conversation.end_turn()
        yield from self._stop_thinking(turn)
        yield Silence()

    def _stop_thinking(self, turn: Exchange) -> Iterator[Step]:
        """Stop the request to the model and the function calls."""
        if turn.thought is not None:
            turn.thought = None
            yield StopThinking()
        yield from self._calls.cancel(turn)

    def _record_heard(self, sentence: Sentence, heard: str) -> Iterator[Step]:
        if not sentence.is_recorded and heard and sentence.behavior != "backchannel":
            sentence.is_recorded = True
            yield from self._conversation.record(wire.History(role="assistant", content=heard))
