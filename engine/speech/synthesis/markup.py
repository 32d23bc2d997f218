"""Pauses and pronunciations written inside the text to speak (docs/contract.md, 7.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.speech.errors import SpeechError
from network.jsontext import read_json

MAX_PAUSES = 8
PAUSE_MS = range(500, 3001, 100)
MAX_SPEED_WITH_PAUSES = 1.15
MAX_PRONUNCIATIONS = 500
MAX_PRONUNCIATION = 128  # characters of IPA

PAUSE = re.compile(r"\\\{\s*pause\s*:\s*([^{}\\]*)\\\}")
PRONUNCIATION = re.compile(r"\\(\{[^{}]*?\"word\"[^{}]*?)\\\}")
# Elements of SSML 1.1 and of common extensions of it. Text in other angle brackets is text.
_ELEMENT = (
    r"(?:speak|voice|prosody|emphasis|break|say-as|sayas|phoneme|sub|audio|mark|desc|lexicon|lookup"
    r"|lang|metadata|meta|token|p|s|w|(?:amazon|mstts|google):[a-z-]{1,30})"
)
SSML = re.compile(rf"</?{_ELEMENT}(?:\s[^<>]*)?/?>|<\?xml\s[^<>]*\?>|<!--[^<>]*-->", re.IGNORECASE)
OPEN_SSML = re.compile(rf"<(?:/?{_ELEMENT}|\?xml|!--)(?:\s[^<>]*)?", re.IGNORECASE)
# Marks the place of a pronunciation in the text: private-use characters, one for each.
FIRST_MARK = 0xE000


class MarkupError(SpeechError):
    """Markup that cannot be honoured. ``category`` is that of docs/contract.md, 7.2."""

    def __init__(self, category: str, message: str) -> None:
        super().__init__(message)
        self.category = category


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Script:
    """Texts and pauses to speak, in order.

    A text holds one private-use character for each word with its own pronunciation, the IPA
    of which is in ``pronunciations`` by that character. ``warnings`` are sentences about what
    was ignored.
    """

    parts: tuple[str | Pause, ...]
    pronunciations: dict[str, str] = field(default_factory=dict)
    characters: int = 0  # of the text as it came
    billable: int = 0  # the same with each markup counted as the word it stands for
    warnings: tuple[str, ...] = ()

    @property
    def pauses(self) -> int:
        return sum(isinstance(part, Pause) for part in self.parts)


def plain(text: str) -> Script:
    """``text`` as it is, without looking for markup."""
    return Script((text,), characters=len(text), billable=len(text))


def holds_pause(text: str) -> bool:
    """Return whether ``text`` holds a whole pause, valid or not."""
    return PAUSE.search(text) is not None


def strip_ssml(text: str) -> str:
    """``text`` without the tags of SSML; what is between them stays."""
    return SSML.sub("", text) if "<" in text else text


def read_markup(text: str, *, speed: float = 1.0) -> Script:
    """The pauses ``\\{pause:500ms\\}`` and pronunciations ``\\{"word": "Nguyen", "pronounce":
    "ŋwiən"\\}`` of ``text``.

    Raises ``MarkupError`` with one of BREAK_SYNTAX_INVALID, BREAK_OUT_OF_RANGE,
    BREAK_INCREMENT_INVALID, BREAKS_LIMIT_EXCEEDED, PAUSE_SPEED_CAP_EXCEEDED. Pronunciations
    that cannot be used, and all at another speed than 1.0, are spoken as their word, with a
    warning.
    """
    reader = _Pronunciations(speed)
    marked = PRONUNCIATION.sub(reader.replace, text)
    parts, markup_characters = _split_at_pauses(marked)
    billable = len(text) - reader.markup_characters - markup_characters
    script = Script(
        tuple(part for part in parts if isinstance(part, Pause) or part.strip()),
        reader.by_mark,
        len(text),
        max(0, billable),
        tuple(reader.warnings),
    )
    _check_pauses(script, speed)
    return script


class _Pronunciations:
    """Replaces each pronunciation of a text by a mark, or by its word with a warning."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self.by_mark: dict[str, str] = {}
        self.warnings: list[str] = []
        self.markup_characters = 0  # that are not billed

    def replace(self, match: re.Match[str]) -> str:
        word, ipa, warning = _pronunciation(match[1] + "}", len(self.by_mark))
        self.markup_characters += len(match[0]) - len(word)
        if not warning and self._speed != 1.0:
            warning = f"Pronunciations need speed 1.0: {word!r} is read as it is"
        if warning:
            self.warnings.append(warning)
            return word
        mark = chr(FIRST_MARK + len(self.by_mark))
        self.by_mark[mark] = ipa
        return mark


def _split_at_pauses(text: str) -> tuple[list[str | Pause], int]:
    """Return the text with its pauses read, and the number of characters of their markup."""
    parts: list[str | Pause] = []
    end = characters = 0
    for match in PAUSE.finditer(text):
        parts.append(text[end : match.start()])
        parts.append(Pause(_pause_seconds(match[1].strip())))
        characters += len(match[0])
        end = match.end()
    parts.append(text[end:])
    return parts, characters


def _check_pauses(script: Script, speed: float) -> None:
    if script.pauses > MAX_PAUSES:
        raise MarkupError(
            "BREAKS_LIMIT_EXCEEDED",
            f"The text has {script.pauses} pauses; at most {MAX_PAUSES} are allowed",
        )
    if script.pauses and speed > MAX_SPEED_WITH_PAUSES:
        raise MarkupError(
            "PAUSE_SPEED_CAP_EXCEEDED",
            f"speed is {speed:g}; with pauses it may be {MAX_SPEED_WITH_PAUSES} at most",
        )


def _pause_seconds(value: str) -> float:
    match = re.fullmatch(r"(\d+)\s*ms", value)
    if not match:
        raise MarkupError(
            "BREAK_SYNTAX_INVALID",
            f"A pause is written \\{{pause:500ms\\}}, not \\{{pause:{value}\\}}",
        )
    milliseconds = int(match[1])
    if not PAUSE_MS.start <= milliseconds < PAUSE_MS.stop:
        raise MarkupError(
            "BREAK_OUT_OF_RANGE", f"A pause of {milliseconds} ms is not between 500 and 3000 ms"
        )
    if milliseconds not in PAUSE_MS:
        raise MarkupError(
            "BREAK_INCREMENT_INVALID", f"A pause of {milliseconds} ms is not a multiple of 100 ms"
        )
    return milliseconds / 1000


def _pronunciation(source: str, already: int) -> tuple[str, str, str]:
    """The word, its IPA, and what is wrong with them ("" when nothing is)."""
    try:
        value = read_json(source)
        word, ipa = value["word"], value["pronounce"]
    except (ValueError, KeyError, TypeError):
        return "", "", f"A pronunciation is not valid JSON and was left out: {source[:60]}"
    if not isinstance(word, str) or not isinstance(ipa, str) or not ipa.strip():
        return str(word), "", f"The pronunciation of {word!r} is not a text"
    if len(ipa) > MAX_PRONUNCIATION:
        return word, "", f"The pronunciation of {word!r} is longer than {MAX_PRONUNCIATION}"
    if already >= MAX_PRONUNCIATIONS:
        return word, "", f"More than {MAX_PRONUNCIATIONS} pronunciations: {word!r} is read as it is"
    return word, ipa.strip(), ""
