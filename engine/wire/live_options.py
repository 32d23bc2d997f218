"""Options of the WebSocket handshakes (docs/contract.md, 9.1, 10.1, 11.1 and 12.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.wire.errors import Refusal, bad_request, undeserialized_query
from engine.wire.options import (
    LONGEST_TAG,
    LONGEST_TERM,
    LONGEST_URL,
    MOST_LABELS,
    MOST_SEARCHES,
    Checked,
    Recognition,
    choice,
    choices,
    flag,
    flag_or,
    flag_or_languages,
    integer,
    keyterms,
    keywords,
    languages,
    number,
    replacements,
    text,
    texts,
    whole,
)

DEFAULT_ENDPOINTING_MS = 10
LEAST_EAGER, MOST_EAGER = 0.3, 0.9
FLUX_SAMPLE_RATES = (8_000, 16_000, 24_000, 44_100, 48_000)


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
class LiveListenOptions(Recognition):
    """``WS /v1/listen``. The last four are known so that they can be rejected."""

    model: str = text("The model; any of Deepgram's names, or a local one.", "base-general")
    version: str = text("Version of the model.", "latest")
    language: str = text("BCP-47 tag of the speech, or `multi`.", "en")
    language_hint: tuple[str, ...] = languages("Languages to expect; repeatable.")
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
    replace: tuple[str, ...] = replacements("`find:replace`; repeatable.")
    search: tuple[str, ...] = texts(
        "Find where this was said; repeatable.", MOST_SEARCHES, LONGEST_TERM
    )
    keyterm: tuple[str, ...] = keyterms("Terms to listen for; repeatable.")
    keywords: tuple[str, ...] = keywords("Older form of `keyterm`; repeatable.")
    callback: str = text("Send the results to this URL.", longest=LONGEST_URL)
    callback_method: str = choice(
        "Method of the callback.", "POST", "GET", "PUT", "DELETE", default="POST"
    )
    extra: tuple[str, ...] = texts("`key:value`; repeatable.")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")
    detect_language: bool | tuple[str, ...] = flag_or_languages("Only for whole recordings.")
    summarize: bool = flag_or("Only for whole recordings.", "v1", "v2")
    topics: bool = flag("Only for whole recordings.")
    intents: bool = flag("Only for whole recordings.")

    def check(self) -> None:
        super().check()
        for name in ("topics", "intents"):
            if getattr(self, name):
                message = f"{name} is not available for streaming."
                raise Refusal(403, "UNAUTHORIZED_FEATURES_REQUESTED", message)
        for name in ("detect_language", "summarize"):
            if getattr(self, name):
                raise bad_request(f"Bad Request: {name} is not available for streaming.")
        if self.utterance_end_ms and not self.interim_results:
            raise bad_request("Bad Request: utterance_end_ms needs interim_results=true.")

    @property
    def is_punctuated(self) -> bool:
        return self.punctuate or self.smart_format or self.dictation

    @property
    def is_diarized(self) -> bool:
        return self.diarize or bool(self.diarize_model)

    @property
    def diarizer_version(self) -> str:
        """The ``arch`` of ``diarize_info``: the latest of streams is v1."""
        return "v1"


@dataclass(frozen=True)
class FluxOptions(Checked):
    """``WS /v2/listen``. Unknown parameters are rejected (docs/contract.md, choice 23)."""

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
    eager_eot_threshold: float = number(
        "Confidence for an eager end, at most `eot_threshold`; left out, there is none.",
        0.0,
        LEAST_EAGER,
        MOST_EAGER,
    )
    eot_timeout_ms: int = whole("Silence that ends a turn in any case.", 5000, 500, 60_000)
    keyterm: tuple[str, ...] = keyterms("Terms to listen for; repeatable.")
    language_hint: tuple[str, ...] = languages("Languages to expect; repeatable.")
    profanity_filter: bool = flag("Replace profanity.")
    numerals: bool = flag("Write numbers as digits.")
    redact: tuple[str, ...] = choices(
        "Replace sensitive values; repeatable.", "numbers", "aggressive_numbers"
    )
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")

    def check(self) -> None:
        if not self.model:
            raise undeserialized_query("missing field `model`")
        if self.eager_eot_threshold > self.eot_threshold:
            raise undeserialized_query("eager_eot_threshold is greater than eot_threshold")
        if self.language_hint and self.is_english:
            raise undeserialized_query("language_hint needs model=flux-general-multi")
        if self.redact and not self.is_english:
            raise bad_request("Bad Request: redact is only available for English.")
        if self.encoding and self.sample_rate not in (None, *FLUX_SAMPLE_RATES):
            allowed = ", ".join(map(str, FLUX_SAMPLE_RATES))
            raise undeserialized_query(f"sample_rate: {self.sample_rate} is none of {allowed}")

    @property
    def is_english(self) -> bool:
        return self.model == "flux-general-en"


@dataclass(frozen=True)
class LiveSpeakOptions:
    """Options of ``WS /v1/speak`` (docs/contract.md, 11.1)."""

    model: str = text("The voice; one of Deepgram's names, or a local one.", "aura-asteria-en")
    encoding: str = text("linear16 (default), mulaw or alaw.")
    container: str = text("`none`: sound comes without a container.")
    sample_rate: str = text("Sample rate in Hz.")
    speed: float = number("Speed, 1 being the voice's own pace.", 1.0, 0.7, 1.5)
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")


@dataclass(frozen=True)
class LiveFluxSpeakOptions:
    """Options of ``WS /v2/speak``. Unknown ones are rejected (docs/contract.md, 12.1)."""

    model: str = text("The voice, `flux-{voice}-en`; required.")
    encoding: str = text("linear16 (default), mulaw or alaw.")
    sample_rate: str = text("Sample rate in Hz.")
    speed: str = text("0.5 to 1.5 in steps of 0.05.", "1")
    expressivity: str = text("-2 to 2, whole; no effect on the local voices.", "0")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")
