"""Models behind the listen and speak providers of an agent's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from engine.inference.catalog import Choice
from engine.inference.listen import check_hints, choose_model
from engine.inference.models import recognizer
from engine.models import AgentConfiguration, AgentVariable
from engine.sessions.agent.settings import DEFAULT_LISTEN
from engine.sessions.live_flux_speak import FASTEST, SLOWEST
from engine.sessions.turns import TurnOptions
from engine.speech.audio.encode import RAW, AudioFormat, FormatError, read_format
from engine.speech.errors import UnknownModel
from engine.speech.synthesis.voices import SpeechModel, find_model
from engine.wire.agent_messages import Agent, ErrorCode, ListenProvider, Output, Speak

# Thinking begins at this confidence where the settings name none: early enough for most replies
# to be ready at the end of the turn, late enough that few are thrown away.
EAGER = 0.4
_FLUX_MODELS = ("flux-general-en", "flux-general-multi")
_DEFAULT_VOICE, _MALE_VOICE = "aura-2-thalia-en", "aura-2-arcas-en"
# A string that is not closed reaches to the end: from each of its quotes on the search would begin
# again otherwise.
_STRING_OR_NAME = re.compile(rf'"(?:[^"\\]|\\.)*"?|({AgentVariable.KEY.pattern})', re.DOTALL)
_MALE_NAMES = frozenset("echo fable onyx matthew brian arthur".split())


class UnusableSettings(Exception):
    """Settings that cannot be honoured; ``code`` is that of the Error message."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code: ErrorCode = code


@dataclass(frozen=True)
class Listening:
    """Models and options for the user's audio; ``language`` is None where it may change."""

    choice: Choice
    language: str | None
    options: TurnOptions
    keyterms: tuple[str, ...]
    smart_format: bool
    hints: tuple[str, ...]


@dataclass(frozen=True)
class AgentVoice:
    model: SpeechModel
    format: AudioFormat
    speed: float


def listening_of(provider: ListenProvider, agent: Agent) -> Listening:
    """Return what listens. Raises ``ApiError`` or ``UnusableSettings``."""
    hints = tuple(provider.language_hints or ())
    check_hints(hints)
    if provider.is_flux:
        if provider.model not in _FLUX_MODELS:
            raise UnusableSettings("INVALID_SETTINGS", f"there is no model {provider.model!r:.60}")
        if hints and provider.model == _FLUX_MODELS[0]:
            problem = "language_hints needs model=flux-general-multi"
            raise UnusableSettings("INVALID_SETTINGS", problem)
        choice = Choice(provider.model, None, (hints or ("en",))[0])
        if provider.model != _FLUX_MODELS[0]:
            choice = replace(choice, local=recognizer().model_for("multi"))
        is_one = provider.model == _FLUX_MODELS[0] or len(hints) == 1
        language = choice.language if is_one else None
    else:
        requested = provider.language or agent.language
        choice = choose_model(provider.model or DEFAULT_LISTEN, requested, streaming=True)
        language = choice.language
    return Listening(
        choice,
        language,
        turn_options(provider),
        tuple(provider.keyterms or ()),
        bool(provider.smart_format),
        hints,
    )


def turn_options(provider: ListenProvider) -> TurnOptions:
    """Return when a turn ends. It has a probable end, from which the reply is prepared."""
    usual = TurnOptions()
    certain = provider.eot_threshold or usual.eot_threshold
    eager = provider.eager_eot_threshold or min(EAGER, certain)
    return TurnOptions(certain, eager, provider.eot_timeout_ms or usual.eot_timeout_ms)


def voice_of(speak: Speak, output: Output) -> AgentVoice:
    """Return the local voice and the format of its audio. Raises ``UnusableSettings``."""
    provider = speak.provider
    try:
        model = find_model(_voice_name(speak), strict=settings.ENVIRONMENT.strict)
    except UnknownModel:
        problem = f"there is no voice {_voice_name(speak)!r:.60}"
        raise UnusableSettings("INVALID_SETTINGS", problem) from None
    if model.architecture == "flux" and output.encoding not in RAW:
        problem = f"Flux voices speak raw audio only, not {output.encoding}"
        raise UnusableSettings("INVALID_SETTINGS", problem)
    speed = 1.0 if provider.speed is None else provider.speed
    if not SLOWEST <= speed <= FASTEST:
        problem = f"speed must be from {SLOWEST} to {FASTEST}, not {speed:g}"
        raise UnusableSettings("FAILED_TO_SPEAK", problem)
    try:
        return AgentVoice(model, _format(output), speed)
    except FormatError as error:
        raise UnusableSettings("INVALID_SETTINGS", f"audio.output: {error}") from None


def load_configuration(project_id: str, agent_id: str) -> dict[str, Any] | None:
    """Return a stored configuration with its variables filled in; None where there is none."""
    try:
        agent = AgentConfiguration.objects.get(project_id=project_id, pk=agent_id)
    except (AgentConfiguration.DoesNotExist, ValidationError, ValueError):
        return None
    variables = AgentVariable.objects.filter(project_id=project_id)
    values = {variable.key: variable.value for variable in variables}
    filled: dict[str, Any] = fill(agent.config, values)
    return filled


def quoted(config: str) -> str:
    """Return JSON text with the bare names of variables in it as strings: ``{"think": DG_THINK}``.

    A bare name stands for a whole value of any type, and so does a string that is the name alone.
    """
    return _STRING_OR_NAME.sub(_quote, config)


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return ``value`` with the variables that it names.

    A text that is the name of a variable becomes its value, of any type; a name in double braces
    inside a text becomes the value's text.
    """
    match value:
        case str():
            if value in variables:
                return variables[value]
            for name, one in variables.items():
                value = value.replace("{{" + name + "}}", one if isinstance(one, str) else str(one))
            return value
        case list():
            return [fill(one, variables) for one in value]
        case dict():
            return {name: fill(one, variables) for name, one in value.items()}
    return value


def _quote(found: re.Match[str]) -> str:
    return f'"{found[1]}"' if found[1] else found[0]


def _voice_name(speak: Speak) -> str:
    """Return the name of the voice here; those of other providers have the nearest one."""
    provider = speak.provider
    if provider.type == "deepgram":
        return provider.model or _DEFAULT_VOICE
    code = (provider.language or provider.language_code or "en").split("-")[0].lower()
    if code != "en":
        return f"aura-2-agent-{code}"
    named = provider.voice if isinstance(provider.voice, str) else ""
    return _MALE_VOICE if named.lower() in _MALE_NAMES else _DEFAULT_VOICE


def _format(output: Output) -> AudioFormat:
    is_raw = output.encoding in RAW
    container = output.container if is_raw or output.container != "none" else None
    return read_format(output.encoding, container, output.sample_rate, output.bitrate, surface="v2")
