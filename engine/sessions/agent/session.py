"""Session of ``/v1/agent/converse``: messages and events in, actions out.

No I/O and no clock: the time in seconds is an argument. A session says what to do (``Think``,
``Say``, ``Run``, ...) and is told what became of it. The agent responds to a turn as soon as it has
probably ended; the reply is held back until it is certain, and while a sound of the user may be an
interruption. Source: docs/contract.md, 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine.sessions.agent.conversation import Conversation, Phase
from engine.sessions.agent.functioncalls import FunctionCalls
from engine.sessions.agent.injections import Injections
from engine.sessions.agent.latencies import warn_of_slowness
from engine.sessions.agent.modelrequests import ModelRequests
from engine.sessions.agent.modelresponses import ModelResponses
from engine.sessions.agent.replies import Replies
from engine.sessions.agent.settings import InvalidSettings, ThinkRules
from engine.sessions.agent.steps import Close, Step, Tell, error, warning
from engine.sessions.agent.thinklive import ThinkLive
from engine.sessions.agent.thoughts import Part
from engine.sessions.agent.updates import Updates
from engine.sessions.agent.userturns import UserTurns
from engine.sessions.turns import Event
from engine.wire import agent_messages as wire
from engine.wire.reading import Invalid, read_message

LONGEST_SECONDS = 2 * 3600.0
WARNING_SECONDS = 115 * 60.0
SILENCE_SECONDS = 12.0  # without a message or a frame of the client
RECOGNITION_SECONDS = 30.0  # until the words of a segment, which takes less than one


class AgentSession:
    """One conversation. ``mood`` returns the sentiment of a text, -1 to 1."""

    def __init__(
        self,
        request_id: str,
        now: float,
        call_ids: Iterator[str],
        mood: Callable[[str], float] = lambda text: 0.0,
        rules: ThinkRules | None = None,
    ) -> None:
        self._request_id = request_id
        self._started = now
        self._is_warned = False  # of the end of the session
        self._conversation = conversation = Conversation(now)
        self._updates = Updates(conversation, rules or ThinkRules())
        requests = ModelRequests(conversation)
        self._calls = FunctionCalls(conversation, requests, call_ids)
        self._replies = Replies(conversation, self._calls)
        self._responses = ModelResponses(conversation, requests, self._calls, self._replies)
        self._live = ThinkLive(conversation, self._replies, mood)
        self._turns = UserTurns(conversation, requests, self._calls, self._replies, self._live)
        self._injections = Injections(conversation, self._replies, self._turns)

    @property
    def is_listening(self) -> bool:
        """Return whether audio of the user is listened to."""
        return self._conversation.phase is Phase.OPEN

    @property
    def is_responding(self) -> bool:
        """Return whether the agent thinks or speaks, or a function call is waited for."""
        return self._conversation.turn is not None

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that models have read and written for turns that have ended."""
        return self._conversation.tokens_in, self._conversation.tokens_out

    @property
    def characters(self) -> int:
        """Characters of the sentences that were said."""
        return self._conversation.characters

    @property
    def first_think(self) -> wire.Think:
        """The provider that is asked first."""
        return self._conversation.thinks[0]

    # The client.

    def start(self) -> list[Step]:
        return [Tell(wire.Welcome(request_id=self._request_id))]

    def read(self, given: Mapping[str, Any], now: float) -> list[Step]:
        """One JSON message."""
        return self._once(self._read(given, now))

    def misread(self, problem: str) -> list[Step]:
        """A text frame that is no JSON object."""
        return self._once(iter([error("UNPARSABLE_CLIENT_MESSAGE", problem)]))

    def loaded(self, config: Mapping[str, Any] | None) -> list[Step]:
        """Take the stored configuration of a ``Load``; None where there is none."""
        return self._once(self._loaded(config))

    def applied(self, now: float) -> list[Step]:
        """Listening and the voice of an ``Apply`` are ready."""
        return self._once(self._applied(now))

    def voices_replaced(self, voices: tuple[wire.Speak, ...]) -> list[Step]:
        """The voices of an ``UpdateSpeak`` can be used."""
        return self._once(self._updates.replace_voices(voices))

    def rejected(self, code: wire.ErrorCode, description: str, close: int = 1008) -> list[Step]:
        """Settings cannot be applied, or the session cannot continue."""
        return self._once(self._end(code, description, close))

    def recognition_failed(self) -> list[Step]:
        """The user's audio can no longer be recognised."""
        return self._once(self._end("ASR_CONNECTION_CLOSED", "Recognition failed.", 1011))

    def wait_for_words(self, seconds: float) -> list[Step]:
        """Words have been awaited for so long."""
        if seconds < RECOGNITION_SECONDS:
            return []
        problem = f"Recognition has returned no words for {RECOGNITION_SECONDS:g} s."
        return self._once(self._end("ASR_DRIVER_TIMEOUT", problem, 1011))

    def fall_silent(self) -> list[Step]:
        problem = f"No message was received for {SILENCE_SECONDS:g} seconds."
        return self._once(self._end("CLIENT_MESSAGE_TIMEOUT", problem, 1011))

    def tick(self, now: float) -> list[Step]:
        """Time has passed: to be called several times a second."""
        return self._once(self._tick(now))

    # The user.

    def hear_voice(self, seconds: float, now: float) -> list[Step]:
        """The user's audio ends with a voice of so many seconds, which may be no words."""
        return self._once(self._turns.hear_voice(seconds, now))

    def hear_quiet(self, now: float) -> list[Step]:
        """There is no voice, and the voice before it held no words."""
        return self._once(self._turns.hear_quiet(now))

    def hear_turn(
        self,
        event: Event,
        text: str,
        now: float,
        speech_end: float | None = None,
        languages: Sequence[str] = (),
        confidence: float = 1.0,
    ) -> list[Step]:
        """An event of the user's turn with its words so far; ``speech_end`` is a time.

        ``confidence`` is the mean of the words, 0 to 1.
        """
        steps = self._turns.hear_turn(event, text, now, speech_end or now, languages, confidence)
        return self._once(steps)

    # The language model and the functions.

    def thought(self, number: int, part: Part, now: float) -> list[Step]:
        """A part of the response to a ``Think``."""
        turn = self._conversation.turn
        if turn is None or turn.thought != number:
            return []
        return self._once(self._responses.take(turn, part, now))

    def think_failed(self, number: int, reason: str, now: float) -> list[Step]:
        turn = self._conversation.turn
        if turn is None or turn.thought != number:
            return []
        return self._once(self._responses.fail(turn, reason, now))

    def called(self, call_id: str, content: str, now: float, problem: str = "") -> list[Step]:
        """A ``Run`` has this result, or failed with ``problem``."""
        return self._once(self._calls.finish(call_id, content, problem, now))

    # The voice.

    def made(self, number: int, seconds: float, now: float, *, is_last: bool) -> list[Step]:
        """So much more audio of a sentence was made."""
        if (turn := self._conversation.turn) is not None:
            self._replies.made(turn, number, seconds, now, is_last)
        return []

    def sent(self, seconds: float, now: float) -> list[Step]:
        """So much more audio is on its way to the client."""
        turn = self._conversation.turn
        return [] if turn is None else self._once(self._replies.sent(turn, seconds, now))

    def all_sent(self, now: float) -> list[Step]:
        """All audio of a finished reply was sent."""
        turn = self._conversation.turn
        return [] if turn is None else self._once(self._replies.all_sent(turn))

    def speak_failed(self, number: int, now: float) -> list[Step]:
        """The audio of a sentence could not be made."""
        turn = self._conversation.turn
        return [] if turn is None else self._once(self._replies.fail(turn, number, now))

    # Dispatch.

    def _once(self, steps: Iterator[Step]) -> list[Step]:
        return [] if self._conversation.phase is Phase.OVER else list(steps)

    def _read(self, given: Mapping[str, Any], now: float) -> Iterator[Step]:
        kind = given.get("type")
        is_waiting = self._conversation.phase is Phase.WAITING
        if is_waiting and kind != "Settings":
            problem = f"{kind!r:.60} came before Settings, and was ignored."
            yield error("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", problem)
            return
        if not is_waiting and kind == "Settings":
            yield error("SETTINGS_ALREADY_APPLIED", "Settings can be sent once.")
            return
        try:
            message = read_message(wire.ClientMessage, given)
            yield from self._obey(message, kind, now)
        except Invalid as invalid:
            yield error("UNPARSABLE_CLIENT_MESSAGE", f"{invalid}.")
        except InvalidSettings as invalid:
            if self._conversation.phase is Phase.WAITING and invalid.code == "INVALID_SETTINGS":
                yield from self._end(invalid.code, str(invalid), 1008)
            else:
                yield error(invalid.code, str(invalid))

    def _obey(self, message: Any, kind: Any, now: float) -> Iterator[Step]:
        match message:
            case wire.Settings():
                yield from self._updates.configure(message)
            case wire.KeepAlive():
                pass
            case wire.InjectUserMessage(content=content):
                yield from self._injections.inject_user(content, now)
            case wire.InjectAgentMessage():
                yield from self._injections.inject_agent(message, now)
            case wire.FunctionCallResponse():
                yield from self._calls.respond(message, now)
            case wire.ForceEndTurn():
                yield from self._updates.force_end()
            case wire.CustomToThinkProvider(content=content):
                self._conversation.custom = content
            case None:
                problem = f"There is no message of type {kind!r:.60}."
                yield error("UNPARSABLE_CLIENT_MESSAGE", problem)
            case _:
                yield from self._updates.update(message)

    def _loaded(self, config: Mapping[str, Any] | None) -> Iterator[Step]:
        if config is None:
            problem = "There is no agent configuration with this id."
            yield from self._end("INVALID_AGENT_ID", problem, 1008)
            return
        try:
            yield from self._updates.use_stored(config)
        except (Invalid, InvalidSettings) as invalid:
            problem = f"The stored configuration is not valid: {invalid}."
            yield from self._end("INVALID_SETTINGS", problem, 1008)

    def _applied(self, now: float) -> Iterator[Step]:
        conversation = self._conversation
        conversation.phase = Phase.OPEN
        conversation.idle_since = now
        yield Tell(wire.SettingsApplied())
        if greeting := conversation.agent.greeting.strip():
            yield from self._replies.say_alone(greeting, now)

    def _end(self, code: wire.ErrorCode, description: str, close: int) -> Iterator[Step]:
        if self._conversation.turn is not None:
            yield from self._replies.abandon(self._conversation.turn)
        self._conversation.phase = Phase.OVER
        yield error(code, description)
        yield Close(close, code)

    def _tick(self, now: float) -> Iterator[Step]:
        age = now - self._started
        if age >= LONGEST_SECONDS:
            problem = "A session lasts two hours at most."
            yield from self._end("MAXIMUM_SESSION_LENGTH_REACHED", problem, 1011)
            return
        if age >= WARNING_SECONDS and not self._is_warned:
            self._is_warned = True
            problem = "The session ends in five minutes."
            yield warning("MAXIMUM_SESSION_LENGTH_APPROACHING", problem)
        yield from self._turns.tick(now)
        conversation = self._conversation
        if (turn := conversation.turn) is not None:
            yield from warn_of_slowness(turn, now)
            yield from self._calls.tick(turn, now)
            yield from self._live.fill(turn, now)
            yield from self._replies.tick(turn, now)
        elif conversation.phase is Phase.OPEN:
            yield from self._injections.tick(now)
            if conversation.turn is None:
                yield from self._live.check_presence(now)
