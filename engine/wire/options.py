"""Query strings to frozen options.

Each field of an options class reads one parameter, and says what it is: ``read_options`` and
the API documentation both use the fields. Unknown parameters are ignored, booleans are read in
any case, lists are repeated names (docs/contract.md, 2). A value that is given is never blank.
``Checked`` options also have rules about several parameters at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from engine.wire.errors import bad_query, bad_request, undeserialized_query

Options = TypeVar("Options")
Reader = Callable[[str, Sequence[str]], Any]

# The features of usage reports: docs/contract.md, 14.6.
FEATURES = (
    "alternatives callback callback_method channels custom_intent custom_intent_mode custom_topic "
    "custom_topic_mode detect_entities detect_language diarize dictation encoding extra "
    "filler_words intents keyterm keywords language measurements multichannel numerals paragraphs "
    "profanity_filter punctuate redact replace sample_rate search sentiment smart_format summarize "
    "topics utt_split utterances version"
).split()
MOST_PARAMETERS = 1_000
MOST_LABELS = 100
MOST_KEYTERMS = 100
MOST_KEYTERM_TOKENS = 500
MOST_KEYWORDS = 100
MOST_SEARCHES = 50
MOST_REPLACEMENTS = 200
LONGEST_TERM = 200  # characters of a key term, a keyword, a query or a label
LONGEST_TAG = 128
LONGEST_TEXT = 2_000
LONGEST_URL = 8_000
# A word of the recogniser's vocabulary has about this many letters at most; a longer one is
# split, and counts as several tokens.
TOKEN_LETTERS = 16

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WEIGHTED = re.compile(r"[^\W\d]\s*:\s*-?\d+(?:\.\d+)?\s*$")
_FIXED_RATES = {"amr-nb": 8_000, "amr-wb": 16_000}


class Checked:
    """Options with rules about several parameters together."""

    def check(self) -> None:
        """Raise ``Refusal`` (400) for values that do not go together."""


def read_options(kind: type[Options], query: str) -> Options:
    """Return the options in a query string. Raises ``Refusal`` (400) naming the parameter."""
    given = parse_query(query)
    values = {
        parameter.name: parameter.metadata["read"](parameter.name, given[parameter.name])
        for parameter in fields(kind)  # type: ignore[arg-type]
        if parameter.name in given
    }
    options = kind(**values)
    if isinstance(options, Checked):
        options.check()
    return options


def refuse_unknown(kind: type, query: str) -> None:
    """Raises ``Refusal`` (400) for parameters that ``kind`` has not: version 2 is strict."""
    known = {parameter.name for parameter in fields(kind)}
    for name in parse_query(query):
        if name not in known:
            raise undeserialized_query(f"unknown field `{name[:100]}`")


def parse_query(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(
            query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except (ValueError, UnicodeDecodeError):
        raise undeserialized_query("the query string cannot be decoded") from None


def features_used(options: Any) -> list[str]:
    """The features that were set to something other than their default."""
    return [
        parameter.name
        for parameter in fields(options)
        if parameter.name in FEATURES and getattr(options, parameter.name) != parameter.default
    ]


def describe(kind: type) -> list[dict[str, Any]]:
    """The parameters as OpenAPI has them."""
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.metadata["about"],
            "schema": parameter.metadata["schema"],
        }
        for parameter in fields(kind)
    ]


def _parameter(default: Any, read: Reader, about: str, schema: Mapping[str, Any]) -> Any:
    return field(default=default, metadata={"read": read, "about": about, "schema": dict(schema)})


def flag(about: str) -> Any:
    def read(name: str, values: Sequence[str]) -> bool:
        return _read_flag(name, values[-1])

    return _parameter(False, read, about, {"type": "boolean", "default": False})


def text(about: str, default: str = "", longest: int = LONGEST_TEXT) -> Any:
    def read(name: str, values: Sequence[str]) -> str:
        return _value(name, values[-1], longest)

    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": longest}
    if default:
        schema["default"] = default
    return _parameter(default, read, about, schema)


def optional_text(about: str) -> Any:
    """As ``text``, but a blank value is the same as none: a form that leaves a filter empty."""

    def read(name: str, values: Sequence[str]) -> str:
        return _printable(name, values[-1])

    return _parameter("", read, about, {"type": "string"})


def texts(about: str, most: int = MOST_PARAMETERS, longest: int = LONGEST_TEXT) -> Any:
    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        if len(values) > most:
            raise undeserialized_query(f"{name}: {len(values)} values; at most {most}")
        return tuple(_value(name, value, longest) for value in values)

    schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": longest},
        "maxItems": most,
    }
    return _parameter((), read, about, schema)


def labels(about: str) -> Any:
    return texts(about, MOST_LABELS, LONGEST_TERM)


def keyterms(about: str) -> Any:
    """Plain terms: the number and the tokens of all of them have limits."""

    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        terms = tuple(_value(name, value, LONGEST_TERM) for value in values)
        if problem := keyterm_problem(terms):
            raise bad_request(problem)
        return terms

    schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_TERM},
        "maxItems": MOST_KEYTERMS,
    }
    return _parameter((), read, about, schema)


def keyterm_problem(terms: Sequence[str]) -> str:
    """Return the error message for invalid key terms, "" for valid ones (docs/contract.md, 3.3).

    A handshake, a query and a ``Configure`` message have the same rules.
    """
    if len(terms) > MOST_KEYTERMS:
        return f"Keyterm limit exceeded. The maximum number is {MOST_KEYTERMS}."
    for term in terms:
        if not term.strip():
            return "A keyterm is empty."
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


def keywords(about: str) -> Any:
    """``word`` or ``word:intensifier``."""

    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        if len(values) > MOST_KEYWORDS:
            raise undeserialized_query(f"{name}: {len(values)} values; at most {MOST_KEYWORDS}")
        return tuple(_keyword(name, _value(name, value, LONGEST_TERM)) for value in values)

    schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_TERM},
        "maxItems": MOST_KEYWORDS,
    }
    return _parameter((), read, about, schema)


def replacements(about: str) -> Any:
    """``find:replace``; there must be something to find."""
    plain = texts(about, MOST_REPLACEMENTS, LONGEST_TEXT)

    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        pairs: tuple[str, ...] = plain.metadata["read"](name, values)
        for pair in pairs:
            if not any(map(str.isalnum, pair.partition(":")[0])):
                raise undeserialized_query(f"{name}: `{pair}` has no word to find")
        return pairs

    return _parameter((), read, about, plain.metadata["schema"])


def languages(about: str) -> Any:
    """BCP 47 tags; whether a model knows them is the catalog's to say."""

    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        if len(values) > MOST_LABELS:
            raise undeserialized_query(f"{name}: {len(values)} values; at most {MOST_LABELS}")
        return tuple(_language(name, value) for value in values)

    item = {"type": "string", "minLength": 2, "pattern": f"^{_LANGUAGE.pattern}$"}
    schema = {"type": "array", "items": item, "maxItems": MOST_LABELS}
    return _parameter((), read, about, schema)


def choice(about: str, *allowed: str, default: str = "") -> Any:
    def read(name: str, values: Sequence[str]) -> str:
        for one in allowed:
            if values[-1].lower() == one.lower():
                return one
        expected = ", ".join(f"`{one}`" for one in allowed)
        raise undeserialized_query(
            f"{name}: unknown variant `{values[-1]}`, expected one of {expected}"
        )

    schema: dict[str, Any] = {"type": "string", "enum": list(allowed)}
    if default:
        schema["default"] = default
    return _parameter(default, read, about, schema)


def choices(about: str, *allowed: str) -> Any:
    """Any number of ``allowed``, in the order given."""
    one = choice(about, *allowed)

    def read(name: str, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.metadata["read"](name, [value]) for value in values))

    return _parameter((), read, about, {"type": "array", "items": one.metadata["schema"]})


def identifier(about: str) -> Any:
    """A UUID; None when it is not given."""

    def read(name: str, values: Sequence[str]) -> UUID | None:
        try:
            return UUID(values[-1]) if values[-1] else None
        except ValueError:
            raise undeserialized_query(f"{name}: UUID parsing failed") from None

    return _parameter(None, read, about, {"type": "string", "format": "uuid"})


def integer(about: str, least: int, most: int) -> Any:
    """None when it is not given."""

    def read(name: str, values: Sequence[str]) -> int:
        # The SDK types limits as floats and then sends "10.0".
        found = re.fullmatch(r"(-?\d{1,18})(?:\.0*)?", values[-1], re.ASCII)
        if found is None:
            raise undeserialized_query(f"{name}: invalid digit found in string")
        number = int(found[1])
        if not least <= number <= most:
            raise undeserialized_query(f"{name}: {number} is not between {least} and {most}")
        return number

    return _parameter(None, read, about, {"type": "integer", "minimum": least, "maximum": most})


def whole(about: str, default: int, least: int, most: int) -> Any:
    """As ``integer``, with a default."""
    read = integer(about, least, most).metadata["read"]
    schema = {"type": "integer", "default": default, "minimum": least, "maximum": most}
    return _parameter(default, read, about, schema)


def number(about: str, default: float, least: float, most: float) -> Any:
    def read(name: str, values: Sequence[str]) -> float:
        try:
            value = float(values[-1])
        except ValueError:
            raise undeserialized_query(f"{name}: invalid float literal") from None
        if not math.isfinite(value) or not least <= value <= most:
            raise undeserialized_query(f"{name}: {values[-1]} is not between {least} and {most}")
        return value

    schema = {"type": "number", "default": default, "minimum": least, "maximum": most}
    return _parameter(default, read, about, schema)


def day(about: str) -> Any:
    """``YYYY-MM-DD``, or the day of a date and time; None when it is not given."""

    def read(name: str, values: Sequence[str]) -> date | None:
        moment = _read_moment(name, values[-1])
        return moment.date() if moment else None

    return _parameter(None, read, about, {"type": "string", "format": "date"})


def moment(about: str) -> Any:
    """A date and time, UTC where it names no offset; None when it is not given."""

    def read(name: str, values: Sequence[str]) -> datetime | None:
        return _read_moment(name, values[-1])

    return _parameter(None, read, about, {"type": "string", "format": "date-time"})


def optional_flag(about: str) -> Any:
    """None when it is not given."""

    def read(name: str, values: Sequence[str]) -> bool:
        return _read_flag(name, values[-1])

    return _parameter(None, read, about, {"type": "boolean"})


def flag_or_languages(about: str) -> Any:
    """``true``, ``false`` or a list: True, False or a tuple."""

    def read(name: str, values: Sequence[str]) -> bool | tuple[str, ...]:
        if len(values) == 1 and values[0].lower() in _FLAGS:
            return _FLAGS[values[0].lower()]
        return tuple(_language(name, value) for value in values)

    schema = {
        "oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}],
        "default": False,
    }
    return _parameter(False, read, about, schema)


def flag_or(about: str, *allowed: str) -> Any:
    """``true``, ``false`` or one of ``allowed``; anything but ``false`` is True."""

    def read(name: str, values: Sequence[str]) -> bool:
        return True if values[-1].lower() in allowed else _read_flag(name, values[-1])

    schema = {"oneOf": [{"type": "boolean"}, {"type": "string", "enum": list(allowed)}]}
    return _parameter(False, read, about, schema)


_FLAGS = {"true": True, "false": False}


def _read_flag(name: str, value: str) -> bool:
    if value.lower() not in _FLAGS:
        raise undeserialized_query(f"{name}: provided string was not `true` or `false`")
    return _FLAGS[value.lower()]


def _read_moment(name: str, value: str) -> datetime | None:
    if not value:
        return None
    try:
        # A space is a plus that was not escaped.
        found = datetime.fromisoformat(value.strip().replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year < 9000:
        raise undeserialized_query(f"{name}: `{value}` is not a date (YYYY-MM-DD)")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _value(name: str, value: str, longest: int) -> str:
    value = _printable(name, value)
    if not value:
        raise undeserialized_query(f"{name}: the value is empty")
    if len(value) > longest:
        raise undeserialized_query(f"{name}: {len(value)} characters; at most {longest}")
    return value


def _language(name: str, value: str) -> str:
    value = _value(name, value, LONGEST_TERM)
    if not _LANGUAGE.fullmatch(value):
        raise undeserialized_query(f"{name}: `{value}` is no language tag")
    return value


def _keyword(name: str, value: str) -> str:
    word, colon, intensifier = value.rpartition(":")
    if not colon:
        return value
    try:
        boost = float(intensifier)
    except ValueError:
        boost = math.nan
    if not word.strip() or not math.isfinite(boost):
        raise undeserialized_query(f"{name}: `{value}` is neither word nor word:intensifier")
    return value


def _tokens(term: str) -> int:
    """Return how many tokens ``term`` has at least: one for each word that is not too long."""
    return sum(-(-len(word) // TOKEN_LETTERS) for word in term.split())


def _printable(name: str, value: str) -> str:
    if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in value):
        raise undeserialized_query(f"{name}: control characters are not allowed")
    return value.strip()


class Recognition(Checked):
    """Options of ``/v1/listen`` that REST and the socket share."""

    model: str
    diarize: bool
    diarize_model: str
    keywords: tuple[str, ...]
    encoding: str
    sample_rate: int | None

    def check(self) -> None:
        if self.diarize and self.diarize_model:
            raise bad_request("Bad Request: diarize and diarize_model exclude each other.")
        if self.keywords and is_nova_3(self.model):
            raise bad_query("Keywords are not supported for Nova-3. Please use `keyterm` instead.")
        rate = _FIXED_RATES.get(self.encoding)
        if rate is not None and self.sample_rate not in (None, rate):
            raise bad_request(
                f"Bad Request: sample_rate is {rate} with encoding={self.encoding}, "
                f"not {self.sample_rate}."
            )


def is_nova_3(names: str) -> bool:
    """True when one of the models in ``names`` (``a:b`` names one a channel) is Nova-3 or newer."""
    found = [re.match(r"nova-(\d{1,3})\b", name.strip().lower()) for name in names.split(":")]
    return any(match is not None and int(match[1]) >= 3 for match in found)


@dataclass(frozen=True)
class ListenOptions(Recognition):
    """Options of ``POST /v1/listen`` (docs/contract.md, 5.1)."""

    model: str = text("The model; any of Deepgram's names, or a local one.", "base-general")
    version: str = text("Version of the model.", "latest")
    language: str = text("BCP-47 tag of the speech, or `multi`.", "en")
    language_hint: tuple[str, ...] = languages("Languages to expect; repeatable.")
    detect_language: bool | tuple[str, ...] = flag_or_languages(
        "Find the language; a list limits the candidates."
    )
    punctuate: bool = flag("Punctuation and capitals.")
    smart_format: bool = flag("Write numbers, dates and the like as people do.")
    paragraphs: bool = flag("Group the transcript into paragraphs and sentences.")
    utterances: bool = flag("Add utterances: stretches of speech between pauses.")
    utt_split: float = number("Seconds of silence that end an utterance.", 0.8, 0.0, 60.0)
    multichannel: bool = flag("Transcribe each channel by itself.")
    channels: int | None = integer("Channels of raw audio.", 1, 20)
    sample_rate: int | None = integer("Sample rate of raw audio in Hz.", 1, 768_000)
    encoding: str = choice(
        "Encoding of raw audio; leave it out for files in a container.",
        "linear16",
        "linear32",
        "flac",
        "mulaw",
        "alaw",
        "amr-nb",
        "amr-wb",
        "opus",
        "ogg-opus",
        "speex",
        "g729",
    )
    diarize: bool = flag("Say who spoke (older form of `diarize_model`).")
    diarize_model: str = choice("Say who spoke, with this model.", "latest", "v1", "v2")
    numerals: bool = flag("Write numbers as digits.")
    measurements: bool = flag("Abbreviate measurements.")
    dictation: bool = flag("Turn spoken punctuation into marks; implies `punctuate`.")
    filler_words: bool = flag("Keep `uh` and `um`.")
    profanity_filter: bool = flag("Replace profanity.")
    redact: tuple[str, ...] = texts("Replace sensitive values; repeatable.")
    replace: tuple[str, ...] = replacements("`find:replace`; repeatable.")
    search: tuple[str, ...] = texts(
        "Find where this was said; repeatable.", MOST_SEARCHES, LONGEST_TERM
    )
    keyterm: tuple[str, ...] = keyterms("Terms to listen for; repeatable.")
    keywords: tuple[str, ...] = keywords("Older form of `keyterm`: `word:intensifier`; repeatable.")
    detect_entities: bool = flag("Add names, places, dates and the like.")
    summarize: bool = flag_or("Add a summary.", "v1", "v2")
    sentiment: bool = flag("Add the sentiment of each segment.")
    topics: bool = flag("Add what is talked about.")
    custom_topic: tuple[str, ...] = labels("Own topics; repeatable.")
    custom_topic_mode: str = choice(
        "`strict`: only own topics.", "extended", "strict", default="extended"
    )
    intents: bool = flag("Add what speakers want.")
    custom_intent: tuple[str, ...] = labels("Own intents; repeatable.")
    custom_intent_mode: str = choice(
        "`strict`: only own intents.", "extended", "strict", default="extended"
    )
    callback: str = text("Respond at once and send the result to this URL.", longest=LONGEST_URL)
    callback_method: str = choice("Method of the callback.", "POST", "PUT", default="POST")
    extra: tuple[str, ...] = texts("`key:value`, echoed in the metadata; repeatable.")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")
    alternatives: int | None = integer("Accepted and ignored: there is one alternative.", 1, 100)

    @property
    def is_punctuated(self) -> bool:
        return self.punctuate or self.smart_format or self.paragraphs or self.dictation

    @property
    def has_paragraphs(self) -> bool:
        return self.paragraphs or self.smart_format

    @property
    def is_diarized(self) -> bool:
        return self.diarize or bool(self.diarize_model)

    @property
    def diarizer_version(self) -> str:
        """The ``arch`` of ``diarize_info``: the latest of batch is v2."""
        return "v2" if self.diarize_model in ("latest", "v2") else "v1"

    @property
    def extras(self) -> dict[str, str]:
        pairs = (pair.partition(":") for pair in self.extra)
        return {key: value for key, _, value in pairs}


@dataclass(frozen=True)
class ReadOptions:
    """Options of ``POST /v1/read`` (docs/contract.md, 6)."""

    summarize: bool = flag_or("Add a summary.", "v1", "v2")
    sentiment: bool = flag("Add the sentiment of each segment.")
    topics: bool = flag("Add what the text is about.")
    custom_topic: tuple[str, ...] = labels("Own topics; repeatable.")
    custom_topic_mode: str = choice(
        "`strict`: only own topics.", "extended", "strict", default="extended"
    )
    intents: bool = flag("Add what the text wants.")
    custom_intent: tuple[str, ...] = labels("Own intents; repeatable.")
    custom_intent_mode: str = choice(
        "`strict`: only own intents.", "extended", "strict", default="extended"
    )
    language: str = text("Language of the text: `en`, which a strict engine requires.")
    callback: str = text("Respond at once and send the result to this URL.", longest=LONGEST_URL)
    callback_method: str = choice("Method of the callback.", "POST", "PUT", default="POST")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)


@dataclass(frozen=True)
class SpeakOptions:
    """Options of ``POST /v1/speak`` (docs/contract.md, 7.1 and 8)."""

    model: str = text("The voice; one of Deepgram's names, or a local one.", "aura-asteria-en")
    encoding: str = text("linear16, mulaw, alaw, mp3 (default), opus, flac or aac.")
    container: str = text("wav, ogg or none, where the encoding has one.")
    sample_rate: str = text("Hz, where the encoding lets it be chosen.")
    bit_rate: str = text("Bits a second, where the encoding lets it be chosen.")
    speed: float = number("Speed, 1 being the voice's own pace.", 1.0, 0.7, 1.5)
    callback: str = text("Respond at once and send the audio to this URL.", longest=LONGEST_URL)
    callback_method: str = choice("Method of the callback.", "POST", "PUT", default="POST")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")


@dataclass(frozen=True)
class FluxSpeakOptions:
    """Options of ``POST /v2/speak`` (docs/contract.md, 7.2)."""

    model: str = text("The voice, `flux-{voice}-en`; required.")
    encoding: str = text("linear16, mulaw, alaw, mp3 (default), opus, flac or aac.")
    container: str = text("wav, ogg or none, where the encoding has one.")
    sample_rate: str = text("Hz, where the encoding lets it be chosen.")
    bit_rate: str = text("Bits a second, where the encoding lets it be chosen.")
    speed: str = text("0.5 to 1.5 in steps of 0.05.", "1")
    expressivity: str = text("-2 to 2, whole.", "0")
    priority: str = choice("`low` waits for quiet hours; only with a callback.", "low", "normal")
    callback: str = text("Respond at once and send the audio to this URL.", longest=LONGEST_URL)
    callback_method: str = choice("Method of the callback.", "POST", "PUT", default="POST")
    tag: tuple[str, ...] = texts("Label for usage reports; repeatable.", MOST_LABELS, LONGEST_TAG)
    mip_opt_out: bool = flag("No effect: nothing is used for training here.")
