"""Numbers in Spanish, French, German, Italian and Portuguese words, written in digits.

The numbers are found by text2num (MIT). The rules here decide which of them are written as
digits, as those of ``engine/text/numbers.py`` do for English: small numbers, articles and
words that are more often something else stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from text_to_num import find_numbers

from engine.text.words import Word, merge, tail

JOINED_DIGITS = 4  # fewer single digits are counting, more are a number read out


@dataclass(frozen=True)
class Language:
    """The conventions of one language."""

    percent: tuple[tuple[str, ...], ...]
    percent_sign: str  # as it follows the digits
    separator: str  # of thousands, from five digits on
    scales: frozenset[str]  # stay as words: "2 millones", "millones de personas"
    # Single words that are more often something else: "tu sei" (you are), "neuf" (new).
    ambiguous: frozenset[str] = frozenset()
    spellings: dict[str, str] = field(default_factory=dict)  # that text2num does not know
    thanks: frozenset[str] = frozenset()  # "mille grazie" names no number
    ordinal_endings: tuple[tuple[str, str], ...] = ()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LANGUAGES = {
    "es": Language(
        percent=(("por", "ciento"), ("por", "cien")),
        percent_sign=" %",
        separator=".",
        scales=_words("cientos miles millón millones billón billones"),
        spellings={"veintiún": "veintiuno"},
        thanks=_words("gracias perdones disculpas"),
    ),
    "fr": Language(
        percent=(("pour", "cent"), ("pourcent",)),
        percent_sign="\u00a0%",
        separator="\u202f",
        scales=_words("million millions milliard milliards billion billions"),
        ambiguous=_words("neuf"),
        thanks=_words("merci mercis excuses"),
        ordinal_endings=(("èmes", "es"), ("ème", "e"), ("ères", "res"), ("ère", "re")),
    ),
    "de": Language(
        percent=(("prozent",),),
        percent_sign="\u00a0%",
        separator=".",
        scales=_words("million millionen milliarde milliarden billion billionen"),
        thanks=_words("dank"),
    ),
    "it": Language(
        percent=(("per", "cento"),),
        percent_sign="%",
        separator=".",
        scales=_words("milione milioni miliardo miliardi bilione bilioni"),
        ambiguous=_words("sei"),
        thanks=_words("grazie scuse"),
    ),
    "pt": Language(
        percent=(("por", "cento"),),
        percent_sign="%",
        separator=".",
        scales=_words("milhão milhões bilhão bilhões bilião biliões trilhão trilhões"),
        thanks=_words("obrigado obrigada obrigados obrigadas desculpas"),
    ),
}
_SCALE_VALUE = 10**6  # the least of a word of ``scales`` that may follow a number


@dataclass(frozen=True)
class Number:
    """A number in the words ``first`` to ``end``; ``text`` is its digits."""

    first: int
    end: int
    text: str
    value: float
    ordinal: bool = False
    scaled: bool = False  # a scale follows, which stays a word

    @property
    def is_digit(self) -> bool:
        """Return whether each word is one digit: "sept", "zéro sept"."""
        is_plain = self.text.isdecimal() and not self.ordinal and not self.scaled
        return is_plain and len(self.text) == self.end - self.first


class _Token:
    """A word as text2num reads it."""

    def __init__(self, text: str, is_separate: bool, is_percent: bool) -> None:
        self._text = text
        self._is_separate = is_separate
        self._is_percent = is_percent

    def text(self) -> str:
        return self._text

    def nt_separated(self, previous: _Token) -> bool:
        return self._is_separate

    def not_a_number_part(self) -> bool:
        return self._is_percent


class _Phrase:
    def __init__(self, words: Sequence[Word], code: str) -> None:
        self.words = words
        self.code = code
        self.language = LANGUAGES[code]
        self.bare = [word.word for word in words]
        self.stops = [
            tail(word.punctuated_word) != "" or word.speaker != following.speaker
            for word, following in zip(words, [*words[1:], *words[-1:]], strict=True)
        ]
        self._percents = {
            position: end
            for position in range(len(words))
            if (end := self._end_of_percent(position)) is not None
        }
        self._tokens = self._as_tokens()
        self.numbers = self._numbers()
        # Digits in a row of three or more: "uno dos tres".
        self._counted = {
            number.first for run in self._runs(self.numbers) if len(run) >= 3 for number in run
        }

    def percent_after(self, end: int) -> int | None:
        """Return where the words for percent end that follow a number, if any do."""
        return None if self.stops[end - 1] else self._percents.get(end)

    def _numbers(self) -> list[Number]:
        """Return all numbers, from left to right, as they may be written."""
        numbers = [
            Number(one.start, one.end, one.text, one.value, one.is_ordinal)
            for one in find_numbers(self._tokens, self.code, threshold=0)
        ]
        scaled = [one for number in numbers if (one := self._without_scale(number))]
        return self._joined(scaled)

    def _as_tokens(self) -> list[_Token]:
        percents = {place for first, end in self._percents.items() for place in range(first, end)}
        spellings = self.language.spellings
        return [
            _Token(spellings.get(text, text), position > 0 and self.stops[position - 1],
                   position in percents)
            for position, text in enumerate(self.bare)
        ]  # fmt: skip

    def _end_of_percent(self, position: int) -> int | None:
        for words in self.language.percent:
            end = position + len(words)
            if tuple(self.bare[position:end]) == words and not any(self.stops[position : end - 1]):
                return end
        return None

    def _without_scale(self, number: Number) -> Number | None:
        """Return "dos millones" as the two before the scale; None for a scale alone."""
        if self.bare[number.end - 1] not in self.language.scales:
            return number
        end = number.end - 1
        before = find_numbers(self._tokens[number.first : end], self.code, threshold=0)
        if len(before) != 1 or before[0].end - before[0].start != end - number.first:
            return number if before else None
        (part,) = before
        if part.value * _SCALE_VALUE > number.value or part.value < 2:
            return None if part.value < 2 else number
        return Number(number.first, end, part.text, part.value, scaled=True)

    def _joined(self, numbers: Sequence[Number]) -> list[Number]:
        """Return the numbers with digits that were read out one by one as one."""
        joined: list[Number] = []
        for run in self._runs(numbers):
            is_one = _is_decimal(run[0]) or _is_read_out(run)  # "tre virgola uno quattro"
            joined += [_concatenated(run)] if is_one and len(run) > 1 else run
        return joined

    def _runs(self, numbers: Sequence[Number]) -> Iterator[list[Number]]:
        """Yield single digits that follow each other as one list; each other number alone."""
        run: list[Number] = []
        for number in numbers:
            follows = run and run[-1].end == number.first and not self.stops[number.first - 1]
            is_open = run and (run[-1].is_digit or (len(run) == 1 and _is_decimal(run[0])))
            if follows and is_open and number.is_digit:
                run.append(number)
                continue
            if run:
                yield run
            run = [number]
        if run:
            yield run

    def is_written(self, number: Number, numerals: bool) -> bool:
        """Return whether ``number`` is written in digits."""
        if number.ordinal:
            return number.value >= 10
        if number.end - number.first == 1 and number.first not in self._counted:
            word = self.bare[number.first]
            if number.value == 1 or word in self.language.ambiguous:
                return False  # an article, or another word
            if number.value == 1000 and self._near(number) & self.language.thanks:
                return False
            if self.code == "de" and word == "acht" and self._near(number) & _ATTENTION:
                return False
        is_small = number.value < 10 and number.text.isdecimal() and not number.scaled
        is_row = number.is_digit and len(number.text) > 1
        return numerals or not is_small or is_row

    def _near(self, number: Number) -> set[str]:
        return set(self.bare[max(0, number.first - 1) : number.end + 1])

    def write(self, numerals: bool, tidy: bool) -> list[Word]:
        """Return the words; ``tidy`` writes percentages and separators of thousands."""
        written: list[Word] = []
        position = 0
        for number in self.numbers:
            if not self.is_written(number, numerals):
                continue
            text, end = self._text(number, tidy), number.end
            percent = self.percent_after(end) if tidy and not number.ordinal else None
            if percent is not None:
                text, end = text + self.language.percent_sign, percent
            group = self.words[number.first : end]
            written += self.words[position : number.first]
            written.append(merge(group, text + tail(group[-1].punctuated_word)))
            position = end
        return [*written, *self.words[position:]]

    def _text(self, number: Number, tidy: bool) -> str:
        text = number.text
        if number.ordinal:
            for ending, ours in self.language.ordinal_endings:
                if text.endswith(ending):
                    return text.removesuffix(ending) + ours
            return text
        is_row = number.is_digit and len(text) > 1
        if tidy and text.isdecimal() and len(text) > 4 and text[0] != "0" and not is_row:
            return f"{int(text):,}".replace(",", self.language.separator)
        return text


# "Acht geben", "außer Acht lassen": attention, not eight.
_ATTENTION = _words("gib gebt geben gibt nimm nehmt nehmen nimmt außer")


def write_digits(
    words: Sequence[Word], language: str, *, numerals: bool, smart_format: bool
) -> list[Word]:
    """Return the words with numbers in digits.

    ``language`` is a key of ``LANGUAGES``. ``numerals`` also writes numbers under ten,
    ``smart_format`` percentages and separators of thousands.
    """
    if not words:
        return []
    return _Phrase(words, language).write(numerals, smart_format)


def _is_decimal(number: Number) -> bool:
    return not number.ordinal and ("," in number.text or "." in number.text)


def _is_read_out(run: Sequence[Number]) -> bool:
    digits = "".join(number.text for number in run)
    return len(digits) >= JOINED_DIGITS or ("0" in digits and len(digits) >= 3)


def _concatenated(run: Sequence[Number]) -> Number:
    text = "".join(number.text for number in run)
    value = float(text.replace(",", "."))
    return replace(run[0], end=run[-1].end, text=text, value=value)
