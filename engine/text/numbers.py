"""English numbers as they are spoken, found in words: their digits and where they stand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

UNITS = {
    word: value
    for value, word in enumerate("one two three four five six seven eight nine".split(), start=1)
}
TEENS = {
    word: value
    for value, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        start=10,
    )
}
TENS = {
    word: value * 10
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ROUND_SCALES = ("million", "billion", "trillion")
REPEATS = {"double": 2, "triple": 3}
ZEROS = ("zero", "oh", "o", "nought")

ORDINALS = {
    **{
        word: value
        for value, word in enumerate(
            "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
            "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split(),
            start=1,
        )
    },
    **{tens[:-1] + "ieth": value for tens, value in TENS.items()},
    "hundredth": 100,
    "thousandth": 1000,
    "millionth": 10**6,
}

# Longer ones are no amounts; Python also refuses to read an integer of some thousand digits.
WRITTEN = re.compile(r"\d{1,40}(?:,\d{3}){0,12}(?:\.\d{1,40})?")
WRITTEN_ORDINAL = re.compile(r"(\d{1,40})(?:st|nd|rd|th)")
JOINED_DIGITS = 4  # "one two three" is counting, four digits and more are a number read out


@dataclass(frozen=True)
class Number:
    """A number that takes ``count`` words from ``first`` on.

    ``digits`` is written plainly, without separators: ``1500``, ``3.5``. ``scale`` is the
    million of "five million", which reads better as it is. ``sequence`` says that the digits
    were read out one by one or in pairs; ``spelled`` that some of it was in letters.
    """

    first: int
    count: int
    digits: str
    ordinal: bool = False
    year: bool = False
    sequence: bool = False
    spelled: bool = True
    scale: str | None = None

    @property
    def value(self) -> float:
        return float(self.digits) * SCALES.get(self.scale or "", 1)


def find_numbers(words: Sequence[str], stops: Sequence[bool] = ()) -> list[Number]:
    """The numbers in bare lower-case words, from left to right.

    ``stops[i]`` says that punctuation follows word ``i``, over which no number reaches.
    """
    ends = list(stops) or [False] * len(words)
    found = []
    first = 0
    while first < len(words):
        last = first
        while last < len(words) - 1 and not ends[last]:
            last += 1
        found += _in_phrase(words[first : last + 1], first)
        first = last + 1
    return found


def digit_of(word: str) -> str | None:
    """The digits of one word that may stand in a number read out: ``oh`` is 0, ``forty`` 40."""
    if word in ZEROS:
        return "0"
    if word.isdecimal():
        return word
    value = UNITS.get(word) or TEENS.get(word) or TENS.get(word)
    return str(value) if value else None


def with_commas(digits: str) -> str:
    """``1500`` as ``1,500``."""
    whole, point, fraction = digits.partition(".")
    return f"{int(whole):,}{point}{fraction}" if len(whole) > 3 else digits


def ordinal_digits(value: int) -> str:
    """21 as ``21st``."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10)
    return f"{value}{ending or 'th'}"


def _in_phrase(words: Sequence[str], offset: int) -> list[Number]:
    parts = _Parts(words)
    found = []
    position = 0
    while position < len(words):
        number = parts.sequence(position) or parts.year(position) or parts.number(position)
        if number is None:
            position += 1
            continue
        found.append(_shifted(number, offset))
        position += number.count
    return found


def _shifted(number: Number, offset: int) -> Number:
    return Number(**{**number.__dict__, "first": number.first + offset})


class _Parts:
    """The grammar; each rule looks at one position and gives a number or None."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        # Digits before here end in a number of another kind: read once, not from each of them.
        self._no_sequence_before = 0

    def _at(self, position: int) -> str:
        return self._words[position] if position < len(self._words) else ""

    def sequence(self, first: int) -> Number | None:
        """ "four one five five five", "two oh six", "double seven", "nine eleven two"."""
        if first < self._no_sequence_before:
            return None
        digits, position, ones, has_zero = "", first, 0, False
        while position < len(self._words):
            word = self._at(position)
            repeat = REPEATS.get(word, 1)
            digit = digit_of(self._at(position + 1) if repeat > 1 else word)
            if digit is None or len(digit) > 1 or (digit != "0" and word.isdecimal()):
                break
            has_zero |= digit == "0"
            digits += digit * repeat
            ones += 1
            position += 2 if repeat > 1 else 1
        if self._scale_follows(position) or self._at(position) == "point":
            self._no_sequence_before = position
            return None  # the last digit begins a number of its own
        long_enough = len(digits) >= JOINED_DIGITS or (has_zero and ones >= 3)
        if not long_enough or ones < 2:
            return None
        return Number(first, position - first, digits, sequence=True)

    def year(self, first: int) -> Number | None:
        """ "nineteen eighty four", "twenty twenty", "nineteen oh five"."""
        century = TEENS.get(self._at(first)) or (20 if self._at(first) == "twenty" else None)
        if century is None or not 11 <= century <= 20:
            return None
        if self._at(first + 1) == "oh" and self._at(first + 2) in UNITS:
            digits = f"{century}0{UNITS[self._at(first + 2)]}"
            return Number(first, 3, digits, year=True)
        word = self._at(first + 1)
        rest, count = TEENS.get(word), 2
        if rest is None and word in TENS:
            rest = TENS[word]
            if self._at(first + 2) in UNITS:
                rest, count = rest + UNITS[self._at(first + 2)], 3
        elif rest is None and "-" in word:
            tens, _, ones = word.partition("-")
            rest = TENS[tens] + UNITS[ones] if tens in TENS and ones in UNITS else None
        following = self._at(first + count)
        if rest is None or following in SCALES or following == "hundred":
            return None
        return Number(first, count, f"{century}{rest:02}", year=True)

    def number(self, first: int) -> Number | None:
        """A cardinal, ordinal or decimal: "two hundred and five", "twenty-first", "3 point 5"."""
        total = current = 0
        state, smallest, spelled, ordinal = "start", 10**15, False, False
        scale: str | None = None
        decimals = ""
        position = first
        while position < len(self._words) and not ordinal:
            word = self._at(position)
            tens, _, ones = word.partition("-")
            if state == "start" and (match := WRITTEN.fullmatch(word)):
                whole, _, decimals = match[0].replace(",", "").partition(".")
                current, state = int(whole), "written"
            elif state == "start" and (match := WRITTEN_ORDINAL.fullmatch(word)):
                current, ordinal = int(match[1]), True
            elif state == "start" and word == "zero":
                current, state, spelled = 0, "unit", True
            elif state == "start" and self._is_one(position):
                current, state, spelled = 1, "unit", True
            elif word in UNITS and state in ("start", "tens", "hundred", "scale", "and"):
                current, state, spelled = current + UNITS[word], "unit", True
            elif word in TEENS and state in ("start", "hundred", "scale", "and"):
                current, state, spelled = current + TEENS[word], "teen", True
            elif word in TENS and state in ("start", "hundred", "scale", "and"):
                current, state, spelled = current + TENS[word], "tens", True
            elif tens in TENS and ones in UNITS and state in ("start", "hundred", "scale", "and"):
                current, state, spelled = current + TENS[tens] + UNITS[ones], "unit", True
            elif tens in TENS and ORDINALS.get(ones, 99) < 10 and state in _BEFORE_TENS:
                current, spelled, ordinal = current + TENS[tens] + ORDINALS[ones], True, True
            elif word == "hundred" and state in ("unit", "teen", "tens", "written"):
                if current >= 100:
                    break
                current, state, spelled = current * 100, "hundred", True
            elif word in SCALES and state not in ("start", "and") and SCALES[word] < smallest:
                if word in ROUND_SCALES and total == 0 and not self._goes_on(position + 1):
                    scale, position, spelled = word, position + 1, True
                    break
                if decimals:
                    break
                smallest = SCALES[word]
                total, current = total + max(current, 1) * smallest, 0
                state, spelled = "scale", True
            elif word == "and" and state in ("hundred", "scale") and self._goes_on(position + 1):
                state = "and"
            elif word == "point" and state != "start" and not decimals:
                decimals, count = self._decimals(position + 1)
                if not count:
                    break
                position, state, spelled = position + count, "decimals", True
            elif word in ORDINALS and self._ordinal_fits(word, state):
                value = ORDINALS[word]
                current = current * value if value >= 100 and state != "start" else current + value
                spelled, ordinal = True, True
            else:
                break
            position += 1
        if position == first:
            return None
        digits = f"{total + current}" + (f".{decimals}" if decimals else "")
        year = not (spelled or ordinal or decimals) and 1500 <= total + current <= 2100
        year |= spelled and not ordinal and 2000 <= total + current < 2030 and scale is None
        written = self._at(first)
        if not spelled and not ordinal:
            digits = written.replace(",", "")  # leading zeros are part of it
            year &= written.isdecimal()
        return Number(first, position - first, digits, ordinal, year, spelled=spelled, scale=scale)

    def _is_one(self, position: int) -> bool:
        """The "a" of "a million"; half a million and a quarter of a million stay as they are."""
        before = self._words[position - 1] if position else ""
        is_article = self._at(position) in ("a", "an") and before not in ("half", "of")
        return is_article and self._scale_follows(position + 1)

    def _scale_follows(self, position: int) -> bool:
        return self._at(position) in SCALES or self._at(position) == "hundred"

    def _goes_on(self, position: int) -> bool:
        if self._at(position) == "and":
            position += 1
        word = self._at(position)
        is_tens = word.partition("-")[0] in TENS
        return word in UNITS or word in TEENS or is_tens or word in ORDINALS

    def _decimals(self, position: int) -> tuple[str, int]:
        digits, count = "", 0
        while (digit := digit_of(self._at(position + count))) and len(digit) == 1:
            digits, count = digits + digit, count + 1
        if not digits and (digit := digit_of(self._at(position))):
            return digit, 1
        return digits, count

    @staticmethod
    def _ordinal_fits(word: str, state: str) -> bool:
        if state == "start":
            return word not in ("hundredth", "thousandth", "millionth")
        if ORDINALS[word] >= 100:
            return state in ("unit", "teen", "tens", "hundred", "written")
        return state in ("hundred", "scale", "and") or (state == "tens" and ORDINALS[word] < 10)


_BEFORE_TENS = ("start", "hundred", "scale", "and")
