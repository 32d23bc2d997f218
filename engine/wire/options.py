"""Options of listen, read and speak over HTTP (docs/contract.md, 5 to 8)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.wire.errors import bad_query, bad_request, undeserialized_query
from engine.wire.query import About, Checked, Reads, has_controls, read_choice, read_text, shown

# The features of usage reports: docs/contract.md, 14.6.
FEATURES = (
    "alternatives callback callback_method channels custom_intent custom_intent_mode custom_topic "
    "custom_topic_mode detect_entities detect_language diarize dictation encoding extra "
    "filler_words intents keyterm keywords language measurements multichannel numerals paragraphs "
    "profanity_filter punctuate redact replace sample_rate search sentiment smart_format summarize "
    "topics utt_split utterances version"
).split()
MOST_KEYTERMS = 100
MOST_KEYTERM_TOKENS = 500
LONGEST_TERM = 200  # characters of a key term, a keyword, a query or a label
# A word of the recogniser's vocabulary has about this many letters at most; a longer one is
# split, and counts as several tokens.
TOKEN_LETTERS = 16

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WEIGHTED = re.compile(r"[^\W\d]\s*:\s*-?\d+(?:\.\d+)?\s*$")
_FIXED_RATES = {"amr-nb": 8_000, "amr-wb": 16_000}


def features_used(options: Any) -> list[str]:
    """Return the features that were set to something other than their default."""
    return [
        field.name
        for field in fields(options)
        if field.name in FEATURES and getattr(options, field.name) != field.default
    ]


def keyterm_problem(terms: Sequence[str]) -> str:
    """Return the error message for invalid key terms, "" for valid ones (docs/contract.md, 3.3).

    A handshake, a query and a ``Configure`` message have the same rules.
    """
    if len(terms) > MOST_KEYTERMS:
        return f"Keyterm limit exceeded. The maximum number is {MOST_KEYTERMS}."
    for term in terms:
        if not term.strip():
            return "A keyterm is empty."
        if has_controls(term):
            return f"A keyterm has control characters, which are not allowed: {term!r:.100}"
        if len(term) > LONGEST_TERM:
            return f"A keyterm has {len(term)} characters; at most {LONGEST_TERM}."
        if _WEIGHTED.search(term):
            return f"keyterm `{term}` has an intensifier; key terms are plain."
    if sum(map(_tokens, terms)) > MOST_KEYTERM_TOKENS:
        return (
            "Keyterm limit exceeded. The maximum number of tokens across all keyterms is "
            f"{MOST_KEYTERM_TOKENS}."
        )
    return ""


def _tokens(term: str) -> int:
    """Return how many tokens ``term`` has at least: one for each word that is not too long."""
    return sum(-(-len(word) // TOKEN_LETTERS) for word in term.split())


def _read_keyterms(name: str, values: Sequence[str]) -> tuple[str, ...]:
    terms = tuple(read_text(name, value, LONGEST_TERM) for value in values)
    if problem := keyterm_problem(terms):
        raise bad_request(problem)
    return terms


def _read_keyword(name: str, values: Sequence[str]) -> str:
    value = read_text(name, values[-1], LONGEST_TERM)
    word, colon, intensifier = value.rpartition(":")
    if colon and not (word.strip() and _is_number(intensifier)):
        raise undeserialized_query(f"{name}: `{value}` is neither word nor word:intensifier")
    return value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read_replacement(name: str, values: Sequence[str]) -> str:
    pair = read_text(name, values[-1], 2_000)
    if not any(map(str.isalnum, pair.partition(":")[0])):
        raise undeserialized_query(f"{name}: `{shown(pair)}` has no word to find")
    return pair


def _read_language(name: str, values: Sequence[str]) -> str:
    value = read_text(name, values[-1], LONGEST_TERM)
    if not _LANGUAGE.fullmatch(value):
        raise undeserialized_query(f"{name}: `{value}` is no language tag")
    return value


def _read_summarize(name: str, values: Sequence[str]) -> bool:
    return bool(read_choice(name, values[-1], ("true", "false", "v1", "v2")) != "false")


Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
Term = Annotated[str, Meta(min_length=1, max_length=LONGEST_TERM)]
Url = Annotated[str, Meta(min_length=1, max_length=8_000)]
Tag = Annotated[str, Meta(min_length=1, max_length=128)]
Language = Annotated[
    str, Meta(min_length=2, pattern=f"^{_LANGUAGE.pattern}$"), Reads(_read_language)
]
Keyword = Annotated[Term, Reads(_read_keyword)]
Replacement = Annotated[Text, Reads(_read_replacement)]

Texts = Annotated[tuple[Text, ...], Meta(max_length=1_000)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=100)]
Labels = Annotated[tuple[Term, ...], Meta(max_length=100)]
Searches = Annotated[tuple[Term, ...], Meta(max_length=50)]
Languages = Annotated[tuple[Language, ...], Meta(max_length=100)]
Keyterms = Annotated[tuple[Term, ...], Meta(max_length=MOST_KEYTERMS), Reads(_read_keyterms)]
Keywords = Annotated[tuple[Keyword, ...], Meta(max_length=100)]
Replacements = Annotated[tuple[Replacement, ...], Meta(max_length=200)]

Summarize = Annotated[
    bool, Reads(_read_summarize, type=["boolean", "string"], enum=[True, False, "v1", "v2"])
]
LabelMode = Literal["extended", "strict"]
Encoding = Literal[
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
]


@dataclass(frozen=True)
class Labelled:
    """Options of every request for work."""

    tag: Annotated[Tags, About("Label for usage reports; repeatable.")] = ()


@dataclass(frozen=True)
class TrainingChoice:
    mip_opt_out: Annotated[bool, About("No effect: nothing is used for training here.")] = False


@dataclass(frozen=True)
class Deferrable:
    """Options of requests whose result can be sent to a callback."""

    callback: Annotated[Url, About("Respond at once and send the result to this URL.")] = ""
    callback_method: Annotated[Literal["POST", "PUT"], About("Method of the callback.")] = "POST"


@dataclass(frozen=True)
class Analysis:
    """Text intelligence, the same for listen and read."""

    summarize: Annotated[Summarize, About("Add a summary.")] = False
    sentiment: Annotated[bool, About("Add the sentiment of each segment.")] = False
    topics: Annotated[bool, About("Add the topics of each segment.")] = False
    custom_topic: Annotated[Labels, About("Own topics; repeatable.")] = ()
    custom_topic_mode: Annotated[LabelMode, About("`strict`: only own topics.")] = "extended"
    intents: Annotated[bool, About("Add the intents of each segment.")] = False
    custom_intent: Annotated[Labels, About("Own intents; repeatable.")] = ()
    custom_intent_mode: Annotated[LabelMode, About("`strict`: only own intents.")] = "extended"


@dataclass(frozen=True)
class Recognition(Labelled, TrainingChoice, Checked):
    """Options of listen that recordings and streams share (docs/contract.md, 5.1 and 9.1)."""

    model: Annotated[Text, About("The model; any of Deepgram's names, or a local one.")] = (
        "base-general"
    )
    version: Annotated[Text, About("Version of the model.")] = "latest"
    language: Annotated[Text, About("BCP-47 tag of the speech, or `multi`.")] = "en"
    language_hint: Annotated[Languages, About("Languages to expect; repeatable.")] = ()
    encoding: Annotated[
        Encoding | None, About("Encoding of raw audio; leave it out for audio in a container.")
    ] = None
    sample_rate: int | None = None
    multichannel: Annotated[bool, About("Transcribe each channel by itself.")] = False
    punctuate: Annotated[bool, About("Punctuation and capitals.")] = False
    smart_format: Annotated[bool, About("Write numbers, dates and the like in figures.")] = False
    numerals: Annotated[bool, About("Write numbers as digits.")] = False
    measurements: Annotated[bool, About("Abbreviate measurements.")] = False
    dictation: Annotated[
        bool, About("Turn spoken punctuation into marks; implies `punctuate`.")
    ] = False
    filler_words: Annotated[bool, About("Keep `uh` and `um`.")] = False
    profanity_filter: Annotated[bool, About("Replace profanity.")] = False
    diarize: Annotated[
        bool, About("Add the speaker of each word (older form of `diarize_model`).")
    ] = False
    diarize_model: str | None = None
    redact: Annotated[Texts, About("Replace sensitive values; repeatable.")] = ()
    replace: Annotated[Replacements, About("`find:replace`; repeatable.")] = ()
    search: Annotated[Searches, About("Find where this is spoken; repeatable.")] = ()
    keyterm: Annotated[Keyterms, About("Terms to listen for; repeatable.")] = ()
    keywords: Annotated[
        Keywords, About("Older form of `keyterm`: `word:intensifier`; repeatable.")
    ] = ()
    detect_entities: Annotated[bool, About("Add dates, money and the like.")] = False
    extra: Annotated[Texts, About("`key:value`, echoed in the metadata; repeatable.")] = ()

    @property
    def is_punctuated(self) -> bool:
        return self.punctuate or self.smart_format or self.dictation

    @property
    def is_diarized(self) -> bool:
        return self.diarize or self.diarize_model is not None

    def check(self) -> None:
        if self.diarize and self.diarize_model:
            raise bad_request("Bad Request: diarize and diarize_model exclude each other.")
        if self.keywords and is_nova_3(self.model):
            raise bad_query("Keywords are not supported for Nova-3. Please use `keyterm` instead.")
        rate = _FIXED_RATES.get(self.encoding or "")
        if rate is not None and self.sample_rate not in (None, rate):
            raise bad_request(
                f"Bad Request: sample_rate is {rate} with encoding={self.encoding}, "
                f"not {self.sample_rate}."
            )


def is_nova_3(names: str) -> bool:
    """True when one of the models in ``names`` (``a:b`` names one a channel) is Nova-3 or newer."""
    matches = [re.match(r"nova-(\d{1,3})\b", name.strip().lower()) for name in names.split(":")]
    return any(match is not None and int(match[1]) >= 3 for match in matches)


@dataclass(frozen=True)
class ListenOptions(Recognition, Analysis, Deferrable):
    """Options of ``POST /v1/listen`` (docs/contract.md, 5.1)."""

    detect_language: Annotated[
        bool | Languages, About("Find the language; a list limits the candidates.")
    ] = False
    paragraphs: Annotated[bool, About("Group the transcript into paragraphs and sentences.")] = (
        False
    )
    utterances: Annotated[bool, About("Add utterances: stretches of speech between pauses.")] = (
        False
    )
    utt_split: Annotated[
        float, Meta(ge=0, le=60), About("Seconds of silence that end an utterance.")
    ] = 0.8
    channels: Annotated[
        Annotated[int, Meta(ge=1, le=20)] | None, About("Channels of raw audio.")
    ] = None
    sample_rate: Annotated[
        Annotated[int, Meta(ge=4_000, le=768_000)] | None, About("Sample rate of raw audio in Hz.")
    ] = None
    diarize_model: Annotated[
        Literal["latest", "v1", "v2"] | None, About("Add the speaker of each word: this model.")
    ] = None
    alternatives: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        About("Accepted and ignored: there is one alternative."),
    ] = None

    @property
    def is_punctuated(self) -> bool:
        return super().is_punctuated or self.paragraphs

    @property
    def has_paragraphs(self) -> bool:
        return self.paragraphs or self.smart_format

    @property
    def diarizer_version(self) -> str:
        """The ``arch`` of ``diarize_info``: the latest of batch is v2."""
        return "v2" if self.diarize_model in ("latest", "v2") else "v1"

    @property
    def extras(self) -> dict[str, str]:
        pairs = (pair.partition(":") for pair in self.extra)
        return {key: value for key, _, value in pairs}


@dataclass(frozen=True)
class ReadOptions(Analysis, Deferrable, Labelled):
    """Options of ``POST /v1/read`` (docs/contract.md, 6)."""

    language: Annotated[
        Text, About("Language of the text: `en`, which a strict engine requires.")
    ] = ""


@dataclass(frozen=True)
class Speech(Labelled, TrainingChoice):
    """Options of speak that every version and surface has."""

    model: Text = ""
    encoding: Annotated[Text, About("linear16 (default), mulaw or alaw.")] = ""
    sample_rate: Annotated[Text, About("Hz, where the encoding lets it be chosen.")] = ""


@dataclass(frozen=True)
class Voice(Speech):
    model: Annotated[Text, About("The voice; one of Deepgram's names, or a local one.")] = (
        "aura-asteria-en"
    )
    speed: Annotated[float, Meta(ge=0.7, le=1.5), About("Speed, 1 being the voice's own pace.")] = (
        1.0
    )


@dataclass(frozen=True)
class FluxVoice(Speech):
    model: Annotated[Text, About("The voice, `flux-{voice}-en`; required.")] = ""
    speed: Annotated[Text, About("0.5 to 1.5 in steps of 0.05.")] = "1"
    expressivity: Annotated[Text, About("-2 to 2, whole; no effect on the local voices.")] = "0"


@dataclass(frozen=True)
class _SpokenFile(Deferrable):
    encoding: Annotated[Text, About("linear16, mulaw, alaw, mp3 (default), opus, flac or aac.")] = (
        ""
    )
    container: Annotated[Text, About("wav, ogg or none, where the encoding has one.")] = ""
    bit_rate: Annotated[Text, About("Bits a second, where the encoding lets it be chosen.")] = ""


@dataclass(frozen=True)
class SpeakOptions(_SpokenFile, Voice):
    """Options of ``POST /v1/speak`` (docs/contract.md, 7.1 and 8)."""


@dataclass(frozen=True)
class FluxSpeakOptions(_SpokenFile, FluxVoice):
    """Options of ``POST /v2/speak`` (docs/contract.md, 7.2)."""

    priority: Annotated[
        Literal["low", "normal"] | None,
        About("`low` waits for quiet hours; only with a callback."),
    ] = None
