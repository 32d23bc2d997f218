"""What the handshakes of the sockets may say: the contract's sections 9.1, 10.1, 11.1, 12.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.options import (
    choice,
    flag,
    integer,
    labels,
    number,
    text,
    texts,
    whole,
)

DEFAULT_ENDPOINTING_MS = 10


def _endpointing(about: str) -> Any:
    """Milliseconds; ``true`` is the default, ``false`` (None) turns it off."""
    whole_number = integer(about, 0, 60_000)

    def read(name: str, values: Sequence[str]) -> int | None:
        given = values[-1].lower()
        if given in ("true", "false"):
            return DEFAULT_ENDPOINTING_MS if given == "true" else None
        found: int = whole_number.metadata["read"](name, values)
        return found

    schema = {"oneOf": [{"type": "integer"}, {"type": "boolean"}], "default": 10}
    about_it = {"read": read, "about": about, "schema": schema}
    return field(default=DEFAULT_ENDPOINTING_MS, metadata=about_it)


@dataclass(frozen=True)
class LiveListenOptions:
    """``WS /v1/listen``."""

    model: str = text("The model; any of Deepgram's names, or a local one.", "base-general")
    version: str = text("Version of the model.", "latest")
    language: str = text("BCP-47 tag of the speech, or `multi`.", "en")
    language_hint: tuple[str, ...] = texts("Languages to expect; repeatable.")
    encoding: str = choice(
        "Encoding of raw audio; leave it out for audio in a container.",
        "linear16",
        "linear32",
        "flac",
        "alaw",
        "mulaw",
        "amr-nb",
        "amr-wb",
        "opus",
        "ogg-opus",
        "speex",
        "g729",
    )
    sample_rate: int | None = integer("Sample rate of raw audio in Hz.", 4_000, 192_000)
    channels: int = whole("Channels of raw audio.", 1, 1, 20)
    multichannel: bool = flag("Transcribe each channel by itself.")
    interim_results: bool = flag("Send guesses before a segment is settled.")
    endpointing: int | None = _endpointing("Milliseconds of silence that end speech, or `false`.")
    utterance_end_ms: int | None = integer("Gap between words for `UtteranceEnd`.", 1000, 5000)
    vad_events: bool = flag("Send `SpeechStarted`.")
    punctuate: bool = flag("Punctuation and capitals.")
    smart_format: bool = flag("Write numbers, dates and the like as people do.")
    numerals: bool = flag("Write numbers as digits.")
    dictation: bool = flag("Turn spoken punctuation into marks; implies `punctuate`.")
    profanity_filter: bool = flag("Replace profanity.")
    measurements: bool = flag("Abbreviate measurements.")
    filler_words: bool = flag("Keep `uh` and `um`.")
    no_delay: bool = flag("Accepted: formatting never waits here.")
    diarize: bool = flag("Say who spoke (older form of `diarize_model`).")
    diarize_model: str = choice("Say who spoke, with this model.", "latest", "v1")
    detect_entities: bool = flag("Add dates, money and the like to final results.")
    redact: tuple[str, ...] = texts("Replace sensitive values; repeatable.")
    replace: tuple[str, ...] = texts("`find:replace`; repeatable.")
    search: tuple[str, ...] = texts("Find where this was said; repeatable.")
    keyterm: tuple[str, ...] = texts("Terms to listen for; repeatable.")
    keywords: tuple[str, ...] = texts("Older form of `keyterm`; repeatable.")
    callback: str = text("Send the results to this URL.")
    callback_method: str = choice(
        "Method of the callback.", "POST", "GET", "PUT", "DELETE", default="POST"
    )
    extra: tuple[str, ...] = texts("`key:value`; repeatable.")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.")
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")

    @property
    def is_punctuated(self) -> bool:
        return self.punctuate or self.smart_format or self.dictation

    @property
    def is_diarized(self) -> bool:
        return self.diarize or bool(self.diarize_model)


@dataclass(frozen=True)
class FluxOptions:
    """``WS /v2/listen``. Unknown parameters are refused: the contract's section 16, choice 23."""

    model: str = choice("The model.", "flux-general-en", "flux-general-multi")
    encoding: str = choice(
        "Encoding of raw audio; leave it out for audio in a container.",
        "linear16",
        "linear32",
        "mulaw",
        "alaw",
        "opus",
        "ogg-opus",
    )
    sample_rate: int | None = integer("Sample rate of raw audio in Hz.", 4_000, 192_000)
    eot_threshold: float = number("Confidence that ends a turn.", 0.7, 0.5, 1.0)
    eager_eot_threshold: float = number("Confidence for an eager end; 0 is off.", 0.0, 0.3, 1.0)
    eot_timeout_ms: int = whole("Silence that ends a turn in any case.", 5000, 500, 60_000)
    keyterm: tuple[str, ...] = texts("Terms to listen for; repeatable.")
    language_hint: tuple[str, ...] = labels("Languages to expect; repeatable.")
    profanity_filter: bool = flag("Replace profanity.")
    numerals: bool = flag("Write numbers as digits.")
    redact: tuple[str, ...] = texts("`numbers` or `aggressive_numbers`; repeatable.")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.")
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")


@dataclass(frozen=True)
class LiveSpeakOptions:
    """``WS /v1/speak``: the contract's section 11.1."""

    model: str = text("The voice; one of Deepgram's names, or a local one.", "aura-asteria-en")
    encoding: str = text("linear16 (default), mulaw or alaw.")
    container: str = text("`none`: sound comes without a container.")
    sample_rate: str = text("Sample rate in Hz.")
    speed: float = number("How fast, 1 being the voice's own pace.", 1.0, 0.7, 1.5)
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.")
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")


@dataclass(frozen=True)
class LiveFluxSpeakOptions:
    """``WS /v2/speak``. Unknown parameters are refused: the contract's section 12.1."""

    model: str = text("The voice, `flux-{voice}-en`; required.")
    encoding: str = text("linear16 (default), mulaw or alaw.")
    sample_rate: str = text("Sample rate in Hz.")
    speed: str = text("0.5 to 1.5 in steps of 0.05.", "1")
    expressivity: str = text("-2 to 2, whole; no effect on the local voices.", "0")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.")
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")
