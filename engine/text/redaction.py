"""Taking private data out of recognised words: the contract's section 5.6.

Works on the words before anything else is made of them, so that transcript, words, paragraphs,
utterances, entities and search show the same labels. Numbers count however they were said or
written: ``4111``, "four one one one", "forty one eleven", with pauses, fillers and a listener's
"okay" in between. In doubt it redacts: a recogniser mishears digits, so a card number that
fails the Luhn check is one all the same. What rules cannot find (names, health data) is refused.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.text.entities import detect_entities
from engine.text.formatting import FILLERS, MONTHS
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
ACCOUNT_DIGITS = 6
NUMBERS_DIGITS = 3  # "numbers" leaves alone what is shorter
CONTEXT_WORDS = 10  # how far "expires" or "security code" may stand from its digits
BRIDGED_WORDS = 4  # "four one one one, okay, got it, two two ..." is one number

_CARD_CONTEXT = {"card", "visa", "mastercard", "amex", "discover", "debit", "credit"}
_EXPIRY_CONTEXT = {"expires", "expire", "expiry", "expiration", "exp", "expiring", "valid"}
_CVV_CONTEXT = {"cvv", "cvc", "cvv2", "cid", "csc", "security", "verification", "code"}
_SSN_CONTEXT = {"social", "ssn", "socials"}
# What may stand within one number. The last five are also how a 4, 2, 8 or 1 is misheard.
_JOINERS = FILLERS | {
    "and", "dash", "hyphen", "space", "point", "dot", "slash", "then",
    "for", "to", "too", "ate", "won",
}  # fmt: skip


class CannotRedact(ValueError):
    """A kind of data that rules cannot find reliably; the message names what is allowed."""


@dataclass(frozen=True)
class _Span:
    """``words[first:last + 1]`` say ``digits``."""

    first: int
    last: int
    digits: str


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
    """The words with a numbered label, ``[SSN_1]``, for each value of the ``kinds``.

    ``kinds`` comes from ``parse_redactions``. The same value keeps its number.
    """
    wanted = frozenset(kinds)
    hidden: list[_Hidden | None] = [None] * len(words)
    for kind in _IN_ORDER:
        if kind not in wanted:
            continue
        for spans, label, value in _FINDERS[kind](words, _digit_runs(words, hidden)):
            for span in spans:
                place = _Hidden(label, value or span.digits, span)
                for position in range(span.first, span.last + 1):
                    hidden[position] = hidden[position] or place
    return _labelled(words, hidden)


@dataclass(frozen=True)
class _Hidden:
    label: str
    value: str
    span: _Span


_Found = Iterable[tuple[list[_Span], str, str | None]]


def _cards(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for group in _bridged(runs):
        for part in _adding_up_to(group, CARD_DIGITS):
            yield part, "CREDIT_CARD", "".join(run.digits for run in part)
    for run in runs:
        too_long = len(run.digits) > CARD_DIGITS[-1]
        context = len(run.digits) >= 4 and not _is_year(words, run)
        if too_long or (context and _distance(words, run, _CARD_CONTEXT) <= CONTEXT_WORDS):
            yield [run], "CREDIT_CARD", None


def _expirations(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for run in runs:
        distance = _distance(words, run, _EXPIRY_CONTEXT)
        if len(run.digits) > 6 or distance > min(
            CONTEXT_WORDS, _distance(words, run, _CVV_CONTEXT)
        ):
            continue
        with_month = run.first > 0 and words[run.first - 1].word in MONTHS
        first = run.first - 1 if with_month else run.first
        yield [_Span(first, run.last, run.digits)], "CREDIT_CARD_EXPIRATION", None


def _cvvs(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for run in runs:
        near = _distance(words, run, _CVV_CONTEXT) <= CONTEXT_WORDS
        if len(run.digits) in (3, 4) and near:
            yield [run], "CVV", None


def _ssns(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for group in _bridged(runs):
        for part in _adding_up_to(group, range(SSN_DIGITS, SSN_DIGITS + 1)):
            yield part, "SSN", "".join(run.digits for run in part)
    for run in runs:
        near = _distance(words, run, _SSN_CONTEXT) <= CONTEXT_WORDS
        if near and 2 <= len(run.digits) < CARD_DIGITS[0]:
            yield [run], "SSN", None


def _accounts(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for group in _bridged(runs):
        digits = "".join(run.digits for run in group)
        if len(digits) >= ACCOUNT_DIGITS:
            yield group, "ACCOUNT_NUMBER", digits


def _phones(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for group in _bridged(runs):
        digits = "".join(run.digits for run in group)
        if len(digits) in PHONE_DIGITS:
            yield group, "PHONE_NUMBER", digits
        else:
            yield [run for run in group if len(run.digits) >= PHONE_DIGITS[0]], "PHONE_NUMBER", None
    yield from _entities("PHONE_NUMBER")(words, runs)


def _numbers(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for run in runs:
        if len(run.digits) >= NUMBERS_DIGITS:
            yield [run], "NUMBER", None


def _all_numbers(words: Sequence[Word], runs: list[_Span]) -> _Found:
    for run in runs:
        yield [run], "NUMBER", None


def _entities(*labels: str) -> Callable[[Sequence[Word], list[_Span]], _Found]:
    def find(words: Sequence[Word], runs: list[_Span]) -> _Found:
        for entity in detect_entities(words):
            if entity.label in labels:
                span = _Span(entity.start_word, entity.end_word - 1, "")
                yield [span], entity.label, entity.value.lower()

    return find


_FINDERS: dict[str, Callable[[Sequence[Word], list[_Span]], _Found]] = {
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


def _digit_runs(words: Sequence[Word], hidden: Sequence[_Hidden | None]) -> list[_Span]:
    """Stretches of numbers not hidden yet; fillers and punctuation inside belong to them."""
    numeric = [
        place is None and _digits_in(word.word) is not None
        for word, place in zip(words, hidden, strict=True)
    ]
    runs: list[_Span] = []
    position = 0
    while position < len(words):
        if not numeric[position]:
            position += 1
            continue
        first = last = position
        following = position
        while following < len(words) and following - last <= 2:
            if numeric[following]:
                last = following
            elif hidden[following] or words[following].word not in _JOINERS:
                break
            following += 1
        said = [words[index].word for index in range(first, last + 1)]
        runs.append(_Span(first, last, _spoken_digits(said)))
        position = last + 1
    return runs


def _digits_in(word: str) -> str | None:
    """What digits one word stands for, "" for one that only scales others; None: no number."""
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
        return _spoken_digits(parts)
    return None


def _spoken_digits(said: Sequence[str]) -> str:
    """ "forty one eleven" is 4111, "double two" 22, "four hundred twelve" 412."""
    digits, repeat, open_tens = "", 1, False
    for word in said:
        found = _digits_in(word)
        if found is None:
            continue
        if word in REPEATS:
            repeat = REPEATS[word]
        elif word == "hundred" or word in SCALES:
            digits += "0" * (2 if word == "hundred" else len(str(SCALES[word])) - 1)
        elif open_tens and word in UNITS:
            digits = digits[:-1] + found
        elif digits.endswith("00") and word in (*UNITS, *TEENS, *TENS) and len(found) <= 2:
            digits = digits[: -len(found)] + found
        else:
            digits, repeat = digits + found * repeat, 1
        open_tens = word in TENS
    return digits


def _bridged(runs: Sequence[_Span]) -> Iterable[list[_Span]]:
    """Runs with at most a few other words between them, as one number."""
    group: list[_Span] = []
    for run in runs:
        if group and run.first - group[-1].last - 1 > BRIDGED_WORDS:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _adding_up_to(group: Sequence[_Span], lengths: range) -> Iterable[list[_Span]]:
    """The longest stretches of neighbours whose digits together are of one of the lengths."""
    first = 0
    while first < len(group):
        total, best = 0, None
        for last in range(first, len(group)):
            total += len(group[last].digits)
            if total in lengths:
                best = last
        if best is None:
            first += 1
        else:
            yield list(group[first : best + 1])
            first = best + 1


def _distance(words: Sequence[Word], run: _Span, context: set[str]) -> float:
    """How far the nearest word of ``context`` is; what follows counts as twice as far."""
    before = words[max(0, run.first - CONTEXT_WORDS) : run.first][::-1]
    after = words[run.last + 1 : run.last + 1 + CONTEXT_WORDS // 2]
    distances = [
        *(steps for steps, word in enumerate(before, start=1) if word.word in context),
        *(2 * steps for steps, word in enumerate(after, start=1) if word.word in context),
    ]
    return min(distances, default=math.inf)


def _is_year(words: Sequence[Word], run: _Span) -> bool:
    return run.first == run.last and bool(re.fullmatch(r"(19|20)\d\d", run.digits)) and (
        run.first > 0 and words[run.first - 1].word in ("in", "since", "year", *MONTHS)
    )  # fmt: skip


def _labelled(words: Sequence[Word], hidden: Sequence[_Hidden | None]) -> list[Word]:
    numbers: dict[tuple[str, str], int] = {}
    written: list[Word] = []
    for place, group in groupby(zip(words, hidden, strict=True), key=lambda pair: pair[1]):
        part = [word for word, _ in group]
        if place is None:
            written += part
            continue
        key = (place.label, place.value)
        if key not in numbers:
            numbers[key] = sum(label == place.label for label, _ in numbers) + 1
        text = f"[{place.label}_{numbers[key]}]{tail(part[-1].punctuated_word)}"
        written.append(merge(part, text))
    return written
