"""The recognition models: Deepgram's names, the local models behind them, and both by uuid."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from faster_whisper import available_models
from faster_whisper.tokenizer import _LANGUAGE_CODES

from engine.speech.errors import NoSuchModel, UnknownModel
from engine.speech.synthesis.voices import NAMESPACE
from engine.weights.whisper_models import is_at_hand

VERSION = "2026-11-01.0"
ENGLISH = ("en", "en-US", "en-AU", "en-GB", "en-IN", "en-NZ")
LANGUAGES = tuple(_LANGUAGE_CODES)

# The variants of Deepgram's architectures: docs/contract.md, 5.1. All but the general ones
# are for English alone.
_VARIANTS = {
    "nova-3": ("general", "medical"),
    "nova-2": (
        "general",
        "meeting",
        "finance",
        "conversationalai",
        "voicemail",
        "video",
        "medical",
        "drivethru",
        "automotive",
    ),
    "nova": ("general", "phonecall", "medical"),
    "enhanced": ("general", "meeting", "phonecall", "finance"),
    "base": (
        "general",
        "meeting",
        "phonecall",
        "finance",
        "conversationalai",
        "voicemail",
        "video",
    ),
}
_SWITCHES_LANGUAGES = ("nova-3", "nova-2")
_WHISPER = "whisper"


def is_english(language: str | None) -> bool:
    return language is not None and language.split("-")[0].lower() == "en"


@dataclass(frozen=True)
class RecognitionModel:
    """One entry of the list of models; ``local`` is the Whisper model it always uses, if any."""

    name: str  # "general"
    canonical_name: str  # "nova-3-general"
    architecture: str  # "nova-3"
    languages: tuple[str, ...]
    local: str | None = None
    version: str = VERSION

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.canonical_name} {self.version}"))

    @property
    def is_streaming(self) -> bool:
        return self.architecture != _WHISPER


@dataclass(frozen=True)
class Choice:
    """The model that was requested, and the local one that serves it."""

    requested: str  # canonical name
    local: str | None  # the Whisper model; None where the language decides
    language: str | None  # None where it is to be found

    @property
    def is_substituted(self) -> bool:
        """True when another Whisper model is used than the one that was requested."""
        size = self.requested.removeprefix(f"{_WHISPER}-")
        return self.local is not None and size not in (self.requested, self.local)


class Catalog:
    """The models of an engine that recognises English with ``english``, the rest with
    ``multilingual``; other Whisper models can be asked for by name where they are at hand."""

    def __init__(
        self,
        english: str,
        multilingual: str,
        *,
        allow_download: bool = False,
        strict: bool = False,
    ) -> None:
        """``strict`` rejects the names of architectures that came after us."""
        self._english = english
        self._multilingual = multilingual
        self._allow_download = allow_download
        self._strict = strict

    @cached_property
    def models(self) -> dict[str, RecognitionModel]:
        """By canonical name; the local ones last."""
        models = {}
        for architecture, variants in _VARIANTS.items():
            for variant in variants:
                name = f"{architecture}-{variant}"
                languages = (*ENGLISH, *_others()) if variant == "general" else ENGLISH
                models[name] = RecognitionModel(variant, name, architecture, languages)
        for local in dict.fromkeys((self._english, self._multilingual)):
            models[f"{_WHISPER}-{local}"] = self.local_model(local)
        return models

    def local_model(self, local: str) -> RecognitionModel:
        """The entry of a local model such as ``tiny.en``: what ``model_info`` reports."""
        languages = ENGLISH if local.endswith(".en") else (*ENGLISH, *_others())
        return RecognitionModel(local, f"{_WHISPER}-{local}", _WHISPER, languages, local)

    def runs(self, model: RecognitionModel) -> list[str]:
        """Return the names of the local models that serve ``model``."""
        if model.local:
            return [model.canonical_name]
        locals_ = [self._english] if _only(model) == "en" else [self._english, self._multilingual]
        return [f"{_WHISPER}-{local}" for local in dict.fromkeys(locals_)]

    def find_by_uuid(self, key: str) -> RecognitionModel | None:
        return next((model for model in self.models.values() if model.uuid == key.lower()), None)

    def choose(
        self,
        names: str,
        language: str,
        detect_language: bool | Sequence[str] = False,
        *,
        streaming: bool = False,
    ) -> Choice:
        """Return what serves ``names`` (``a:b`` names one a channel) in ``language``.

        Whisper models read whole recordings only. Raises ``UnknownModel`` for names, languages
        and combinations that there are not.
        """
        choices = {self._choose(name, language, detect_language) for name in names.split(":")}
        if len({choice.local for choice in choices}) > 1:
            raise UnknownModel("one request cannot use two local models")
        if streaming and any(choice.requested.startswith(f"{_WHISPER}-") for choice in choices):
            raise UnknownModel(f"{names} is not available for streaming")
        return min(choices, key=lambda choice: choice.requested)

    def _choose(self, name: str, language: str, detect: bool | Sequence[str]) -> Choice:
        model = self._find(name.strip().lower())
        code = language.split("-")[0].lower()
        if detect:
            unknown = [] if isinstance(detect, bool) else unknown_languages(detect)
            if unknown or _only(model) == "en":
                raise UnknownModel(f"{model.canonical_name} cannot find the language")
            return Choice(model.canonical_name, model.local, None)
        if code == "multi":
            if model.architecture not in (*_SWITCHES_LANGUAGES, _WHISPER) or _only(model) == "en":
                raise UnknownModel(f"{model.canonical_name} does not switch languages")
            return Choice(model.canonical_name, model.local, None)
        if code not in {_code(known) for known in model.languages}:
            raise UnknownModel(f"{model.canonical_name} does not know {language}")
        return Choice(model.canonical_name, model.local, language)

    def _find(self, name: str) -> RecognitionModel:
        if name in self.models:
            return self.models[name]
        if f"{name}-general" in self.models:  # "nova-3"
            return self.models[f"{name}-general"]
        if f"base-{name}" in self.models:  # "meeting"
            return self.models[f"base-{name}"]
        if name == _WHISPER or name.startswith(f"{_WHISPER}-"):
            return self._find_whisper(name.removeprefix(_WHISPER).removeprefix("-") or "medium")
        # One that came after us: docs/contract.md, choice 24.
        if re.fullmatch(r"nova-\d{1,3}(-[a-z]{1,40})?", name) and not self._strict:
            return RecognitionModel("general", name, name, (*ENGLISH, *_others()))
        raise NoSuchModel(f"there is no model {name!r}")

    def _find_whisper(self, size: str) -> RecognitionModel:
        """The Whisper model of that size; where it is not at hand, the nearest one here."""
        if size not in available_models() and not is_at_hand(size):
            raise NoSuchModel(f"there is no Whisper model {size!r}")
        if self._allow_download or is_at_hand(size):
            return self.local_model(size)
        local = self._english if size.endswith(".en") else self._multilingual
        return RecognitionModel(
            size,
            f"{_WHISPER}-{size}",
            _WHISPER,
            self.local_model(local).languages,
            local,
        )


def unknown_languages(tags: Iterable[str]) -> list[str]:
    """Return those of ``tags`` that name no language of the models."""
    return [tag for tag in tags if _code(tag) not in LANGUAGES]


def _code(language: str) -> str:
    return language.split("-")[0].lower()


def _others() -> tuple[str, ...]:
    return tuple(code for code in LANGUAGES if code != "en")


def _only(model: RecognitionModel) -> str | None:
    """The one language of ``model``; None when it has several."""
    codes = {_code(language) for language in model.languages}
    return codes.pop() if len(codes) == 1 else None
