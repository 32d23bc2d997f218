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

# Longer ones are no amounts; Python also rejects an integer of more than 4,300 digits.
WRITTEN = re.compile(r"\d{1,40}(?:,\d{3}){0,12}(?:\.\d{1,40})?")
WRITTEN_ORDINAL = re.compile(r"(\d{1,40})(?:st|nd|rd|th)")
JOINED_DIGITS = 4  # "one two three" is counting, four digits and more are a number read out


_BEFORE_TENS = ("start", "hundred", "scale", "and")


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


@dataclass
class _Value:
    """Value of the words of one number that have been read; ``state`` is the kind of the last."""

    total: int = 0  # of the thousands, millions, ... that are complete
    current: int = 0  # below the next scale
    state: str = "start"
    smallest: int = 10**15  # scale that was read
    is_spelled: bool = False
    is_ordinal: bool = False
    scale: str | None = None  # that stays a word: "3.5 million"
    decimals: str = ""

    @property
    def is_complete(self) -> bool:
        return self.is_ordinal or self.scale is not None

    def begin(self, word: str) -> bool:
        """Read a number in digits, or zero; False for another word."""
        if match := WRITTEN.fullmatch(word):
            whole, _, self.decimals = match[0].replace(",", "").partition(".")
            self.current, self.state = int(whole), "written"
        elif match := WRITTEN_ORDINAL.fullmatch(word):
            self.current, self.is_ordinal = int(match[1]), True
        elif word == "zero":
            self.add(0, "unit")
        else:
            return False
        return True

    def add(self, value: int, state: str) -> None:
        self.current, self.state, self.is_spelled = self.current + value, state, True

    def add_below_hundred(self, word: str) -> bool:
        """Add a word for 1 to 99, or "twenty-first"; False where it cannot stand."""
        tens, _, ones = word.partition("-")
        if word in UNITS and self.state in (*_BEFORE_TENS, "tens"):
            self.add(UNITS[word], "unit")
        elif self.state not in _BEFORE_TENS:
            return False
        elif word in TEENS:
            self.add(TEENS[word], "teen")
        elif word in TENS:
            self.add(TENS[word], "tens")
        elif tens in TENS and ones in UNITS:
            self.add(TENS[tens] + UNITS[ones], "unit")
        elif tens in TENS and ORDINALS.get(ones, 99) < 10:
            self.add(TENS[tens] + ORDINALS[ones], self.state)
            self.is_ordinal = True
        else:
            return False
        return True

    def multiply_by_hundred(self) -> int:
        """Return the number of words read: 0 after a hundred."""
        if self.current >= 100:
            return 0
        self.current, self.state, self.is_spelled = self.current * 100, "hundred", True
        return 1

    def allows(self, scale: str) -> bool:
        return SCALES[scale] < self.smallest

    def multiply_by(self, scale: str) -> None:
        self.smallest = SCALES[scale]
        self.total, self.current = self.total + max(self.current, 1) * self.smallest, 0
        self.state, self.is_spelled = "scale", True

    def end_with(self, ordinal: int) -> None:
        is_multiple = ordinal >= 100 and self.state != "start"
        self.current = self.current * ordinal if is_multiple else self.current + ordinal
        self.is_spelled = self.is_ordinal = True


def find_numbers(words: Sequence[str], stops: Sequence[bool] = ()) -> list[Number]:
    """The numbers in bare lower-case words, from left to right.

    ``stops[i]`` says that punctuation follows word ``i``, over which no number reaches.
    """
    ends = list(stops) or [False] * len(words)
    numbers = []
    first = 0
    while first < len(words):
        last = first
        while last < len(words) - 1 and not ends[last]:
            last += 1
        numbers += _in_phrase(words[first : last + 1], first)
        first = last + 1
    return numbers


def digit_of(word: str) -> str | None:
    """The digits of one word that may stand in a number read out: ``oh`` is 0, ``forty`` 40."""
    if word in ZEROS:
        return "0"
    if word.isdecimal():
        return word
    value = UNITS.get(word) or TEENS.get(word) or TENS.get(word)
    return str(value) if value else None


def with_commas(digits: str) -> str:
    """``1500`` as ``1,500``; leading zeros are part of an identifier, and stay."""
    whole, point, fraction = digits.partition(".")
    is_amount = len(whole) > 3 and not whole.startswith("0")
    return f"{int(whole):,}{point}{fraction}" if is_amount else digits


def ordinal_digits(value: int) -> str:
    """21 as ``21st``."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10)
    return f"{value}{ending or 'th'}"


def _in_phrase(words: Sequence[str], offset: int) -> list[Number]:
    parts = _Parts(words)
    numbers = []
    position = 0
    while position < len(words):
        number = parts.sequence(position) or parts.year(position) or parts.number(position)
        if number is None:
            position += 1
            continue
        numbers.append(_shifted(number, offset))
        position += number.count
    return numbers


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
        """ "four one five five five", "two oh six", "double seven", "nine one one"."""
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
        is_emergency = digits == "911"
        long_enough = len(digits) >= JOINED_DIGITS or (has_zero and ones >= 3) or is_emergency
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
        value = _Value()
        position = first
        while position < len(self._words) and not value.is_complete:
            taken = self._take(value, position)
            if not taken:
                break
            position += taken
        return self._number(value, first, position) if position > first else None

    def _take(self, value: _Value, position: int) -> int:
        """Add the next words to ``value`` and return their number; 0 when it has ended."""
        word, is_start = self._at(position), value.state == "start"
        if (is_start and value.begin(word)) or value.add_below_hundred(word):
            return 1
        if is_start and self._is_one(position):
            value.add(1, "unit")
        elif word == "hundred" and value.state in ("unit", "teen", "tens", "written"):
            return 0 if value.decimals else value.multiply_by_hundred()
        elif word in SCALES and value.state not in ("start", "and") and value.allows(word):
            return self._take_scale(value, position)
        elif word == "and" and value.state in ("hundred", "scale") and self._goes_on(position + 1):
            value.state = "and"
        elif word == "point" and not is_start and not value.decimals:
            value.decimals, count = self._decimals(position + 1)
            value.is_spelled, value.state = value.is_spelled or count > 0, "decimals"
            return count + 1 if count else 0
        elif word in ORDINALS and self._ordinal_fits(word, value.state):
            value.end_with(ORDINALS[word])
        else:
            return 0
        return 1

    def _take_scale(self, value: _Value, position: int) -> int:
        word = self._at(position)
        if word in ROUND_SCALES and value.total == 0 and not self._goes_on(position + 1):
            value.scale, value.is_spelled = word, True
        elif value.decimals:
            return 0
        else:
            value.multiply_by(word)
        return 1

    def _number(self, value: _Value, first: int, end: int) -> Number:
        whole, is_ordinal, is_spelled = (
            value.total + value.current,
            value.is_ordinal,
            value.is_spelled,
        )
        digits = f"{whole}" + (f".{value.decimals}" if value.decimals else "")
        year = not (is_spelled or is_ordinal or value.decimals) and 1500 <= whole <= 2100
        year |= is_spelled and not is_ordinal and 2000 <= whole < 2030 and value.scale is None
        written = self._at(first)
        if not is_spelled and not is_ordinal:
            digits = written.replace(",", "")  # leading zeros are part of it
            year &= written.isdecimal()
        return Number(
            first, end - first, digits, is_ordinal, year, spelled=is_spelled, scale=value.scale
        )

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
            ones = UNITS.get(self._at(position + 1), 0) if self._at(position) in TENS else 0
            return (f"{int(digit) + ones}", 2) if ones else (digit, 1)  # "point twenty five"
        return digits, count

    @staticmethod
    def _ordinal_fits(word: str, state: str) -> bool:
        if state == "start":
            return word not in ("hundredth", "thousandth", "millionth")
        if ORDINALS[word] >= 100:
            return state in ("unit", "teen", "tens", "hundred", "written")
        return state in ("hundred", "scale", "and") or (state == "tens" and ORDINALS[word] < 10)
