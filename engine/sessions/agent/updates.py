"""Settings of a session: the first ones, a stored configuration, and changes while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import structs

from engine.sessions.agent import settings as rules
from engine.sessions.agent.conversation import Conversation, Phase
from engine.sessions.agent.steps import Apply, EndTurn, Load, Relisten, Respeak, Step, Tell, warning
from engine.wire import agent_messages as wire


class Updates:
    """Methods raise ``InvalidSettings``, or ``Invalid`` for a stored configuration."""

    def __init__(self, conversation: Conversation, think_rules: rules.ThinkRules) -> None:
        self._conversation = conversation
        self._rules = think_rules

    def configure(self, settings: wire.Settings) -> Iterator[Step]:
        self._conversation.settings = settings
        if isinstance(settings.agent, str):
            self._conversation.phase = Phase.APPLYING
            yield Load(settings.agent)
        else:
            yield from self._use(settings, settings.agent)

    def use_stored(self, config: Mapping[str, Any]) -> Iterator[Step]:
        """Use the stored configuration that the settings name."""
        settings = self._conversation.settings
        assert settings is not None
        yield from self._use(settings, rules.read_agent(config))

    def update(self, message: Any) -> Iterator[Step]:
        """Apply a message that changes the settings."""
        conversation = self._conversation
        match message:
            case wire.UpdateListen(listen=listen):
                conversation.agent = rules.with_listen(conversation.agent, listen)
                yield Relisten(conversation.agent.listen.provider)
                yield Tell(wire.ListenUpdated())
            case wire.UpdateThink(think=think):
                yield from self._set_thinks(self._check_thinks(think, conversation.agent))
                yield Tell(wire.ThinkUpdated())
            case wire.UpdateSpeak(speak=speak):
                yield Respeak(rules.check_voices(speak))
            case wire.UpdatePrompt(prompt=prompt):
                yield from self._set_prompt(f"{conversation.prompt}\n\n{prompt}".strip())
                yield Tell(wire.PromptUpdated())
            case wire.UpdateThinkLive(think_live=live):
                conversation.agent = structs.replace(conversation.agent, think_live=live)
                yield Tell(wire.ThinkLiveUpdated())

    def replace_voices(self, voices: tuple[wire.Speak, ...]) -> Iterator[Step]:
        """The voices of an ``UpdateSpeak`` can be used."""
        self._conversation.voices, self._conversation.voice = voices, 0
        yield Tell(wire.SpeakUpdated())

    def force_end(self) -> Iterator[Step]:
        if self._conversation.agent.listen.provider.is_flux:
            yield EndTurn()
        else:
            problem = "ForceEndTurn is available with Flux only."
            yield warning("FORCE_END_TURN_UNSUPPORTED", problem)

    def _use(self, settings: wire.Settings, agent: wire.Agent) -> Iterator[Step]:
        conversation = self._conversation
        rules.check_agent(agent)
        conversation.agent = agent
        voices = rules.check_voices(agent.speak)
        thinks = self._check_thinks(agent.think, agent)
        conversation.phase = Phase.APPLYING
        conversation.voices = voices
        yield from self._set_thinks(thinks)
        for item in agent.context.messages:
            conversation.keep(item)
        yield Apply(settings, agent)

    def _check_thinks(
        self, think: wire.Think | Sequence[wire.Think] | None, agent: wire.Agent
    ) -> tuple[wire.Think, ...]:
        thinks = rules.check_thinks(think, agent)
        for problem in map(self._rules.problem_of, thinks):
            if problem:
                raise rules.InvalidSettings(f"agent.think.provider.model: {problem}")
        return thinks

    def _set_thinks(self, thinks: tuple[wire.Think, ...]) -> Iterator[Step]:
        self._conversation.thinks = thinks
        if self._conversation.turn is not None:
            self._conversation.turn.provider = 0  # of the new list
        for problem in map(self._rules.warning_of, thinks):
            if problem:
                yield warning("FUNCTION_CALL_FAILED", problem)
        yield from self._set_prompt(thinks[0].prompt)

    def _set_prompt(self, prompt: str) -> Iterator[Step]:
        self._conversation.prompt = prompt[: rules.MOST_PROMPT]
        if len(prompt) > rules.MOST_PROMPT:
            problem = f"The prompt was cut to {rules.MOST_PROMPT:,} characters."
            yield warning("PROMPT_TOO_LONG", problem)
