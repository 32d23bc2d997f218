"""Options of the WebSocket handshakes (docs/contract.md, 9.1, 10.1, 11.1 and 12.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, inspect

from engine.wire.errors import ApiError, bad_request, undeserialized_query
from engine.wire.options import (
    FluxVoice,
    Keyterms,
    Labelled,
    Languages,
    Recognition,
    Summarize,
    Text,
    TrainingChoice,
    Url,
    Voice,
)
from engine.wire.query import About, Checked, Reads, reader_of

DEFAULT_ENDPOINTING_MS = 10
LEAST_EAGER, MOST_EAGER = 0.3, 0.9
FLUX_SAMPLE_RATES = (8_000, 16_000, 24_000, 44_100, 48_000)

RawRate = Annotated[int, Meta(ge=4_000, le=192_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
_read_milliseconds = reader_of(inspect.type_info(Milliseconds))


def _read_endpointing(name: str, values: Sequence[str]) -> Any:
    """Return milliseconds; ``true`` is the default, ``false`` (None) turns endpointing off."""
    flags = {"true": DEFAULT_ENDPOINTING_MS, "false": None}
    value = values[-1].lower()
    return flags[value] if value in flags else _read_milliseconds(name, values)


@dataclass(frozen=True)
class LiveListenOptions(Recognition):
    """``WS /v1/listen``. The last four are known so that they can be rejected."""

    sample_rate: Annotated[RawRate | None, About("Sample rate of raw audio in Hz.")] = None
    channels: Annotated[int, Meta(ge=1, le=20), About("Channels of raw audio.")] = 1
    interim_results: Annotated[bool, About("Send guesses before a segment is settled.")] = False
    endpointing: Annotated[
        Milliseconds | bool | None,
        Reads(_read_endpointing),
        About("Milliseconds of silence that end speech, or `false`."),
    ] = DEFAULT_ENDPOINTING_MS
    utterance_end_ms: Annotated[
        Annotated[int, Meta(ge=1_000, le=5_000)] | None,
        About("Gap between words for `UtteranceEnd`."),
    ] = None
    vad_events: Annotated[bool, About("Send `SpeechStarted`.")] = False
    no_delay: Annotated[bool, About("Accepted: formatting never waits here.")] = False
    diarize_model: Annotated[
        Literal["latest", "v1"] | None, About("Add the speaker of each word: this model.")
    ] = None
    callback: Annotated[Url, About("Send the results to this URL.")] = ""
    callback_method: Annotated[
        Literal["POST", "GET", "PUT", "DELETE"], About("Method of the callback.")
    ] = "POST"
    detect_language: Annotated[bool | Languages, About("Only for whole recordings.")] = False
    summarize: Annotated[Summarize, About("Only for whole recordings.")] = False
    topics: Annotated[bool, About("Only for whole recordings.")] = False
    intents: Annotated[bool, About("Only for whole recordings.")] = False

    def check(self) -> None:
        super().check()
        for name in ("topics", "intents"):
            if getattr(self, name):
                message = f"{name} is not available for streaming."
                raise ApiError(403, "UNAUTHORIZED_FEATURES_REQUESTED", message)
        for name in ("detect_language", "summarize"):
            if getattr(self, name):
                raise bad_request(f"Bad Request: {name} is not available for streaming.")
        if self.utterance_end_ms and not self.interim_results:
            raise bad_request("Bad Request: utterance_end_ms needs interim_results=true.")

    @property
    def diarizer_version(self) -> str:
        """The ``arch`` of ``diarize_info``: the latest of streams is v1."""
        return "v1"


@dataclass(frozen=True)
class FluxOptions(Labelled, TrainingChoice, Checked):
    """``WS /v2/listen``. Unknown parameters are rejected (docs/contract.md, choice 23)."""

    model: Annotated[
        Literal["flux-general-en", "flux-general-multi"] | None, About("The model; required.")
    ] = None
    encoding: Annotated[
        Literal["linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus"] | None,
        About("Encoding of raw audio; leave it out for audio in a container."),
    ] = None
    sample_rate: Annotated[RawRate | None, About("Sample rate of raw audio in Hz.")] = None
    eot_threshold: Annotated[float, Meta(ge=0.5, le=1), About("Confidence that ends a turn.")] = 0.7
    eager_eot_threshold: Annotated[
        Annotated[float, Meta(ge=LEAST_EAGER, le=MOST_EAGER)] | None,
        About("Confidence for an eager end, at most `eot_threshold`; left out, there is none."),
    ] = None
    eot_timeout_ms: Annotated[
        int, Meta(ge=500, le=60_000), About("Silence that ends a turn in any case.")
    ] = 5_000
    keyterm: Annotated[Keyterms, About("Terms to listen for; repeatable.")] = ()
    language_hint: Annotated[Languages, About("Languages to expect; repeatable.")] = ()
    profanity_filter: Annotated[bool, About("Replace profanity.")] = False
    numerals: Annotated[bool, About("Write numbers as digits.")] = False
    redact: Annotated[
        tuple[Literal["numbers", "aggressive_numbers"], ...],
        About("Replace sensitive values; repeatable."),
    ] = ()

    def check(self) -> None:
        if not self.model:
            raise undeserialized_query("missing field `model`")
        if (self.eager_eot_threshold or 0) > self.eot_threshold:
            raise undeserialized_query(
                f"eager_eot_threshold {self.eager_eot_threshold:g} is greater than eot_threshold "
                f"{self.eot_threshold:g}"
            )
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
class LiveSpeakOptions(Voice):
    """Options of ``WS /v1/speak`` (docs/contract.md, 11.1)."""

    container: Annotated[Text, About("`none`: sound comes without a container.")] = ""


@dataclass(frozen=True)
class LiveFluxSpeakOptions(FluxVoice):
    """Options of ``WS /v2/speak``. Unknown ones are rejected (docs/contract.md, 12.1)."""
