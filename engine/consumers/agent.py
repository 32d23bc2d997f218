"""``WS /v1/agent/converse``: a conversation with a voice agent (docs/contract.md, 13)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from django.conf import settings

from engine.consumers.audio import EncodedAudio, PlainAudio, open_audio
from engine.consumers.replyaudio import ReplyAudio
from engine.consumers.sockets import Socket
from engine.consumers.turns import Told, Turns
from engine.env import Environment
from engine.exchange import Usage
from engine.gateway.operations import socket
from engine.inference.agent_models import (
    AgentVoice,
    Listening,
    UnusableSettings,
    listening_of,
    load_configuration,
    turn_options,
    voice_of,
)
from engine.inference.models import catalog, recognizer
from engine.inference.wording import Wording
from engine.runtime.database import in_database
from engine.sessions.agent import steps
from engine.sessions.agent.session import SILENCE_SECONDS, AgentSession
from engine.sessions.agent.settings import DEFAULT_SPEAK, ThinkRules
from engine.sessions.agent.thoughts import Thought
from engine.sessions.turns import Event, Turn
from engine.speech.errors import AudioError
from engine.text.formatting import Formatting
from engine.text.sentiment import score
from engine.text.words import Word
from engine.thinking import outbound, providers
from engine.weights.errors import MissingWeights
from engine.wire import agent_messages as messages
from engine.wire.errors import ApiError
from engine.wire.findings import flux_transcript
from engine.wire.query import read_options

logger = logging.getLogger("engine.sockets")

_TICK_SECONDS = 0.1
_THINK_RULES = ThinkRules(providers.problem_of, providers.warning_of)
_INTERNAL = "The session failed inside the engine."
_GOING_AWAY = "The server stops. Open a new session to continue."


@dataclass(frozen=True)
class NoOptions:
    """Everything is in the Settings."""


@socket(
    "usage:write",
    kind="agent",
    admitted_as="live",
    query=NoOptions,
    receives=messages.ClientMessage,
    sends=messages.ServerMessage,
)
class AgentConsumer(Socket):
    """Converse with a voice agent

    Send `Settings` first, then audio as binary frames. The audio of the agent is sent as binary
    frames, as it is made.

    Close codes: 1000 at the end, 1008 for settings that cannot be applied and data that is not
    audio, 1011 after 12 s without a frame or a message, after two hours and for a failure, 1012
    when the engine stops, 1013 for a client that does not read.
    """

    silence_seconds = SILENCE_SECONDS

    async def open(self) -> None:
        read_options(NoOptions, self.request.query)
        self.opened = time.monotonic()
        call_ids = (f"call_{self.request.request_id[:8]}_{n}" for n in itertools.count(1))
        self.session = AgentSession(
            self.request.request_id, self.opened, call_ids, score, _THINK_RULES
        )
        self.audio: PlainAudio | EncodedAudio | None = None
        self.turns: Turns | None = None
        self.listening: Listening | None = None
        self.output = messages.Output()
        self.voice: AgentVoice | None = None
        self.reply: ReplyAudio | None = None
        self.thinking: asyncio.Task[None] | None = None
        self.preparing: asyncio.Task[None] | None = None  # the model
        self.running: dict[str, asyncio.Task[None]] = {}
        self.text = ""  # of the user's open turn
        self.outcome.usage = Usage(model="agent")
        self.set_farewell(messages.Error(code="SERVER_GOING_AWAY", description=_GOING_AWAY))

    async def greet(self) -> None:
        await self._follow_all(self.session.start())
        self.spawn(self._tick())

    async def hear(self, data: bytes) -> None:
        if self.audio is not None and self.session.is_listening and data:
            await self.audio.feed(data)

    async def read(self, message: Mapping[str, Any]) -> None:
        await self._follow_all(self.session.read(message, time.monotonic()))

    async def misread(self, problem: str) -> None:
        self.follow(self.session.misread(problem))

    def fall_silent(self) -> None:
        if self.audio is not None and not self.audio.is_understood:
            self._reject_audio()
        self.follow(self.session.fall_silent())

    def fail(self) -> None:
        problem = f"{_INTERNAL} Request id: {self.request.request_id}"
        self.follow(self.session.rejected("INTERNAL_SERVER_ERROR", problem, 1011))

    @property
    def is_at_work(self) -> bool:
        is_heard = self.turns is None or self.turns.session.is_settled
        return self.session.is_responding or not is_heard or super().is_at_work

    async def leave(self) -> None:
        if self.turns is not None:
            self.turns.drop_all()
        if self.reply is not None:
            self.reply.stop()
        if self.audio is not None:
            await self.audio.close()
        usage = self.outcome.usage
        usage.agent_seconds = time.monotonic() - self.opened
        usage.seconds = usage.channel_seconds = self.turns.received_seconds if self.turns else 0.0
        usage.tokens_in, usage.tokens_out = self.session.tokens
        usage.characters = self.session.characters

    # Steps of the session.

    async def _follow_all(self, found: Sequence[steps.Step]) -> None:
        """Follow the steps of a message; those about settings have to be done before the next."""
        for step in found:
            match step:
                case steps.Load(agent_id):
                    await self._load(agent_id)
                case steps.Apply():
                    await self._apply(step.settings, step.agent)
                case _:
                    self.follow([step])

    def follow(self, found: Sequence[steps.Step]) -> None:
        for step in found:
            match step:
                case steps.Tell(message):
                    self.tell(message)
                case steps.Close(code, reason):
                    self.finish(code, reason)
                case steps.Think(thought):
                    self._stop_thinking()
                    self.thinking = self.spawn(self._think(thought))
                case steps.StopThinking():
                    self._stop_thinking()
                case steps.Run():
                    self.running[step.id] = self.spawn(self._run(step))
                case steps.StopRunning(call_id):
                    if call := self.running.pop(call_id, None):
                        call.cancel()
                case steps.Relisten(provider):
                    self._relisten(provider)
                case steps.Respeak(voices, is_update):
                    self._respeak(voices, is_update=is_update)
                case steps.EndTurn():
                    if self.turns is not None:
                        self.turns.follow(self.turns.session.force_end())
                case _:
                    self._speak(step)

    def _speak(self, step: steps.Step) -> None:
        match step:
            case steps.Say(number, text):
                if self.reply is None or (number == 0 and not self.reply.is_restarted):
                    assert self.voice is not None
                    self._silence()
                    self.reply = ReplyAudio(self, self.voice, self)
                self.reply.say(number, text)
            case steps.Silence():
                self._silence()
            case _ if self.reply is None:
                pass
            case steps.Finish():
                self.reply.finish()
            case steps.Release(position):
                self.reply.release(position)
            case steps.Hold():
                self.reply.hold()

    def _silence(self) -> None:
        if self.reply is not None:
            self.reply.stop()
            self.reply = None

    # Settings.

    async def _load(self, agent_id: str) -> None:
        project_id = self.request.caller.project_id
        config = await in_database(load_configuration, project_id, agent_id)
        await self._follow_all(self.session.loaded(config))

    async def _apply(self, applied: messages.Settings, agent: messages.Agent) -> None:
        self.output = applied.audio.output
        voices = agent.speak if isinstance(agent.speak, list) else [agent.speak]
        try:
            self.listening = listening_of(agent.listen.provider, agent)
            self.voice = voice_of(voices[0] or DEFAULT_SPEAK, self.output)
            given = applied.audio.input
            await asyncio.to_thread(recognizer().check, self._local_model(self.listening))
            self.audio = open_audio(given.encoding, given.sample_rate, 1)
        except UnusableSettings as error:
            self.follow(self.session.rejected(error.code, str(error)))
            return
        except ApiError as error:
            self.follow(self.session.rejected("INVALID_SETTINGS", error.message))
            return
        except (MissingWeights, OSError) as error:
            logger.warning("request_id=%s cannot listen: %s", self.request.request_id, error)
            problem = "The model that listens cannot be used."
            self.follow(self.session.rejected("FAILED_TO_START_LISTENING", problem, 1011))
            return
        listening = self.listening
        self.turns = Turns(
            self,
            listening.choice,
            listening.options,
            listening.keyterms,
            self._hear_turn,
            self._lose_recognition,
        )
        self._describe(applied, agent)
        self.spawn(self._listen())
        self.preparing = self.spawn(providers.prepare(self.session.first_think, _environment()))
        self.follow(self.session.applied(time.monotonic()))

    def _describe(self, applied: messages.Settings, agent: messages.Agent) -> None:
        """Fill in what the request log knows of the session."""
        assert self.listening is not None
        assert self.voice is not None
        listens = catalog().local_model(self._local_model(self.listening))
        usage = self.outcome.usage
        usage.models = [listens.uuid, self.voice.model.uuid]
        usage.model = providers.model_of(self.session.first_think, _environment())
        usage.tags = list(applied.tags)
        usage.language = self.listening.language or ""
        usage.features = [name for name in ("think_live",) if agent.think_live is not None]

    def _local_model(self, listening: Listening) -> str:
        choice = listening.choice
        return choice.local or recognizer().model_for(choice.language or "en")

    def _relisten(self, provider: messages.ListenProvider) -> None:
        if self.turns is not None:
            self.turns.set_keyterms(tuple(provider.keyterms or ()))
            self.turns.follow(self.turns.session.configure(turn_options(provider), None))

    def _respeak(self, voices: Sequence[messages.Speak], *, is_update: bool) -> None:
        try:
            self.voice = voice_of(voices[0], self.output)
        except UnusableSettings as error:
            self.tell(messages.Error(code=error.code, description=f"{error}."))
            return
        if is_update:
            self.follow(self.session.voices_replaced(tuple(voices)))
        elif self.reply is not None:
            self.reply.use(self.voice)

    # Listening.

    async def _listen(self) -> None:
        assert self.audio is not None
        assert self.turns is not None
        try:
            async for block in self.audio.blocks():
                if block.shape[0] > 1:
                    block = block.mean(axis=0, keepdims=True)
                await self.turns.push(block, self._hear_voice)
        except AudioError:
            self._reject_audio()

    def _lose_recognition(self, error: BaseException) -> None:
        logger.error("request_id=%s recognition failed", self.request.request_id, exc_info=error)
        self.follow(self.session.recognition_failed())

    def _reject_audio(self) -> None:
        problem = "The data cannot be decoded as audio of audio.input."
        self.follow(self.session.rejected("USER_AUDIO_FORMAT", problem))

    def _hear_voice(self) -> None:
        assert self.turns is not None
        heard, now = self.turns.session, time.monotonic()
        if heard.voice_seconds:
            self.follow(self.session.hear_voice(heard.voice_seconds, now))
        elif heard.is_settled and not heard.is_in_speech:
            self.follow(self.session.hear_quiet(now))

    def _hear_turn(self, event: Told) -> None:
        if not isinstance(event, Turn):
            return
        assert self.turns is not None
        now = time.monotonic()
        text = self._written(event)
        if event.event is Event.UPDATE and text == self.text:
            return
        self.text = "" if event.event is Event.END else text
        hints = self.listening.hints if self.listening is not None else ()
        speech_end = now - self.turns.session.silence_seconds
        confidence = fmean(word.confidence for word in event.words) if event.words else 1.0
        self.follow(self.session.hear_turn(event.event, text, now, speech_end, hints, confidence))

    def _written(self, turn: Turn) -> str:
        assert self.listening is not None
        words = [Word.of(one.text, one.start, one.end, one.confidence) for one in turn.words]
        wording = Wording(formatting=Formatting(smart_format=self.listening.smart_format))
        return flux_transcript(wording.written(words, self.listening.language))

    # Thinking.

    async def _think(self, thought: Thought) -> None:
        number = thought.number
        if self.preparing is not None and providers.is_local(thought.think, _environment()):
            await asyncio.wait([self.preparing])
        try:
            async with aclosing(providers.respond(thought, _environment())) as parts:
                async for part in parts:
                    self.follow(self.session.thought(number, part, time.monotonic()))
        except outbound.RequestFailed as error:
            self.follow(self.session.think_failed(number, str(error), time.monotonic()))

    def _stop_thinking(self) -> None:
        thinking, self.thinking = self.thinking, None
        if thinking is not None and thinking is not asyncio.current_task():
            thinking.cancel()

    async def _run(self, step: steps.Run) -> None:
        content = problem = ""
        try:
            content = await outbound.call_function(step.function, step.arguments, _environment())
        except outbound.RequestFailed as error:
            problem = str(error)
        self.running.pop(step.id, None)
        self.follow(self.session.called(step.id, content, time.monotonic(), problem))

    # Speaking.

    def on_made(self, number: int, seconds: float, *, is_last: bool) -> None:
        self.follow(self.session.made(number, seconds, time.monotonic(), is_last=is_last))

    def on_sent(self, seconds: float) -> None:
        self.follow(self.session.sent(seconds, time.monotonic()))

    def on_all_sent(self) -> None:
        self.follow(self.session.all_sent(time.monotonic()))

    def on_speak_failed(self, number: int) -> None:
        self.follow(self.session.speak_failed(number, time.monotonic()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.follow(self.session.tick(time.monotonic()))
            if self.turns is not None:
                self.follow(self.session.wait_for_words(self.turns.waiting_seconds))


def _environment() -> Environment:
    environment: Environment = settings.ENVIRONMENT
    return environment
