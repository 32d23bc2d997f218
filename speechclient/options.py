"""The options of every endpoint: one frozen dataclass each, one field a query parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from speechclient.parameters import Options

TAG_LENGTH = 128  # the most characters of a tag: docs/contract.md, 14.3


@dataclass(frozen=True, kw_only=True)
class ListenOptions(Options):
    """Options of ``POST /v1/listen``. Source: docs/contract.md, 5.1."""

    model: str = "nova-3"
    version: str | None = None
    language: str | None = None
    language_hint: tuple[str, ...] = ()
    detect_language: bool | tuple[str, ...] = False
    punctuate: bool = False
    smart_format: bool = False
    paragraphs: bool = False
    utterances: bool = False
    utt_split: float | None = None
    diarize: bool = False
    diarize_model: str | None = None
    multichannel: bool = False
    channels: int | None = None
    sample_rate: int | None = None
    encoding: str | None = None
    numerals: bool = False
    measurements: bool = False
    dictation: bool = False
    filler_words: bool = False
    profanity_filter: bool = False
    redact: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    keyterm: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    detect_entities: bool = False
    summarize: bool | str = False
    sentiment: bool = False
    topics: bool = False
    intents: bool = False
    custom_topic: tuple[str, ...] = ()
    custom_topic_mode: str | None = None
    custom_intent: tuple[str, ...] = ()
    custom_intent_mode: str | None = None
    callback: str | None = None
    callback_method: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    tag: tuple[str, ...] = ()
    mip_opt_out: bool = False
    alternatives: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReadOptions(Options):
    """Options of ``POST /v1/read``. Source: docs/contract.md, 6."""

    always_sent = "language"

    language: str = "en"
    summarize: bool | str = False
    topics: bool = False
    intents: bool = False
    sentiment: bool = False
    custom_topic: tuple[str, ...] = ()
    custom_topic_mode: str | None = None
    custom_intent: tuple[str, ...] = ()
    custom_intent_mode: str | None = None
    callback: str | None = None
    callback_method: str | None = None
    tag: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SpeakOptions(Options):
    """Options of ``POST /v1/speak`` and ``/v2/speak``. Source: docs/contract.md, 7 and 8.

    A ``flux-`` model is spoken by v2, any other by v1.
    """

    model: str = "aura-asteria-en"
    encoding: str | None = None
    container: str | None = None
    sample_rate: int | None = None
    bit_rate: int | None = None
    speed: float | None = None
    expressivity: int | None = None
    priority: str | None = None
    callback: str | None = None
    callback_method: str | None = None
    tag: tuple[str, ...] = ()
    mip_opt_out: bool = False


@dataclass(frozen=True, kw_only=True)
class ListenStreamOptions(Options):
    """Options of ``WS /v1/listen``. Source: docs/contract.md, 9.1.

    ``encoding`` and ``sample_rate`` describe raw audio and are left out for containers.
    ``endpointing`` is milliseconds, or False for never.
    """

    model: str = "nova-3"
    version: str | None = None
    language: str | None = None
    language_hint: tuple[str, ...] = ()
    encoding: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    multichannel: bool = False
    interim_results: bool = False
    endpointing: bool | int | None = None
    utterance_end_ms: int | None = None
    vad_events: bool = False
    punctuate: bool = False
    smart_format: bool = False
    numerals: bool = False
    dictation: bool = False
    profanity_filter: bool = False
    diarize: bool = False
    diarize_model: str | None = None
    detect_entities: bool = False
    no_delay: bool = False
    redact: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    keyterm: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    callback: str | None = None
    callback_method: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    tag: tuple[str, ...] = ()
    mip_opt_out: bool = False


@dataclass(frozen=True, kw_only=True)
class FluxOptions(Options):
    """Options of ``WS /v2/listen``. Source: docs/contract.md, 10.1."""

    model: str = "flux-general-en"
    encoding: str | None = None
    sample_rate: int | None = None
    eot_threshold: float | None = None
    eager_eot_threshold: float | None = None
    eot_timeout_ms: int | None = None
    keyterm: tuple[str, ...] = ()
    language_hint: tuple[str, ...] = ()
    profanity_filter: bool = False
    numerals: bool = False
    redact: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    mip_opt_out: bool = False


@dataclass(frozen=True, kw_only=True)
class SpeakStreamOptions(Options):
    """Options of ``WS /v1/speak``. Source: docs/contract.md, 11.1."""

    model: str = "aura-asteria-en"
    encoding: str | None = None
    sample_rate: int | None = None
    speed: float | None = None
    mip_opt_out: bool = False


@dataclass(frozen=True, kw_only=True)
class FluxSpeakOptions(Options):
    """Options of ``WS /v2/speak``. Source: docs/contract.md, 12.1."""

    model: str = "flux-haley-en"
    encoding: str | None = None
    sample_rate: int | None = None
    speed: float | None = None
    expressivity: int | None = None
    tag: tuple[str, ...] = ()
    mip_opt_out: bool = False


@dataclass(frozen=True, kw_only=True)
class AgentOptions(Options):
    """``WS /v1/agent/converse`` has no parameters: its options are a message."""
