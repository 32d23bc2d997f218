"""Things that can be told by their form: e-mail addresses, phone numbers, money, dates, ...

Names of people, places and companies are not among them: no rule tells those.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.text.formatting import ENTITY_RULES, Phrase
from engine.text.words import Word, joined

DURATIONS = "second minute hour day week month year decade".split()

_WRITTEN = {
    "EMAIL_ADDRESS": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "URL": re.compile(
        r"(?:https?://|www\.)\S+|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|dev|app)(?:/\S*)?"
    ),
    "IP_ADDRESS": re.compile(r"(?:\d{1,3}\.){3}\d{1,3}"),
    "SSN": re.compile(r"\d{3}-\d{2}-\d{4}"),
    "PHONE_NUMBER": re.compile(
        r"(?:\+?\d{1,3}[-. ])?(?:\(\d{3}\)|\d{3})[-. ]\d{3}[-. ]\d{4}|\d{3}-\d{4}"
    ),
    "MONEY": re.compile(r"[$€£¥₹]\d[\d,]*(?:\.\d+)?(?: (?:million|billion|trillion))?"),
    "PERCENT": re.compile(r"\d[\d,.]*%"),
    "TIME": re.compile(r"\d{1,2}:\d{2}(?: [ap]m)?|\d{1,2} [ap]m|\d{1,2} o'clock"),
    "DATE": re.compile(
        r"(?:january|february|march|april|may|june|july|august|september|october|november"
        r"|december) \d{1,2}(?:, \d{4})?|\d{1,4}[/-]\d{1,2}[/-]\d{1,4}"
    ),
    "CREDIT_CARD": re.compile(r"\d{4}(?:[- ]?\d{4}){3}|\d{4}[- ]?\d{6}[- ]?\d{5}"),
}
WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())


@dataclass(frozen=True)
class Entity:
    """``words[start_word:end_word]`` of the transcript: ``end_word`` is exclusive.

    ``value`` is how it would be written, ``raw_value`` the words as they stand.
    """

    label: str
    value: str
    raw_value: str
    confidence: float
    start_word: int
    end_word: int


def detect_entities(words: Sequence[Word]) -> list[Entity]:
    """The entities in the words, from left to right, none within another."""
    phrase = Phrase(words)
    entities: list[Entity] = []
    position = 0
    while position < len(words):
        match = _at(phrase, position)
        if match is None:
            position += 1
            continue
        label, value, count = match
        part = words[position : position + count]
        entities.append(
            Entity(
                label=label,
                value=value,
                raw_value=joined(word.word for word in part),
                confidence=sum(word.confidence for word in part) / count,
                start_word=position,
                end_word=position + count,
            )
        )
        position += count
    return entities


def _at(phrase: Phrase, position: int) -> tuple[str, str, int] | None:
    word = phrase.words[position]
    for label, pattern in _WRITTEN.items():
        if pattern.fullmatch(word.word):
            rule = ENTITY_RULES.get(label)
            longer = rule(phrase, position) if rule else None  # "$5 million", "3:30 pm"
            if longer and longer[0] > 1:
                return label, longer[1], longer[0]
            return label, word.punctuated_word.rstrip(".,!?;:"), 1
    for label, rule in ENTITY_RULES.items():
        if match := rule(phrase, position):
            count, value = match
            return label, value, count
    if word.word in WEEKDAYS:
        return "DATE", word.punctuated_word.rstrip(".,!?;:"), 1
    return _counted(phrase, position)


def _counted(phrase: Phrase, position: int) -> tuple[str, str, int] | None:
    number = phrase.number(position)
    if number is None:
        return None
    value = f"{number.digits} {number.scale}" if number.scale else number.digits
    if number.ordinal:
        return "ORDINAL", value, number.count
    if number.year:
        return "DATE", value, number.count
    unit = phrase.at(position + number.count)
    singular = unit.removesuffix("s")
    if singular in DURATIONS:
        if singular == "year" and phrase.at(position + number.count + 1) == "old":
            return "AGE", f"{value} {unit} old", number.count + 2
        return "DURATION", f"{value} {unit}", number.count + 1
    if number.digits == "1" and number.spelled:
        return None  # "one of them"
    return "CARDINAL", value, number.count
