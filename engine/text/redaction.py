"""Redaction of private data in recognised words (docs/contract.md, 5.6).

Works on the words before anything else is made of them, so that transcript, words, paragraphs,
utterances, entities and search show the same labels. Numbers count however they were said or
written: ``4111``, "four one one one", "forty one eleven", with pauses, fillers and a listener's
"okay" in between. A type is given to what has its form, or is near words that name it: numbers
that count or date something (percent, money, units, months, times) are no part of an
identifier, nor are those that other words separate. In doubt it redacts: a recogniser mishears
digits, so a card number that fails the Luhn check is one all the same. A type that rules cannot
find (names, health data) is rejected.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

from engine.text.entities import DURATIONS, WEEKDAYS, Entity, detect_entities
from engine.text.formatting import CURRENCIES, FILLERS, MEASURES, MONTHS, Phrase, unit_of
from engine.text.numbers import ORDINALS, REPEATS, SCALES, TEENS, TENS, UNITS, ZEROS
from engine.text.words import Word, merge, tail

GROUPS = {
    "pci": ("credit_card", "credit_card_expiration", "cvv"),
    "numbers": ("numbers",),
    "true": ("numbers",),
    "aggressive_numbers": ("aggressive_numbers",),
    "numerical_pii": ("credit_card", "credit_card_expiration", "cvv", "ssn", "phone_number",
                      "account_number"),
}  # fmt: skip
TYPES = (
    "ssn", "credit_card", "credit_card_expiration", "cvv", "account_number", "phone_number",
    "email_address", "url", "ip_address", "date", "dob", "time", "money", "age",
)  # fmt: skip
ALLOWED = (*GROUPS, *TYPES)

CARD_DIGITS = range(12, 20)
SSN_DIGITS = 9
PHONE_DIGITS = range(7, 16)
FOREIGN_DIGITS = range(10, 16)  # after a spoken plus, which may add numbers too
ACCOUNT_DIGITS = 6
NUMBERS_DIGITS = 3  # "numbers" leaves alone what is shorter
CONTEXT_WORDS = 10  # how far "expires" or "security code" may stand from its digits
BRIDGED_WORDS = 4  # "four one one one, okay, got it, two two ..." is one number

_CARD_CONTEXT = frozenset(("card", "cards", "visa", "mastercard", "amex"))
_EXPIRY_CONTEXT = frozenset(
    ("expires", "expire", "expiry", "expiration", "exp", "expiring", "valid")
)
_CVV_CONTEXT = frozenset(("cvv", "cvc", "cvv2", "cid", "csc"))
_OTHER_CODES = frozenset("area zip post postal country dialing promo discount dress bar".split())
_AFTER_SOCIAL = frozenset("security insurance number numbers is are ends ending was".split())
_PHONE_CONTEXT = frozenset(
    "phone telephone tel mobile cell cellphone call calls called dial fax text whatsapp "
    "voicemail landline".split()
)
_ACCOUNT_CONTEXT = frozenset("account accounts acct routing iban".split())
_BEFORE_YEAR = frozenset(("in", "since", "until", "year", "by", "from", *MONTHS))
_MONTH_AND_YEAR = re.compile(r"(0?[1-9]|1[0-2])(20)?[2-4]\d")
_YEAR = re.compile(r"(20)?[2-4]\d")

_IDENTIFIER = re.compile(r"[+#]?\d+(?:[-.()]{1,3}\d+)*")
_DATE_OR_DECIMAL = re.compile(
    r"\d+\.\d+|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([-.])\d{1,2}\1(?:\d{2}|\d{4})"
)
_QUANTITIES = frozenset(
    ("DATE", "TIME", "MONEY", "PERCENT", "DURATION", "AGE", "EMAIL_ADDRESS", "URL", "IP_ADDRESS")
)
_UNITS = frozenset(
    (*DURATIONS, *(f"{unit}s" for unit in DURATIONS), *CURRENCIES, *set(MEASURES.values()),
     "percent", "%", "cent", "cents", "pence", "sterling", "people", "persons", "times", "votes",
     "points", "pages", "words", "users", "degrees", "am", "pm", "a.m", "p.m", "o'clock")
)  # fmt: skip
_ONES = frozenset((*UNITS, *(zero for zero in ZEROS if zero != "o"), *"0123456789"))
_SPELLED = frozenset((*REPEATS, "hundred", *SCALES))
# What may stand within one number, and between its parts.
_MARKS = frozenset(("dash", "hyphen", "space"))
_MISHEARD = frozenset(("for", "to", "too", "ate", "won"))  # a 4, 2, 8 or 1
_ACKNOWLEDGED = frozenset("okay ok yes yeah yep right sure alright got it then next".split())
# The same in a number of any form.
_JOINERS = FILLERS | _MARKS | _MISHEARD | {"and", "point", "dot", "slash", "then"}


class CannotRedact(ValueError):
    """A kind of data that rules cannot find reliably; the message names what is allowed."""


def parse_redactions(values: Iterable[str]) -> frozenset[str]:
    """The kinds of data that the ``redact`` parameters name.

    Raises ``CannotRedact`` for a kind that cannot be honoured, ``false`` is none at all.
    """
    kinds: set[str] = set()
    for value in values:
        for name in value.lower().replace(" ", "").split(","):
            if name in ("", "false"):
                continue
            if name not in ALLOWED:
                raise CannotRedact(
                    f"redact={name} cannot be honoured by this engine, which finds private data "
                    f"by its form; allowed are {', '.join(ALLOWED)}"
                )
            kinds.update(GROUPS.get(name, (name,)))
    return frozenset(kinds)


def redact(words: Sequence[Word], kinds: Iterable[str]) -> list[Word]:
    """Return the words with a numbered label, ``[SSN_1]``, for each value of the ``kinds``.

    ``kinds`` comes from ``parse_redactions``. The same value keeps its number.
    """
    wanted = frozenset(kinds)
    if not wanted:
        return list(words)
    transcript = _Transcript(words)
    for kind in _IN_ORDER:
        if kind not in wanted:
            continue
        for spans, label, value in _FINDERS[kind](transcript):
            for span in spans:
                transcript.hide(span, label, value)
    return _labelled(words, transcript.hidden)


@dataclass(frozen=True)
class _Hidden:
    label: str
    value: str
    first: int


@dataclass(frozen=True)
class _Span:
    """``words[first:last + 1]``."""

    first: int
    last: int


@dataclass(frozen=True)
class _Digits(_Span):
    """Digits with no punctuation between them, in the groups they were said in."""

    groups: tuple[str, ...]

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    @property
    def is_year(self) -> bool:
        return all(re.fullmatch(r"(19|20)\d\d", group) for group in self.groups)


_Values = Iterable[tuple[Sequence[_Span], str, str]]


class _Transcript:
    """Words, with the values in them that are hidden already."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.hidden: list[_Hidden | None] = [None] * len(words)

    @cached_property
    def entities(self) -> list[Entity]:
        return detect_entities(self.words)

    @cached_property
    def phrase(self) -> Phrase:
        return Phrase(self.words)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The place where the number begins that each of its words belongs to."""
        return {
            place: number.first
            for number in self.phrase.numbers
            for place in range(number.first, number.first + number.count)
        }

    @cached_property
    def quantities(self) -> frozenset[int]:
        """The places of numbers that count or date something: no part of an identifier."""
        phrase = self.phrase
        places: set[int] = set()
        for entity in self.entities:
            words = phrase.bare[entity.start_word : entity.end_word]
            is_bare_year = entity.label == "DATE" and not any(map(_is_date_word, words))
            if entity.label in _QUANTITIES and not is_bare_year:
                places.update(range(entity.start_word, entity.end_word))
        for number in phrase.numbers:
            end = number.first + number.count
            is_scaled = any(word in SCALES for word in phrase.bare[number.first : end])
            has_unit = _is_unit(phrase, end) and not number.sequence
            if is_scaled or has_unit or number.ordinal or "." in number.digits:
                places.update(range(number.first, end))
        return frozenset(places)

    def hide(self, span: _Span, label: str, value: str) -> None:
        place = _Hidden(label, value, span.first)
        for position in range(span.first, span.last + 1):
            self.hidden[position] = self.hidden[position] or place

    def segments(self) -> list[_Digits]:
        """Return the digits of identifiers that are not hidden yet, cut at punctuation."""
        segments: list[_Digits] = []
        position = 0
        while position < len(self.words):
            if not self._is_digits(position):
                position += 1
                continue
            last = self._segment_end(position)
            texts = [word.word for word in self.words[position : last + 1]]
            if groups := tuple(_groups(texts)):
                segments.append(_Digits(position, last, groups))
            position = last + 1
        return segments

    def bridged(self) -> Iterable[list[_Digits]]:
        """Segments with nothing or only acknowledgements between them, as one number."""
        group: list[_Digits] = []
        for segment in self.segments():
            if group and not self._is_bridge(group[-1].last + 1, segment.first):
                yield group
                group = []
            group.append(segment)
        if group:
            yield group

    def runs(self) -> list[_Digits]:
        """Return the stretches of numbers of any form that are not hidden yet."""
        numeric = [
            place is None and _digits_in(word.word) is not None
            for word, place in zip(self.words, self.hidden, strict=True)
        ]
        for first, last in self._exclamations():
            numeric[first:last] = [False] * (last - first)
        runs: list[_Digits] = []
        position = 0
        while position < len(self.words):
            if not numeric[position]:
                position += 1
                continue
            first = last = following = position
            while following < len(self.words) and following - last <= 2:
                if numeric[following]:
                    if following > last and not self._continues(last, following):
                        break
                    last = following
                elif self.hidden[following] or self.words[following].word not in _JOINERS:
                    break
                following += 1
            texts = [word.word for word in self.words[first : last + 1]]
            if groups := tuple(_groups(texts)):
                runs.append(_Digits(first, last, groups))
            position = last + 1
        return runs

    def _exclamations(self) -> Iterable[tuple[int, int]]:
        """Yield the stretches of "oh" that no other number is next to: "Oh, I see"."""
        position = 0
        for is_oh, group in groupby(word.word == "oh" for word in self.words):
            end = position + len(list(group))
            beside = (self.at(position - 1), self.at(end))
            if is_oh and not any(_digits_in(word) for word in beside):
                yield position, end
            position = end

    def distance(self, span: _Span, context: Container[str]) -> float:
        """Return how far the nearest word of ``context`` is; one that follows is twice as far."""
        words = self.words
        before = words[max(0, span.first - CONTEXT_WORDS) : span.first][::-1]
        after = words[span.last + 1 : span.last + 1 + CONTEXT_WORDS // 2]
        distances = [
            *(steps for steps, word in enumerate(before, start=1) if word.word in context),
            *(2 * steps for steps, word in enumerate(after, start=1) if word.word in context),
        ]
        return min(distances, default=math.inf)

    def is_near(self, span: _Span, context: Container[str]) -> bool:
        return self.distance(span, context) <= CONTEXT_WORDS

    def at(self, position: int) -> str:
        return self.words[position].word if 0 <= position < len(self.words) else ""

    def _continues(self, last: int, following: int) -> bool:
        """True when two numbers are parts of one: digits read out, or a number in words."""
        before, after = self.at(last), self.at(following)
        between = {self.at(position) for position in range(last + 1, following)} - FILLERS
        if before in _SPELLED or after in _SPELLED:
            return not self.is_stop(last) and not (between and after[:1].isdigit())
        if self.quantities & {last, following}:
            return last in self.numbers and self.numbers[last] == self.numbers.get(following)
        if not (_is_identifier(before) and _is_identifier(after)):
            return not between and _is_spelled(before) and _is_spelled(after)
        return "and" not in between and "then" not in between

    def is_stop(self, position: int) -> bool:
        """True when punctuation follows the word, or there is none."""
        if position >= len(self.words):
            return True
        return tail(self.words[position].punctuated_word)[:1] in (",", ".", ";", ":", "?", "!")

    def _is_digits(self, position: int) -> bool:
        if self.hidden[position] is not None or position in self.quantities:
            return False
        word = self.at(position)
        if word in REPEATS:
            following = self.at(position + 1)
            return _is_identifier(following) and position + 1 not in self.quantities
        return _is_identifier(word)

    def _segment_end(self, first: int) -> int:
        last = first
        while not self.is_stop(last):
            following = last + 1
            if self.at(last) != "hundred" and self.at(following) == "hundred":
                last = following
                continue
            while following - last <= 2 and self._joins(last, following):
                following += 1
            if following >= len(self.words) or not self._is_digits(following):
                break
            last = following
        return last

    def _joins(self, last: int, position: int) -> bool:
        """True for a word that may stand between digits: a filler, a dash, a misheard digit."""
        word = self.at(position)
        is_misheard = (
            word in _MISHEARD and self.at(last) in _ONES and self.at(position + 1) in _ONES
        )
        after_hundred = word == "and" and self.at(last) == "hundred"
        return word in FILLERS or word in _MARKS or is_misheard or after_hundred

    def _is_bridge(self, first: int, end: int) -> bool:
        between = self.words[first:end]
        return len(between) <= BRIDGED_WORDS and all(
            word.word in _ACKNOWLEDGED or word.word in FILLERS or word.word in _MARKS
            for word in between
        )


def _windows(
    group: Sequence[_Digits], fits: Callable[[Sequence[_Digits]], bool]
) -> Iterable[Sequence[_Digits]]:
    """Yield the longest stretches of neighbours that ``fits``, from left to right."""
    first = 0
    while first < len(group):
        total, best = 0, first
        for last in range(first, len(group)):
            total += len(group[last].digits)
            if total > CARD_DIGITS[-1]:
                break
            if fits(group[first : last + 1]) and not _is_list(group[first : last + 1]):
                best = last + 1
        if best > first:
            yield group[first:best]
        first = max(best, first + 1)


def _touching(window: Sequence[_Digits]) -> list[_Span]:
    """Return the places of ``window``, with those that no word separates as one."""
    spans: list[_Span] = []
    for one in window:
        if spans and spans[-1].last + 1 == one.first:
            spans[-1] = _Span(spans[-1].first, one.last)
        else:
            spans.append(_Span(one.first, one.last))
    return spans


def _is_list(window: Sequence[_Digits]) -> bool:
    """True for years and for round numbers one after the other."""
    round_ones = len(window) > 1 and all(one.groups[-1].endswith("0") for one in window)
    return round_ones or all(one.is_year for one in window)


def _digits_of(window: Sequence[_Digits]) -> str:
    return "".join(one.digits for one in window)


def _cuts(window: Sequence[_Digits]) -> set[int]:
    """Return after how many digits a group ends."""
    return set(accumulate(len(group) for one in window for group in one.groups))


def _cards(transcript: _Transcript) -> _Values:
    for group in transcript.bridged():
        for window in _windows(group, lambda window: _is_card(transcript, window)):
            yield _touching(window), "CREDIT_CARD", _digits_of(window)
    for one in transcript.segments():
        too_long = len(one.digits) > CARD_DIGITS[-1]
        partly = len(one.digits) >= 4 and not (
            _is_dated(transcript, one) or _is_of_another_kind(transcript, [one])
        )
        if too_long or (partly and transcript.is_near(one, _CARD_CONTEXT)):
            yield [one], "CREDIT_CARD", one.digits


def _is_card(transcript: _Transcript, window: Sequence[_Digits]) -> bool:
    """12 to 19 digits; cut by punctuation only where a card is, unless one is talked about."""
    if len(_digits_of(window)) not in CARD_DIGITS or _is_from_abroad(transcript, window):
        return False
    if len(window) == 1 or transcript.is_near(_whole(window), _CARD_CONTEXT | _EXPIRY_CONTEXT):
        return True
    cuts = set(accumulate(len(one.digits) for one in window))
    read_out = all(len(group) <= 2 for one in window for group in one.groups)
    return read_out or cuts <= {4, 8, 12, 16, 19} or cuts <= {4, 10, 15}


def _is_of_another_kind(transcript: _Transcript, window: Sequence[_Digits]) -> bool:
    """True for the form of a social security number or of a phone number."""
    cuts = _cuts(window)
    is_grouped = cuts == {3, 5, SSN_DIGITS} or cuts == {3, 6, 10} or cuts == {1, 4, 7, 11}
    return (
        is_grouped
        or _is_from_abroad(transcript, window)
        or (max(cuts) == SSN_DIGITS and _is_social(transcript, _whole(window)))
    )


def _is_from_abroad(transcript: _Transcript, window: Sequence[_Digits]) -> bool:
    """True for a phone number with a written or spoken plus before its country code."""
    first = window[0].first
    if transcript.at(first).startswith("+"):
        return True
    size = len(_digits_of(window))
    return transcript.at(first - 1) == "plus" and size in FOREIGN_DIGITS and min(_cuts(window)) <= 3


def _expirations(transcript: _Transcript) -> _Values:
    for position, word in enumerate(transcript.words):
        one = _Digits(position, position, (word.word.replace("/", ""),))
        if re.fullmatch(r"(0?[1-9]|1[0-2])/(\d\d|20\d\d)", word.word) and _expires(transcript, one):
            yield [one], "CREDIT_CARD_EXPIRATION", one.digits
    for one in transcript.segments():
        with_month = transcript.at(one.first - 1) in MONTHS
        form = _YEAR if with_month else _MONTH_AND_YEAR
        is_number = len(one.groups) == 1 and len(one.digits) == 3  # 325 is more than 3/25
        if form.fullmatch(one.digits) and not is_number and _expires(transcript, one):
            first = one.first - 1 if with_month else one.first
            value = transcript.at(one.first - 1) + one.digits if with_month else one.digits
            yield [_Span(first, one.last)], "CREDIT_CARD_EXPIRATION", value


def _expires(transcript: _Transcript, one: _Digits) -> bool:
    distance = transcript.distance(one, _EXPIRY_CONTEXT)
    return distance <= min(CONTEXT_WORDS, transcript.distance(one, _CVV_CONTEXT | {"code"}))


def _cvvs(transcript: _Transcript) -> _Values:
    for one in transcript.segments():
        if len(one.digits) in (3, 4) and _is_cvv(transcript, one):
            yield [one], "CVV", one.digits


def _is_cvv(transcript: _Transcript, one: _Digits) -> bool:
    """True near "security code" and the like; an area code has the same form."""
    before = range(max(0, one.first - CONTEXT_WORDS), one.first)
    after = range(one.last + 1, one.last + 1 + CONTEXT_WORDS // 2)
    return not _is_dated(transcript, one) and any(
        transcript.at(position) in _CVV_CONTEXT
        or (transcript.at(position) == "code" and transcript.at(position - 1) not in _OTHER_CODES)
        for position in (*before, *after)
    )


def _ssns(transcript: _Transcript) -> _Values:
    for group in transcript.bridged():
        for window in _windows(group, lambda window: _is_ssn(transcript, window)):
            yield _touching(window), "SSN", _digits_of(window)
    for one in transcript.segments():
        if 3 <= len(one.digits) < CARD_DIGITS[0] and _is_social(transcript, one):
            yield [one], "SSN", one.digits


def _is_ssn(transcript: _Transcript, window: Sequence[_Digits]) -> bool:
    """Nine digits in groups of 3, 2 and 4, in one, or in any where the number was asked for."""
    cuts = _cuts(window)
    return max(cuts) == SSN_DIGITS and (
        cuts >= {3, 5} or cuts == {SSN_DIGITS} or _is_social(transcript, _whole(window))
    )


def _is_social(transcript: _Transcript, span: _Span) -> bool:
    """True near a social security number that is spoken of; "social media" is not one."""
    if _is_dated(transcript, span):
        return False
    for position in range(max(0, span.first - CONTEXT_WORDS), span.first):
        word, following = transcript.at(position), transcript.at(position + 1)
        is_named = word == "social" and (following in _AFTER_SOCIAL or position + 1 == span.first)
        if word in ("ssn", "socials") or is_named:
            return True
    for position in range(span.last + 1, span.last + 1 + CONTEXT_WORDS // 2):
        if transcript.is_stop(position - 1):
            return False
        word, following = transcript.at(position), transcript.at(position + 1)
        if word == "ssn" or (word == "social" and following in ("security", "insurance")):
            return True
    return False


def _accounts(transcript: _Transcript) -> _Values:
    for group in transcript.bridged():
        if transcript.is_near(_whole(group), _ACCOUNT_CONTEXT):
            digits = _digits_of(group)
            if len(digits) >= ACCOUNT_DIGITS and not _is_list(group):
                yield _touching(group), "ACCOUNT_NUMBER", digits
        else:
            for one in group:
                if len(one.digits) >= ACCOUNT_DIGITS and not one.is_year:
                    yield [one], "ACCOUNT_NUMBER", one.digits


def _phones(transcript: _Transcript) -> _Values:
    for group in transcript.bridged():
        for window in _windows(group, lambda window: _is_phone(transcript, window)):
            yield _touching(window), "PHONE_NUMBER", _digits_of(window)
    yield from _entities("PHONE_NUMBER")(transcript)


def _is_phone(transcript: _Transcript, window: Sequence[_Digits]) -> bool:
    """As it is written in North America or from abroad; of any form where one is spoken of."""
    digits, cuts = _digits_of(window), _cuts(window)
    size = len(digits)
    if size not in PHONE_DIGITS or _is_ssn(transcript, window):
        return False
    is_named = transcript.is_near(_whole(window), _PHONE_CONTEXT)
    if is_named or _is_from_abroad(transcript, window):
        return True
    if size == 7:
        return 3 in cuts
    if size == 10:
        return cuts >= {3, 6} or cuts == {10} or digits[0] == "0"
    if size == 11 and digits[0] == "1":
        return cuts >= {4, 7} or cuts == {11}
    return digits[0] == "0" and size in range(9, 13)


def _numbers(transcript: _Transcript) -> _Values:
    for run in transcript.runs():
        if len(run.digits) >= NUMBERS_DIGITS:
            yield [run], "NUMBER", _value(transcript, run)


def _all_numbers(transcript: _Transcript) -> _Values:
    for run in transcript.runs():
        yield [run], "NUMBER", _value(transcript, run)


def _value(transcript: _Transcript, run: _Digits) -> str:
    """Return what tells one number of any form from another: 15, 1.5 and $15 are three."""
    parts = [word.word for word in transcript.words[run.first : run.last + 1]]
    if all(_is_identifier(part) or part in _SPELLED for part in parts):
        return run.digits
    return " ".join(part for part in parts if part not in FILLERS)


def _entities(*labels: str) -> Callable[[_Transcript], _Values]:
    def find(transcript: _Transcript) -> _Values:
        for entity in transcript.entities:
            if entity.label in labels:
                span = _Span(entity.start_word, entity.end_word - 1)
                yield [span], entity.label, entity.value.lower()

    return find


_FINDERS: dict[str, Callable[[_Transcript], _Values]] = {
    "credit_card": _cards,
    "credit_card_expiration": _expirations,
    "cvv": _cvvs,
    "ssn": _ssns,
    "email_address": _entities("EMAIL_ADDRESS"),
    "url": _entities("URL"),
    "ip_address": _entities("IP_ADDRESS"),
    "phone_number": _phones,
    "account_number": _accounts,
    "money": _entities("MONEY"),
    "dob": _entities("DATE"),
    "date": _entities("DATE"),
    "time": _entities("TIME"),
    "age": _entities("AGE"),
    "numbers": _numbers,
    "aggressive_numbers": _all_numbers,
}
# The narrow kinds first: what is a card number shall not be labelled as any number.
_IN_ORDER = (
    "email_address", "url", "ip_address", "credit_card_expiration", "cvv", "ssn", "credit_card",
    "phone_number", "account_number", "money", "dob", "date", "time", "age", "numbers",
    "aggressive_numbers",
)  # fmt: skip


def _is_identifier(word: str) -> bool:
    """True for a word of nothing but digits, as identifiers are written or read out."""
    if word[:1].isdigit() or word[:1] in ("+", "#"):
        return bool(_IDENTIFIER.fullmatch(word)) and not _DATE_OR_DECIMAL.fullmatch(word)
    return word in _ONES or word in TEENS or word in TENS or _is_hyphenated(word)


def _is_spelled(word: str) -> bool:
    return not any(map(str.isdigit, word))


def _is_hyphenated(word: str) -> bool:
    """ "forty-one"."""
    tens, _, ones = word.partition("-")
    return tens in TENS and ones in UNITS


def _is_date_word(word: str) -> bool:
    return word in MONTHS or word in WEEKDAYS or any(mark in word for mark in "-/.")


def _is_unit(phrase: Phrase, position: int) -> bool:
    word = phrase.at(position)
    if word == "per":
        return phrase.at(position + 1) == "cent"
    return word in _UNITS or unit_of(word) in MEASURES


def _is_dated(transcript: _Transcript, span: _Span) -> bool:
    is_year = re.fullmatch(r"(19|20)\d\d", "".join(_groups([transcript.at(span.first)])))
    before = transcript.at(span.first - 1)
    return bool(is_year) and span.first == span.last and before in _BEFORE_YEAR


def _whole(window: Sequence[_Span]) -> _Span:
    return _Span(window[0].first, window[-1].last)


def _digits_in(word: str) -> str | None:
    """Return the digits of a number of any form, "" for one that only scales; None for others."""
    if any(letter.isdigit() for letter in word):
        return "".join(letter for letter in word if letter.isdigit())
    if word in ZEROS and word != "o":
        return "0"
    if word in REPEATS or word in SCALES or word == "hundred":
        return ""
    value = UNITS.get(word) or TEENS.get(word) or TENS.get(word) or ORDINALS.get(word)
    if value and word != "second":  # mostly time
        return str(value)
    parts = word.split("-")  # "forty-one"
    if len(parts) > 1 and all(map(_digits_in, parts)):
        return "".join(_groups(parts))
    return None


def _groups(texts: Sequence[str]) -> list[str]:
    """Return the digits as they were grouped.

    "forty one eleven" is 41 11, "double two" 22, "four hundred twelve" 412, "123-45" 123 45.
    """
    groups: list[str] = []
    repeat, open_tens, open_zeros = 1, False, 0
    for position, word in enumerate(texts):
        digits = _digits_in(word)
        if digits is None:
            continue
        # "eight hundred five five five" is 800 and then three digits.
        is_read_out = {word, *texts[position + 1 : position + 2]} <= _ONES
        if word in REPEATS:
            repeat = REPEATS[word]
        elif word == "hundred" or word in SCALES:
            open_zeros = 2 if word == "hundred" else len(str(SCALES[word])) - 1
            groups[-1:] = [(groups[-1] if groups else "") + "0" * open_zeros]
        elif open_tens and word in UNITS:
            groups[-1] = groups[-1][:-1] + digits
            open_zeros = 0
        elif open_zeros >= len(digits) and _is_small(word) and not is_read_out:
            groups[-1] = groups[-1][: -len(digits)] + digits
            open_zeros = 0
        else:
            groups += [part * repeat for part in re.findall(r"\d+", word) or [digits]]
            repeat, open_zeros = 1, 0
        open_tens = word in TENS
    return groups


def _is_small(word: str) -> bool:
    return word in UNITS or word in TEENS or word in TENS


def _labelled(words: Sequence[Word], hidden: Sequence[_Hidden | None]) -> list[Word]:
    numbers: dict[tuple[str, str], int] = {}
    counts: Counter[str] = Counter()
    written: list[Word] = []
    for place, group in groupby(zip(words, hidden, strict=True), key=lambda pair: pair[1]):
        part = [word for word, _ in group]
        if place is None:
            written += part
            continue
        key = (place.label, place.value)
        if key not in numbers:
            counts[place.label] += 1
            numbers[key] = counts[place.label]
        text = f"[{place.label}_{numbers[key]}]{tail(part[-1].punctuated_word)}"
        written.append(merge(part, text))
    return written
