"""Session of ``/v1/agent/converse``: listen, think, speak. Messages and events in, actions out.

No I/O and no clock: the time in seconds is an argument. A session says what to do (``Think``,
``Say``, ``Run``, ...) and is told what became of it. The user's turn is answered as soon as it has
probably ended; the reply is held back until it is certain, and while a sound of the user may be an
interruption. Source: docs/contract.md, 13.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from engine.sessions import agentsettings as configured
from engine.sessions.agentsettings import InvalidSettings
from engine.sessions.agentsteps import (
    Apply,
    Close,
    EndTurn,
    Finish,
    Hold,
    Load,
    Release,
    Relisten,
    Respeak,
    Run,
    Say,
    Silence,
    Step,
    StopRunning,
    StopThinking,
    Tell,
    Think,
)
from engine.sessions.exchanges import Exchange, Pending
from engine.sessions.interruptions import (
    BACKCHANNEL_LEAST_REST_SECONDS,
    SUSTAINED_SECONDS,
    WORDLESS_SECONDS,
    Meaning,
    meaning_of,
)
from engine.sessions.playback import Sentence
from engine.sessions.thoughts import (
    Call,
    Custom,
    Done,
    Part,
    Reasoning,
    Text,
    Thought,
    Tokens,
    latest,
    length,
)
from engine.sessions.turns import Event
from engine.speech.synthesis.clauses import first_clause_end, sentence_ends
from engine.wire import agent_messages as wire
from engine.wire.reading import Invalid, read_message
from engine.wire.shapes import UNSET

LONGEST_SECONDS = 2 * 3600.0
WARNING_SECONDS = 115 * 60.0
SILENCE_SECONDS = 12.0  # without a message or a frame of the client
SLOW_SECONDS = 5.0  # until the first token, or the first audio, then a Warning, repeatedly
CALL_SECONDS = 60.0  # that a function call may take
MOST_ROUNDS = 8  # of function calls in one turn
MOST_CALLS = 32  # in one response of the model
MOST_QUEUED = 20  # injected messages
MOST_CONVERSATION = 100_000  # characters that are kept and sent to the model
MOST_REPLY = 20_000  # characters that are said in one turn
PRESENCE_CHECK = "Are you still there?"
FILLER = "One moment, please."
DYNAMIC = "(Say something that continues the conversation: the user has said nothing new.)"
FRUSTRATED = -0.5  # sentiment, -1 to 1


class AgentSession:
    """One conversation. ``mood`` returns the sentiment of a text, -1 to 1."""

    def __init__(
        self,
        request_id: str,
        now: float,
        call_ids: Iterator[str],
        mood: Callable[[str], float] = lambda text: 0.0,
    ) -> None:
        self._request_id = request_id
        self._started = now
        self._call_ids = call_ids
        self._mood = mood
        self._phase = "waiting"  # for Settings; then "applying", "open", "over"
        self._settings: wire.Settings | None = None
        self._agent = wire.Agent()
        self._thinks: tuple[wire.Think, ...] = ()
        self._voices: tuple[wire.Speak, ...] = ()
        self._voice = 0
        self._prompt = ""
        self._custom: Any = None
        self._history: deque[wire.History] = deque()
        self._history_characters = 0
        self._turn: Exchange | None = None
        self._queued: deque[str] = deque()
        self._cancelled: deque[str] = deque(maxlen=100)  # ids of calls
        self._numbers = 0
        self._is_user_speaking = False
        self._is_start_told = False
        self._suspended_at: float | None = None
        self._has_echo = False  # of the agent in the user's audio
        self._has_noise = False  # a voice without words, such as music
        self._is_warned = False  # of the end of the session
        self._idle_since = now
        self._presence_checks = 0
        self._frustrations = 0
        self.tokens_in = self.tokens_out = 0

    # The client.

    def start(self) -> list[Step]:
        return [Tell(wire.Welcome(request_id=self._request_id))]

    def read(self, given: Mapping[str, Any], now: float) -> list[Step]:
        """One JSON message."""
        return self._once(self._read(given, now))

    def misread(self, problem: str) -> list[Step]:
        """A text frame that is no JSON object."""
        return self._once(_error("UNPARSABLE_CLIENT_MESSAGE", problem))

    @property
    def is_listening(self) -> bool:
        """Return whether audio of the user is listened to."""
        return self._phase == "open"

    @property
    def is_responding(self) -> bool:
        """Return whether the agent thinks or speaks, or a function call is waited for."""
        return self._turn is not None

    def model_name(self, name: Callable[[wire.Think], str]) -> str:
        """Return the name of the model that thinks first, by ``name`` of its settings."""
        return name(self._thinks[0])

    def loaded(self, config: Mapping[str, Any] | None) -> list[Step]:
        """Take the stored configuration of a ``Load``; None where there is none."""
        return self._once(self._loaded(config))

    def applied(self, now: float) -> list[Step]:
        """Listening and the voice of an ``Apply`` are ready."""
        return self._once(self._applied(now))

    def rejected(self, code: str, description: str, close: int = 1008) -> list[Step]:
        """Settings cannot be applied, or the session cannot continue."""
        return self._once(self._end(code, description, close))

    def fall_silent(self) -> list[Step]:
        problem = f"No message was received for {SILENCE_SECONDS:g} seconds."
        return self._once(self._end("CLIENT_MESSAGE_TIMEOUT", problem, 1011))

    def tick(self, now: float) -> list[Step]:
        """Time has passed: to be called several times a second."""
        return self._once(self._tick(now))

    # The user.

    def hear_voice(self, seconds: float, now: float) -> list[Step]:
        """The user's audio ends with a voice of so many seconds, which may be no words."""
        if seconds < SUSTAINED_SECONDS or self._suspended_at is not None:
            return []
        if self._has_echo or self._has_noise:
            return []  # then only words are an interruption
        return self._once(self._suspend(now))

    def hear_quiet(self, now: float) -> list[Step]:
        """There is no voice, and the voice before it held no words."""
        self._has_noise = False
        if self._is_user_speaking:
            return []
        return self._once(self._resume(now))

    def hear_turn(
        self,
        event: Event,
        text: str,
        now: float,
        speech_end: float | None = None,
        languages: Sequence[str] = (),
    ) -> list[Step]:
        """An event of the user's turn with its words so far; ``speech_end`` is a time."""
        return self._once(self._hear_turn(event, text, now, speech_end or now, languages))

    # The language model.

    def thought(self, number: int, part: Part, now: float) -> list[Step]:
        """A part of the response to a ``Think``."""
        turn = self._turn
        if turn is None or turn.thought != number:
            return []
        return self._once(self._take(turn, part, now))

    def think_failed(self, number: int, reason: str, now: float) -> list[Step]:
        turn = self._turn
        if turn is None or turn.thought != number:
            return []
        return self._once(self._fail_thinking(turn, reason, now))

    def called(self, call_id: str, content: str, now: float, problem: str = "") -> list[Step]:
        """A ``Run`` has this result, or failed with ``problem``."""
        return self._once(self._called(call_id, content, problem, now))

    # The voice.

    def made(self, number: int, seconds: float, now: float, *, is_last: bool) -> list[Step]:
        """So much more audio of a sentence was made."""
        turn = self._turn
        if turn is not None and number < len(turn.reply.sentences):
            turn.reply.made(number, seconds)
            turn.reply.sentences[number].is_made |= is_last
            if seconds and turn.clocks.audio is None:
                turn.clocks.audio = now
        return []

    def sent(self, seconds: float, now: float) -> list[Step]:
        """So much more audio is on its way to the client."""
        if self._turn is None:
            return []
        self._turn.reply.playback.send(seconds, now)
        return self._once(self._report(self._turn, now))

    def all_sent(self, now: float) -> list[Step]:
        """All audio of a finished reply was sent."""
        turn = self._turn
        if turn is None or turn.reply.is_sent:
            return []
        turn.reply.is_sent = True
        return self._once(iter([Tell(wire.AgentAudioDone())]))

    def speak_failed(self, number: int, now: float) -> list[Step]:
        """The audio of a sentence could not be made."""
        return self._once(self._fail_speaking(number, now))

    # Settings.

    def _once(self, steps: Iterator[Step]) -> list[Step]:
        return [] if self._phase == "over" else list(steps)

    def _read(self, given: Mapping[str, Any], now: float) -> Iterator[Step]:
        kind = given.get("type")
        if self._phase == "waiting" and kind != "Settings":
            problem = f"{kind!r:.60} came before Settings, and was ignored."
            yield from _error("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", problem)
            return
        if self._phase != "waiting" and kind == "Settings":
            yield from _error("SETTINGS_ALREADY_APPLIED", "Settings can be sent once.")
            return
        try:
            message = read_message(wire.ClientMessage, given)
            yield from self._obey(message, kind, now)
        except Invalid as error:
            yield from _error("UNPARSABLE_CLIENT_MESSAGE", f"{error}.")
        except InvalidSettings as error:
            if self._phase == "waiting" and error.code == "INVALID_SETTINGS":
                yield from self._end(error.code, str(error), 1008)
            else:
                yield from _error(error.code, str(error))

    def _obey(self, message: Any, kind: Any, now: float) -> Iterator[Step]:
        match message:
            case wire.Settings():
                yield from self._configure(message)
            case wire.KeepAlive():
                pass
            case wire.UpdateListen(listen=listen):
                self._agent = configured.with_listen(self._agent, listen)
                yield Relisten(self._agent.listen.provider)
                yield Tell(wire.ListenUpdated())
            case wire.UpdateThink(think=think):
                yield from self._set_thinks(configured.check_thinks(think, self._agent))
                yield Tell(wire.ThinkUpdated())
            case wire.UpdateSpeak(speak=speak):
                yield Respeak(configured.check_voices(speak))
            case wire.UpdatePrompt(prompt=prompt):
                yield from self._set_prompt(f"{self._prompt}\n\n{prompt}".strip())
                yield Tell(wire.PromptUpdated())
            case wire.UpdateThinkLive(think_live=live):
                self._agent = structs.replace(self._agent, think_live=live)
                yield Tell(wire.ThinkLiveUpdated())
            case wire.InjectUserMessage(content=content):
                yield from self._inject_user(content, now)
            case wire.InjectAgentMessage():
                yield from self._inject_agent(message, now)
            case wire.FunctionCallResponse():
                yield from self._respond(message, now)
            case wire.ForceEndTurn():
                yield from self._force_end()
            case wire.CustomToThinkProvider(content=content):
                self._custom = content
            case _:
                problem = f"There is no message of type {kind!r:.60}."
                yield from _error("UNPARSABLE_CLIENT_MESSAGE", problem)

    def _configure(self, settings: wire.Settings) -> Iterator[Step]:
        self._settings = settings
        if isinstance(settings.agent, str):
            self._phase = "applying"
            yield Load(settings.agent)
        else:
            yield from self._use(settings.agent)

    def _loaded(self, config: Mapping[str, Any] | None) -> Iterator[Step]:
        if config is None:
            problem = "There is no agent configuration with this id."
            yield from self._end("INVALID_AGENT_ID", problem, 1008)
            return
        try:
            yield from self._use(configured.read_agent(config))
        except (Invalid, InvalidSettings) as error:
            problem = f"The stored configuration is not valid: {error}."
            yield from self._end("INVALID_SETTINGS", problem, 1008)

    def _use(self, agent: wire.Agent) -> Iterator[Step]:
        configured.check_agent(agent)
        self._agent = agent
        voices = configured.check_voices(agent.speak)
        thinks = configured.check_thinks(agent.think, agent)
        settings = self._settings
        assert settings is not None
        self._phase = "applying"
        self._voices = voices
        yield from self._set_thinks(thinks)
        for item in agent.context.messages:
            self._keep(item)
        yield Apply(settings, agent)

    def _applied(self, now: float) -> Iterator[Step]:
        self._phase = "open"
        self._idle_since = now
        yield Tell(wire.SettingsApplied())
        if self._agent.greeting.strip():
            yield from self._say_alone(self._agent.greeting.strip(), now)

    def voices_replaced(self, voices: tuple[wire.Speak, ...]) -> list[Step]:
        """The voices of an ``UpdateSpeak`` can be used."""
        self._voices, self._voice = voices, 0
        return self._once(iter([Tell(wire.SpeakUpdated())]))

    def _set_thinks(self, thinks: tuple[wire.Think, ...]) -> Iterator[Step]:
        self._thinks = thinks
        yield from self._set_prompt(thinks[0].prompt)

    def _set_prompt(self, prompt: str) -> Iterator[Step]:
        self._prompt = prompt[: configured.MOST_PROMPT]
        if len(prompt) > configured.MOST_PROMPT:
            problem = f"The prompt was cut to {configured.MOST_PROMPT:,} characters."
            yield _warning("PROMPT_TOO_LONG", problem)

    def _force_end(self) -> Iterator[Step]:
        if self._agent.listen.provider.is_flux:
            yield EndTurn()
        else:
            problem = "ForceEndTurn is available with Flux only."
            yield _warning("FORCE_END_TURN_UNSUPPORTED", problem)

    def _end(self, code: str, description: str, close: int) -> Iterator[Step]:
        if self._turn is not None:
            yield from self._abandon(self._turn)
        self._phase = "over"
        yield from _error(code, description)
        yield Close(close, code)

    # Messages that are said or asked without a voice.

    def _inject_user(self, content: str, now: float) -> Iterator[Step]:
        if self._turn is not None:
            if self._turn.reply.is_released:
                yield Tell(wire.UserStartedSpeaking())
            yield from self._cut(now)
        yield from self._begin(content, now, now, is_confirmed=True)

    def _inject_agent(self, message: wire.InjectAgentMessage, now: float) -> Iterator[Step]:
        if problem := self._injection_problem(message, now):
            yield Tell(wire.InjectionRefused(message=problem))
            return
        if message.behavior == "interrupt":
            if self._turn is not None and self._turn.reply.is_released:
                # There is no other message at which a client drops its audio.
                yield Tell(wire.UserStartedSpeaking())
            yield from self._cut(now)
        if message.is_dynamic and not message.message:
            yield from self._begin(DYNAMIC, now, now, is_confirmed=True, is_ours=True)
        elif self._turn is not None:
            self._queued.append(message.message)
        else:
            yield from self._say_alone(message.message, now)

    def _injection_problem(self, message: wire.InjectAgentMessage, now: float) -> str:
        if not message.message and not message.is_dynamic:
            return "The message is empty."
        if message.is_dynamic and self._agent.think_live is None:
            return "is_dynamic needs agent.think_live."
        if message.behavior == "interrupt":
            return ""
        if self._is_user_speaking or self._suspended_at is not None:
            return "The user is speaking."
        if self._turn is not None and (message.behavior == "default" or message.is_dynamic):
            return "The agent is speaking."
        return "Too many messages are queued." if len(self._queued) >= MOST_QUEUED else ""

    def _say_alone(
        self, text: str, now: float, behavior: wire.Behavior = "default"
    ) -> Iterator[Step]:
        """Say a text that the model has not written."""
        turn = self._turn = Exchange("", True, [])
        turn.clocks.is_reported = True
        yield from self._add_sentence(turn, text, now, behavior)
        yield from self._finish(turn, now)

    # The user's turns.

    def _hear_turn(
        self, event: Event, text: str, now: float, speech_end: float, languages: Sequence[str]
    ) -> Iterator[Step]:
        match event:
            case Event.START | Event.UPDATE:
                yield from self._hear_words(text, now, is_start=event is Event.START)
            case Event.EAGER:
                if self._turn is None:
                    yield from self._begin(text, now, speech_end, is_confirmed=False)
            case Event.RESUMED:
                if self._turn is not None and not self._turn.is_confirmed:
                    yield from self._cut(now)
            case Event.END:
                self._is_user_speaking = self._is_start_told = False
                self._idle_since = now
                yield from self._hear_end(text, now, speech_end, languages)

    def _hear_words(self, text: str, now: float, *, is_start: bool) -> Iterator[Step]:
        if is_start:
            self._is_user_speaking = True
            self._presence_checks = 0
        if self._turn is None:
            if is_start:
                yield from self._tell_start()
        elif self._turn.is_confirmed and self._is_user_speaking:
            meaning = self._meaning(text, now)
            if meaning is Meaning.INTERRUPTION:
                yield from self._tell_start()
                yield from self._cut(now)
            elif meaning is Meaning.ECHO and self._suspended_at is not None:
                yield from self._resume(now)

    def _hear_end(
        self, text: str, now: float, speech_end: float, languages: Sequence[str]
    ) -> Iterator[Step]:
        turn = self._turn
        if turn is not None and turn.is_confirmed:
            meaning = self._meaning(text, now)
            if meaning is Meaning.BACKCHANNEL:
                yield _text("user", text, "backchannel", languages)
                yield from self._record(wire.History(role="user", content=text))
            if meaning is not Meaning.INTERRUPTION:
                yield from self._resume(now)
                return
            yield from self._tell_start()
            yield from self._cut(now)
            turn = None
        if not text.strip():
            if turn is not None:
                yield from self._cut(now)
        elif turn is not None and turn.text == text:
            yield from self._confirm(turn, now, languages)
        else:
            if turn is not None:
                yield from self._cut(now)
            yield from self._begin(text, now, speech_end, is_confirmed=True, languages=languages)

    def _meaning(self, text: str, now: float) -> Meaning:
        """Return what the user's words mean while the agent speaks or is about to."""
        turn = self._turn
        assert turn is not None
        meaning = meaning_of(text, turn.reply.text)
        if meaning is Meaning.ECHO:
            self._has_echo = True
        is_near_end = turn.reply.is_written and (
            turn.reply.rest_seconds(now) < BACKCHANNEL_LEAST_REST_SECONDS
        )
        if meaning is Meaning.BACKCHANNEL and is_near_end:
            return Meaning.INTERRUPTION
        return meaning

    def _tell_start(self) -> Iterator[Step]:
        if not self._is_start_told:
            self._is_start_told = True
            yield Tell(wire.UserStartedSpeaking())

    def _suspend(self, now: float) -> Iterator[Step]:
        """Fall silent: a sound of the user may be an interruption."""
        turn = self._turn
        if turn is None or not turn.reply.is_released or turn.reply.is_over(now):
            return
        self._suspended_at = now
        turn.reply.is_released = False
        turn.reply.playback.drop(now)
        turn.reply.is_sent = False
        yield from self._tell_start()
        yield Hold()

    def _resume(self, now: float) -> Iterator[Step]:
        """Continue where the reply fell silent: that was no interruption."""
        if self._suspended_at is None:
            return
        self._suspended_at = None
        if not self._is_user_speaking:
            self._is_start_told = False
        if self._turn is not None:
            yield from self._release(self._turn, now)

    def _begin(
        self,
        text: str,
        now: float,
        speech_end: float,
        *,
        is_confirmed: bool,
        is_ours: bool = False,
        languages: Sequence[str] = (),
    ) -> Iterator[Step]:
        """Respond to a turn of the user."""
        said = wire.History(role="user", content=text)
        turn = self._turn = Exchange(text, is_confirmed, [*self._history, said])
        turn.clocks.speech_end, turn.clocks.words = speech_end, now
        if is_confirmed and not is_ours:
            yield from self._tell_user(turn, languages)
        yield from self._think(turn, now)

    def _confirm(self, turn: Exchange, now: float, languages: Sequence[str]) -> Iterator[Step]:
        """The turn that had probably ended has ended: say what was prepared."""
        turn.is_confirmed = True
        turn.clocks.words = now
        yield from self._tell_user(turn, languages)
        yield from self._dispatch(turn, now)
        yield from self._release(turn, now)
        self._close_if_empty(turn)

    def _tell_user(self, turn: Exchange, languages: Sequence[str]) -> Iterator[Step]:
        yield _text("user", turn.text, "default", languages)
        yield from self._record(wire.History(role="user", content=turn.text))
        yield from self._feel(turn.text)

    def _feel(self, text: str) -> Iterator[Step]:
        live = self._agent.think_live
        most = live.provider.frustration_max_count if live is not None else None
        if most and self._mood(text) <= FRUSTRATED:
            self._frustrations += 1
            is_escalated = self._frustrations >= most
            yield Tell(wire.FrustrationDetected(count=self._frustrations, escalated=is_escalated))

    # Thinking.

    def _think(self, turn: Exchange, now: float) -> Iterator[Step]:
        self._numbers += 1
        turn.thought = self._numbers
        turn.buffer = turn.round_text = turn.reasoning = ""
        turn.calls = []
        turn.clocks.warned = 0
        turn.clocks.think = now
        think = self._thinks[turn.provider]
        most = think.context_length if isinstance(think.context_length, int) else MOST_CONVERSATION
        prompt = think.prompt if turn.provider and think.prompt else self._prompt
        custom, self._custom = self._custom, None
        conversation = latest(turn.context, most)
        yield Think(Thought(turn.thought, think, prompt, conversation, custom))

    def _take(self, turn: Exchange, part: Part, now: float) -> Iterator[Step]:
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
            case Tokens(read, written):
                self.tokens_in += read
                self.tokens_out += written
            case Custom(content):
                yield Tell(wire.CustomFromThinkProvider(content=content))
            case Done():
                yield from self._end_reasoning(turn)
                yield from self._end_thinking(turn, now)

    def _end_reasoning(self, turn: Exchange) -> Iterator[Step]:
        if turn.reasoning:
            yield Tell(wire.AgentThinking(content=turn.reasoning))
            turn.reasoning = ""

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
            yield from self._add_sentence(turn, text[start:end], now)
            start = end
        turn.buffer = text[start:]

    def _end_thinking(self, turn: Exchange, now: float) -> Iterator[Step]:
        turn.thought = None
        rest, turn.buffer = turn.buffer, ""
        yield from self._add_sentence(turn, rest, now)
        if turn.round_text.strip():
            said = wire.History(role="assistant", content=turn.round_text.strip())
            turn.context.append(said)
        if turn.calls and turn.rounds < MOST_ROUNDS:
            yield from self._ask_for_calls(turn, now)
            return
        if turn.calls:
            problem = f"The model called functions more than {MOST_ROUNDS} times in a turn."
            yield _warning("FUNCTION_CALL_FAILED", problem)
        yield from self._finish(turn, now)

    def _fail_thinking(self, turn: Exchange, reason: str, now: float) -> Iterator[Step]:
        has_begun = bool(turn.round_text or turn.calls)
        if turn.provider + 1 < len(self._thinks) and not has_begun:
            name = self._thinks[turn.provider].provider.model
            yield _warning("THINK_REQUEST_FAILED", f"{name}: {reason}; trying the next provider.")
            turn.provider += 1
            yield from self._think(turn, now)
            return
        yield from _error("FAILED_TO_THINK", reason)
        turn.thought = None
        turn.calls = []
        rest, turn.buffer = turn.buffer, ""
        yield from self._add_sentence(turn, rest, now)
        yield from self._finish(turn, now)

    # Function calls.

    def _ask_for_calls(self, turn: Exchange, now: float) -> Iterator[Step]:
        turn.rounds += 1
        functions = {one.name: one for one in self._thinks[turn.provider].functions}
        turn.pending = [
            Pending(call.id or next(self._call_ids), call, functions.get(call.name))
            for call in turn.calls
        ]
        for one in turn.pending:
            if one.function is None:
                problem = f"The model called {one.call.name!r:.60}, which is no function."
                yield from _error("NON_EXISTENT_FUNCTION_CALLED", problem)
                one.response = f"Error: there is no function {one.call.name[:60]!r}."
        yield from self._dispatch(turn, now)
        yield from self._continue(turn, now)

    def _dispatch(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Send the calls that may be made now: some wait until the user's turn is confirmed."""
        ready = [
            one
            for one in turn.pending
            if one.function is not None
            and one.asked_at is None
            and (turn.is_confirmed or not one.function.defer_until_eot)
        ]
        if not ready:
            return
        requested = [
            wire.RequestedCall(
                id=one.id,
                name=one.call.name,
                arguments=one.call.arguments,
                client_side=one.is_client_side,
                thought_signature=one.signature,
            )
            for one in ready
        ]
        yield Tell(wire.FunctionCallRequest(functions=requested))
        for one in ready:
            one.asked_at = now
            if one.function is not None and not one.is_client_side:
                yield Run(one.id, one.function, one.call.arguments)

    def _respond(self, message: wire.FunctionCallResponse, now: float) -> Iterator[Step]:
        """Take the result of a call that the client has made."""
        waiting = [
            one
            for one in (self._turn.pending if self._turn is not None else ())
            if one.response is None and one.is_client_side and one.asked_at is not None
        ]
        for one in waiting:
            if message.id in (one.id, UNSET, "") and message.name == one.call.name:
                one.response = message.content
                yield from self._continue(self._turn, now)
                return
        if message.id not in self._cancelled:
            problem = f"No call of {message.name!r:.60} with this id waits for a response."
            yield from _error("NON_EXISTENT_FUNCTION_CALLED", problem)

    def _called(self, call_id: str, content: str, problem: str, now: float) -> Iterator[Step]:
        for one in self._turn.pending if self._turn is not None else ():
            if one.id == call_id and one.response is None:
                if problem:
                    yield _warning("FUNCTION_CALL_FAILED", f"{one.call.name}: {problem}")
                    content = f"Error: {problem}"
                one.response = content
                response = wire.FunctionCallResponse(id=one.id, name=one.call.name, content=content)
                yield Tell(response)
                yield from self._continue(self._turn, now)
                return

    def _continue(self, turn: Exchange | None, now: float) -> Iterator[Step]:
        """Think about the results once every call has one."""
        if turn is None or turn.waits_for_calls:
            return
        calls = [
            wire.FunctionCall(
                id=one.id,
                name=one.call.name,
                client_side=one.is_client_side,
                arguments=one.call.arguments,
                response=one.response or "",
                thought_signature=one.signature,
            )
            for one in turn.pending
        ]
        turn.pending = []
        made = wire.History(function_calls=calls)
        turn.context.append(made)
        yield from self._record(made)
        yield from self._think(turn, now)

    # Speaking.

    def _add_sentence(
        self, turn: Exchange, text: str, now: float, behavior: wire.Behavior = "default"
    ) -> Iterator[Step]:
        if not text.strip():
            return
        number = len(turn.reply.sentences)
        sentence = Sentence(text.strip(), behavior)
        turn.reply.sentences.append(sentence)
        turn.clocks.say = turn.clocks.say or now
        yield Say(number, sentence.spoken)
        yield from self._release(turn, now)

    def _finish(self, turn: Exchange, now: float) -> Iterator[Step]:
        """No more is said in this turn."""
        turn.reply.is_written = True
        if turn.reply.sentences:
            yield Finish()
        self._close_if_empty(turn)

    def _close_if_empty(self, turn: Exchange) -> None:
        reply = turn.reply
        if reply.is_written and not reply.sentences and turn.is_confirmed:
            self._turn = None

    def _release(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Say what there is, unless the user may still be speaking."""
        if not turn.is_confirmed or self._suspended_at is not None or not turn.reply.sentences:
            return
        for sentence in turn.reply.sentences:
            if not sentence.is_told:
                sentence.is_told = True
                yield _text("assistant", sentence.text, sentence.behavior)
        if not turn.reply.is_released:
            turn.reply.is_released = True
            yield Release(turn.reply.playback.position(now))

    def _report(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Report the times of the turn, at its first audio."""
        clocks = turn.clocks
        if clocks.is_reported:
            return
        clocks.is_reported = True
        thinking, text = clocks.think, clocks.text
        report = wire.LatencyReport(
            stt_latency=_between(clocks.speech_end, clocks.words),
            ttt_token_latency=_between(thinking, clocks.token),
            ttt_text_latency=_between(thinking, text),
            ttt_tool_latency=_between(thinking, clocks.tool),
            ttt_thinking_latency=_between(thinking, clocks.thinking),
            tts_latency=_between(text or clocks.say, clocks.audio or now),
            total_latency=_between(clocks.speech_end, now),
        )
        if self._settings is not None and self._settings.experimental:
            started = wire.AgentStartedSpeaking(
                total_latency=report.total_latency or 0.0,
                tts_latency=report.tts_latency or 0.0,
                ttt_latency=report.ttt_text_latency or 0.0,
            )
            yield Tell(started)
        yield Tell(report)

    def _fail_speaking(self, number: int, now: float) -> Iterator[Step]:
        turn = self._turn
        if turn is None:
            return
        if self._voice + 1 < len(self._voices):
            self._voice += 1
            yield _warning("SPEAK_REQUEST_FAILED", "The voice failed; trying the next one.")
            yield Respeak(self._voices[self._voice :], is_update=False)
            for place, sentence in enumerate(turn.reply.sentences[number:], number):
                yield Say(place, sentence.spoken)
            if turn.reply.is_written:
                yield Finish()
            return
        yield from _error("FAILED_TO_SPEAK", "The audio of the reply could not be made.")
        yield from self._cut(now)

    # The end of a reply.

    def _cut(self, now: float) -> Iterator[Step]:
        """End the reply where the user has heard it."""
        turn = self._turn
        if turn is None:
            return
        position = turn.reply.playback.position(now)
        yield from self._abandon(turn)
        if turn.is_confirmed:
            for sentence in turn.reply.sentences:
                yield from self._record_heard(sentence, sentence.heard(position))

    def _abandon(self, turn: Exchange) -> Iterator[Step]:
        """Stop everything that is under way for ``turn``."""
        self._turn = None
        self._suspended_at = None
        if turn.thought is not None:
            yield StopThinking()
        asked = [one for one in turn.pending if one.asked_at is not None and one.response is None]
        for one in asked:
            if not one.is_client_side:
                yield StopRunning(one.id)
        if asked:
            self._cancelled.extend(one.id for one in asked)
            cancelled = [wire.CancelledCall(id=one.id, name=one.call.name) for one in asked]
            yield Tell(wire.FunctionCallCancelled(functions=cancelled))
        yield Silence()

    def _record_heard(self, sentence: Sentence, heard: str) -> Iterator[Step]:
        if not sentence.is_recorded and heard:
            sentence.is_recorded = True
            yield from self._record(wire.History(role="assistant", content=heard))

    def _record(self, item: wire.History) -> Iterator[Step]:
        self._keep(item)
        if self._settings is not None and self._settings.flags.history:
            yield Tell(item)

    def _keep(self, item: wire.History) -> None:
        self._history.append(item)
        self._history_characters += length(item)
        while self._history_characters > MOST_CONVERSATION and len(self._history) > 1:
            self._history_characters -= length(self._history.popleft())

    # Time.

    def _tick(self, now: float) -> Iterator[Step]:
        age = now - self._started
        if age >= LONGEST_SECONDS:
            problem = "A session lasts two hours at most."
            yield from self._end("MAXIMUM_SESSION_LENGTH_REACHED", problem, 1011)
            return
        if age >= WARNING_SECONDS and not self._is_warned:
            self._is_warned = True
            problem = "The session ends in five minutes."
            yield _warning("MAXIMUM_SESSION_LENGTH_APPROACHING", problem)
        is_quiet = self._suspended_at is not None and not self._is_user_speaking
        if is_quiet and now - (self._suspended_at or 0.0) >= WORDLESS_SECONDS:
            self._has_noise = True
            yield from self._resume(now)
        if self._turn is not None:
            yield from self._tick_turn(self._turn, now)
        elif self._phase == "open" and self._queued and not self._is_user_speaking:
            yield from self._say_alone(self._queued.popleft(), now)
        elif self._phase == "open":
            yield from self._check_presence(now)

    def _tick_turn(self, turn: Exchange, now: float) -> Iterator[Step]:
        yield from self._warn_of_slowness(turn, now)
        yield from self._tick_calls(turn, now)
        position = turn.reply.playback.position(now)
        for sentence in turn.reply.sentences:
            if sentence.is_made and sentence.end <= position and turn.reply.is_released:
                yield from self._record_heard(sentence, sentence.text)
        if self._turn is turn and turn.reply.is_over(now):
            for sentence in turn.reply.sentences:
                yield from self._record_heard(sentence, sentence.text)
            self._turn = None
            self._idle_since = now

    def _warn_of_slowness(self, turn: Exchange, now: float) -> Iterator[Step]:
        clocks = turn.clocks
        due = SLOW_SECONDS * (clocks.warned + 1)
        is_thinking = turn.thought is not None and not (turn.round_text or turn.calls)
        if is_thinking and clocks.think is not None and now - clocks.think >= due:
            clocks.warned += 1
            problem = f"The model has not responded for {now - clocks.think:.0f} s."
            yield _warning("SLOW_THINK_REQUEST", problem)
            return
        is_voiceless = not is_thinking and clocks.audio is None and clocks.say is not None
        if is_voiceless and now - (clocks.say or 0.0) >= due:
            clocks.warned += 1
            problem = f"The voice has made no audio for {now - (clocks.say or 0.0):.0f} s."
            yield _warning("SLOW_SPEAK_REQUEST", problem)

    def _tick_calls(self, turn: Exchange, now: float) -> Iterator[Step]:
        for one in turn.pending:
            if one.response is not None or one.asked_at is None:
                continue
            if now - one.asked_at >= CALL_SECONDS:
                problem = f"{one.call.name}: no response within {CALL_SECONDS:g} s."
                yield _warning("FUNCTION_CALL_FAILED", problem)
                if not one.is_client_side:
                    yield StopRunning(one.id)
                one.response = "Error: the function did not respond in time."
                self._cancelled.append(one.id)
                yield from self._continue(turn, now)
                return
            yield from self._fill(turn, one, now)

    def _fill(self, turn: Exchange, one: Pending, now: float) -> Iterator[Step]:
        """Say a filler while a call takes long, where ``think_live`` and the function want it."""
        function = one.function
        if self._agent.think_live is None or function is None or not turn.is_confirmed:
            return
        if not turn.reply.playback.is_over(now) or one.asked_at is None:
            return
        is_first = one.fillers == 0 and function.initial_agent_filler
        initial = 1 if function.initial_agent_filler else 0
        most = initial + (function.agent_filler_max_count or 0)
        interval = (function.agent_filler_interval_ms or 5_000) / 1000
        is_due = now - one.asked_at >= interval * (one.fillers + 1 - initial)
        if (is_first and not turn.reply.sentences) or (
            0 < initial <= one.fillers < most and is_due
        ):
            one.fillers += 1
            yield from self._add_sentence(turn, FILLER, now, "filler")

    def _check_presence(self, now: float) -> Iterator[Step]:
        live = self._agent.think_live
        most = live.provider.presence_check_max_count if live is not None else None
        if live is None or not most or self._is_user_speaking:
            return
        interval = (live.provider.presence_check_interval_ms or 10_000) / 1000
        if self._presence_checks < most and now - self._idle_since >= interval:
            self._presence_checks += 1
            yield from self._say_alone(PRESENCE_CHECK, now, "presence_check")


def _between(start: float | None, end: float | None) -> Any:
    return UNSET if start is None or end is None else round(max(0.0, end - start), 3)


def _text(
    role: wire.Role, content: str, behavior: wire.Behavior, languages: Sequence[str] = ()
) -> Tell:
    text = wire.ConversationText(
        role=role,
        content=content,
        conversational_behavior=behavior,
        languages_hinted=list(languages) or UNSET,
    )
    return Tell(text)


def _warning(code: str, description: str) -> Tell:
    return Tell(wire.Warning(code=code, description=description))


def _error(code: str, description: str) -> Iterator[Step]:
    yield Tell(wire.Error(code=code, description=description))
