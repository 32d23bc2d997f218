"""Formatting of recognised words: numbers, dates, money, addresses, fillers, profanity.

English by rules; the numbers of five other languages are in ``engine/text/numerals.py``. Whisper
writes some numbers in digits and some in letters as it likes. The options decide which:
``smart_format`` and ``numerals`` write digits, without them English numbers are spelled out. Words
that become one keep the start of the first and the end of the last.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from engine.text import spoken
from engine.text.numbers import (
    SCALES,
    TEENS,
    TENS,
    UNITS,
    Number,
    digit_of,
    find_numbers,
    ordinal_digits,
    with_commas,
)
from engine.text.numerals import LANGUAGES, write_digits
from engine.text.words import Word, merge, tail

MONTHS = {
    month.lower(): month
    for month in (
        "January February March April May June July August September October November December"
    ).split()
}
SHORT_MONTHS = {
    **{month[:3]: name for month, name in MONTHS.items() if month != "may"},
    "sept": "September",
}
TOP_LEVEL_DOMAINS = frozenset(
    "com org net edu gov mil io ai co us uk ca au de fr es it nl eu ch at app dev info biz me tv "
    "shop store cloud tech online".split()
)
CURRENCIES = {
    "dollar": "$", "dollars": "$", "buck": "$", "bucks": "$", "euro": "€", "euros": "€",
    "yen": "¥", "rupee": "₹", "rupees": "₹", "usd": "$", "eur": "€", "gbp": "£", "jpy": "¥",
    "inr": "₹", "$": "$", "€": "€", "£": "£", "¥": "¥", "₹": "₹",
}  # fmt: skip
# "Ten pounds" may be money or weight: it is money only in this company.
STERLING = ("sterling", "pence", "quid")
MEASURES = {
    "millimeter": "mm", "centimeter": "cm", "meter": "m", "kilometer": "km", "inch": "in",
    "foot": "ft", "yard": "yd", "mile": "mi", "milligram": "mg", "gram": "g", "kilogram": "kg",
    "kilo": "kg", "ounce": "oz", "pound": "lb", "milliliter": "ml", "liter": "l",
    "gallon": "gal", "quart": "qt", "pint": "pt", "second": "s", "millisecond": "ms",
    "minute": "min", "hour": "hr", "hertz": "Hz", "kilohertz": "kHz", "megahertz": "MHz",
    "gigahertz": "GHz", "watt": "W", "kilowatt": "kW", "megawatt": "MW", "volt": "V",
    "amp": "A", "ampere": "A", "byte": "B", "kilobyte": "KB", "megabyte": "MB",
    "gigabyte": "GB", "terabyte": "TB", "calorie": "cal", "degree": "°",
}  # fmt: skip
IRREGULAR_PLURALS = {"feet": "foot", "inches": "inch"}
MEASURE_SPELLINGS = {"metre": "meter", "litre": "liter", "gramme": "gram"}
TEMPERATURES = {"celsius": "°C", "centigrade": "°C", "fahrenheit": "°F"}
COMPOUND_MEASURES = {
    ("mile", "hour"): "mph", ("kilometer", "hour"): "km/h", ("meter", "second"): "m/s",
    ("megabit", "second"): "Mbps", ("foot", "second"): "ft/s",
}  # fmt: skip
FILLERS = frozenset("uh uhh uhm um umm erm er err hmm hm mm mmm mhm".split())

_PROFANITIES = (
    "fuck", "motherfuck", "shit", "bullshit", "horseshit", "cunt", "asshole", "arsehole",
    "bastard", "bitch", "cock", "cocksuck", "dick", "dickhead", "dipshit", "douchebag", "faggot",
    "goddamn", "goddamned", "jackass", "jerkoff", "nigger", "nigga", "piss", "prick", "pussy",
    "slut", "twat", "wank", "whore", "wop", "retard",
)  # fmt: skip
PROFANITY = re.compile(
    rf"(?:{'|'.join(sorted(_PROFANITIES, key=len, reverse=True))})"
    r"(?:s|es|ed|er|ers|ing|in|in'|y|ty|ted|ting|tier|head|heads|face|faces|less)?(?:'s)?"
)

DICTATION = {
    ("period",): ".", ("full", "stop"): ".", ("comma",): ",", ("question", "mark"): "?",
    ("exclamation", "mark"): "!", ("exclamation", "point"): "!", ("colon",): ":",
    ("semicolon",): ";", ("semi", "colon"): ";", ("ellipsis",): "…",
    ("new", "line"): "\n", ("newline",): "\n", ("new", "paragraph"): "\n\n",
    ("hyphen",): "-", ("dash",): " \u2013", ("open", "parenthesis"): "(",
    ("close", "parenthesis"): ")", ("open", "quote"): "“", ("close", "quote"): "”",
    ("unquote",): "”",
}  # fmt: skip
# "The Victorian period", "a long dash": with one of these before it the word is meant as such.
NOT_DICTATED_AFTER = frozenset(
    "a an the this that these those my your his her our their any every each some long short "
    "time trial grace waiting cooling class lunch same whole first second third last next one"
    .split()
)  # fmt: skip
OPENING_MARKS = ("(", "“")

CENTURIES = frozenset(str(year) for year in range(1100, 2000, 100))
DECADES = {f"{tens[:-1]}ies": value for tens, value in TENS.items()}
# "Flight two forty seven" is 247, "at two thirty" is 2:30; "two fifty" alone is either.
LABELS = frozenset(
    "flight room suite apartment bus route highway interstate train gate page section channel unit "
    "extension line building number model form".split()
)
BEFORE_TIME = frozenset(("at", "until", "till", "by"))
STREETS = frozenset("street avenue road lane drive boulevard".split())  # after a house number
# Ten digits after one of these are no phone number.
NUMBERED = frozenset(
    "account order invoice policy member membership reference confirmation routing tracking serial "
    "case ticket customer".split()
)
NUMBERED_WORDS = 5  # how far before the digits


@dataclass(frozen=True)
class Formatting:
    """The options that change how words are written (docs/contract.md, 5.1)."""

    smart_format: bool = False
    numerals: bool = False
    measurements: bool = False
    dictation: bool = False
    filler_words: bool = False
    profanity_filter: bool = False


def format_words(
    words: Sequence[Word], options: Formatting, language: str | None = "en"
) -> list[Word]:
    """Return the words as the options require in ``language``, a BCP-47 tag.

    English has all options, the languages of ``engine/text/numerals.py`` numbers in digits.
    Words of other languages stay as they are.
    """
    code = (language or "").split("-")[0].lower()
    if code == "en":
        return _format_english(words, options)
    if code in LANGUAGES and (options.smart_format or options.numerals):
        return write_digits(
            words, code, numerals=options.numerals, smart_format=options.smart_format
        )
    return list(words)


def _format_english(words: Sequence[Word], options: Formatting) -> list[Word]:
    written = list(words)
    if not options.filler_words:
        written = remove_fillers(written)
    if options.dictation:
        written = dictate(written)
    if options.smart_format or options.numerals or options.measurements:
        written = write_numbers(written, options)
    else:
        written = spell_numbers(written)
    if options.profanity_filter:
        written = mask_profanity(written)
    return written


def remove_fillers(words: Sequence[Word]) -> list[Word]:
    """Without "uh" and "um"; their punctuation and capitals go to their neighbours."""
    kept: list[Word] = []
    capital = False
    for word in words:
        if word.word not in FILLERS:
            if capital:
                word = replace(word, punctuated_word=_capitalised(word.punctuated_word))
            kept.append(word)
            capital = False
            continue
        capital = capital or word.punctuated_word[:1].isupper()
        mark = tail(word.punctuated_word)
        if kept and mark[:1] in (".", "?", "!") and not tail(kept[-1].punctuated_word):
            kept[-1] = replace(kept[-1], punctuated_word=kept[-1].punctuated_word + mark[0])
    return kept


def mask_profanity(words: Sequence[Word]) -> list[Word]:
    """Profane words as their first letter and asterisks."""
    return [_masked(word) if PROFANITY.fullmatch(word.word) else word for word in words]


def dictate(words: Sequence[Word]) -> list[Word]:
    """Spoken punctuation as marks: "period", "new line", "open parenthesis".

    A mark goes to the word before it (opening ones to the word after it); after a full stop or
    a new line the next word begins with a capital.
    """
    written: list[Word] = []
    opening, capital, position = "", False, 0
    while position < len(words):
        word = words[position]
        mark, count = _dictated(words, position)
        if mark is None or (not written and mark not in OPENING_MARKS):
            count = 1  # without a word before it the mark is a word
            text = opening + word.punctuated_word
            written.append(word.written(_capitalised(text) if capital else text))
            opening, capital = "", False
        elif mark in OPENING_MARKS:
            opening = mark
        else:
            before = written[-1].punctuated_word
            # Whisper's own guess of the mark gives way to the spoken one.
            text = before.rstrip(",.?!;:") if mark in ",.?!;:…" else before
            written[-1] = replace(
                written[-1],
                punctuated_word=text + mark,
                end=words[position + count - 1].end,
            )
            capital = mark in (".", "?", "!", "\n", "\n\n") or (capital and mark not in ",;:-")
        position += count
    return written


def spell_numbers(words: Sequence[Word]) -> list[Word]:
    """Digits as letters: ``900`` becomes two words that share its time by their length."""
    spelled: list[Word] = []
    for word in words:
        says = _said(word)
        if says is None:
            spelled.append(word)
            continue
        if spelled and tail(spelled[-1].punctuated_word)[:1] in (".", "?", "!"):
            says = _capitalised(says)
        spelled += _shared_out(word, says)
    return spelled


def write_numbers(words: Sequence[Word], options: Formatting) -> list[Word]:
    """Numbers in digits, and with ``smart_format`` everything that is made of numbers."""
    phrase = Phrase(words)
    rules: list[Rule] = []
    if options.smart_format:
        rules += [_email, _url, _phone, _date, _time, _money, _written_money, _percent]
        rules += [_decade, _version, _labelled]
    if options.measurements:
        rules.append(_measure)
    written: list[Word] = []
    position = 0
    while position < len(words):
        match = next((result for rule in rules if (result := rule(phrase, position))), None)
        match = match or _number(phrase, position, options)
        if match is None:
            written.append(words[position])
            position += 1
            continue
        count, text = match
        group = words[position : position + count]
        written.append(merge(group, text + _closing(phrase, position + count)))
        position += count
    return written


@dataclass(frozen=True)
class _Chain:
    """Words joined to an address: where they end, the last of them and the mark before it."""

    end: int
    last: str
    mark: str

    @property
    def is_domain(self) -> bool:
        """True when the last part is a top-level domain, which has a dot before it."""
        _, dot, top = self.last.rpartition(".")
        return top in TOP_LEVEL_DOMAINS and bool(dot or self.mark == ".")


class Phrase:
    """Words and the numbers among them, looked at by the rules."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.bare = [word.word for word in words]
        self._stops = [
            tail(word.punctuated_word) != "" or word.speaker != following.speaker
            for word, following in zip(words, [*words[1:], *words[-1:]], strict=True)
        ]
        self._numbers = {number.first: number for number in find_numbers(self.bare, self._stops)}
        self._joins: dict[int, _Chain] = {}

    def at(self, position: int) -> str:
        return self.bare[position] if 0 <= position < len(self.bare) else ""

    def number(self, position: int) -> Number | None:
        return self._numbers.get(position)

    @property
    def numbers(self) -> Iterable[Number]:
        return self._numbers.values()

    def stops(self, position: int) -> bool:
        """True when punctuation follows the word."""
        return self._stops[position] if position < len(self._stops) else True

    def address_word(self, position: int) -> tuple[str, int]:
        """Return a word as it stands in an address, and where it ends; numbers are digits."""
        number = self.number(position)
        if number is not None and not number.ordinal:
            return number.digits, position + number.count
        return self.at(position), position + 1

    def chain(self, first: int) -> "_Chain | None":
        """Return the words that "dot", "underscore" and "dash" join from ``first`` on."""
        if not _ADDRESS_WORD.fullmatch(self.at(first)) or self.at(first) in _ADDRESS_MARKS:
            return None
        text, after = self.address_word(first)
        rest = self._joined(after)
        return rest if rest.mark else _Chain(after, text, "")

    def _joined(self, after: int) -> "_Chain":
        """Return what is joined to the word that ends at ``after``; without a mark nothing is.

        Each place is looked at once, however many rules ask: a recogniser that repeats itself
        writes thousands of dots, each of which could begin an address.
        """
        first, joined = after, []
        while after not in self._joins:
            mark = _ADDRESS_MARKS.get(self.at(after), "")
            fits = _ADDRESS_WORD.fullmatch(self.at(after + 1))
            if not mark or self.stops(after - 1) or not fits:
                self._joins[after] = _Chain(after, "", "")
                break
            word, end = self.address_word(after + 1)
            joined.append((after, _Chain(end, word, mark)))
            after = end
        for place, step in reversed(joined):
            rest = self._joins[step.end]
            self._joins[place] = rest if rest.mark else step
        return self._joins[first]

    def address(self, first: int, end: int) -> str:
        """Return the chain ``first`` to ``end`` as text."""
        text, position = self.address_word(first)
        while position < end:
            mark = _ADDRESS_MARKS[self.at(position)]
            word, position = self.address_word(position + 1)
            text += mark + word
        return text


Match = tuple[int, str]  # words taken, what they are written as
Rule = Callable[[Phrase, int], Match | None]

_MERIDIEMS = {
    "am": "AM", "pm": "PM", "a.m": "AM", "p.m": "PM",
}  # fmt: skip
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2}))?(?::(?P<second>\d{2}))?")
_WRITTEN_TIME = re.compile(rf"{_CLOCK.pattern}(?P<half>[ap]\.?m)")
_AMOUNT = r"(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,15})?(?P<fraction>\.\d{1,9})?"
_WRITTEN_MONEY = re.compile(rf"(?P<sign>[$€£¥₹]){_AMOUNT}(?P<scale>m|bn)?")
_SIGN_BEHIND = re.compile(rf"{_AMOUNT}(?P<scale>)(?P<sign>[$€£¥₹])")
_MONEY_SCALES = {"m": "million", "bn": "billion"}


def _email(phrase: Phrase, first: int) -> Match | None:
    """ "john dot smith at example dot com"."""
    local = phrase.chain(first)
    if local is None or phrase.at(local.end) not in ("at", "@"):
        return None
    domain = phrase.chain(local.end + 1)
    if domain is None or not domain.is_domain:
        return None
    name = phrase.address(first, local.end)
    host = phrase.address(local.end + 1, domain.end)
    return domain.end - first, f"{name}@{host}".replace("@.", "@")


def _url(phrase: Phrase, first: int) -> Match | None:
    """ "www dot example dot com slash help"."""
    start = first + 2 if [phrase.at(first + place) for place in range(3)] == ["w"] * 3 else first
    domain = phrase.chain(start)
    if domain is None or not domain.is_domain or domain.end == start + 1:
        return None
    if phrase.at(first) in _NO_HOSTS:
        return None
    parts, position = ["w" * (start - first) + phrase.address(start, domain.end)], domain.end
    while phrase.at(position) == "slash" and not (
        phrase.stops(position - 1) or phrase.stops(position)
    ):
        path = phrase.chain(position + 1)
        if path is None:
            break
        parts.append(phrase.address(position + 1, path.end))
        position = path.end
    return position - first, "/".join(parts)


def _ip_address(phrase: Phrase, first: int) -> Match | None:
    """ "ten dot zero dot zero dot one"."""
    chain = phrase.chain(first)
    if chain is None or not chain.mark or chain.end - first > _IP_ADDRESS_WORDS:
        return None
    text = phrase.address(first, chain.end)
    return (chain.end - first, text) if _IP_ADDRESS.fullmatch(text) else None


_IP_ADDRESS_WORDS = 23  # "one hundred and twenty seven", four times, and three dots
_NO_HOSTS = frozenset(("the", "a", "an", "this", "that"))  # "the dot com bubble"
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_ADDRESS_MARKS = {"dot": ".", "point": ".", "underscore": "_", "dash": "-", "hyphen": "-"}
_ADDRESS_WORD = re.compile(r"[\w.-]+")


def _phone(phrase: Phrase, first: int) -> Match | None:
    """Seven, ten or eleven digits that were read out or written in groups."""
    if any(phrase.at(first - back) in NUMBERED for back in range(1, NUMBERED_WORDS + 1)):
        return None
    digits, position, groups = "", first, 0
    cuts: set[int] = set()
    while position < len(phrase.words) and len(digits) < 11:
        word = phrase.at(position)
        repeat = {"double": 2, "triple": 3}.get(word, 1)
        if repeat > 1:
            position += 1
            word = phrase.at(position)
        plain = re.sub(r"[-().+]", "", word)
        digit = digit_of(plain) if len(plain) <= 11 else None
        tens = word.split("-")
        if digit is None and len(tens) == 2 and all(map(digit_of, tens)):
            digit = str(int(digit_of(tens[0]) or 0) + int(digit_of(tens[1]) or 0))
        if digit is None:
            break
        parts = re.findall(r"\d+", word) if plain == digit else [digit]
        cuts.update(len(digits) + length * repeat for length in accumulate(map(len, parts)))
        digits, groups, position = digits + digit * repeat, groups + 1, position + 1
        if phrase.stops(position - 1) and tail(phrase.words[position - 1].punctuated_word) != ",":
            break
    if len(digits) not in (7, 10, 11) or (len(digits) == 11 and digits[0] != "1"):
        return None
    if groups == 1 and not re.fullmatch(r"\d{10}|.*\d[-.)]\d.*", phrase.at(first)):
        return None
    is_plain = groups == 1 and len(digits) == len(phrase.at(first))
    if not is_plain and not {len(digits) - 4, len(digits) - 7} <= cuts | {0}:
        return None
    if groups == 2 and len(digits) == 7 and not re.fullmatch(r"\d{3}", phrase.at(first)):
        return None
    parts = [digits[-4:], digits[-7:-4], digits[-10:-7], digits[:-10]]
    return position - first, "-".join(part for part in reversed(parts) if part)


def _date(phrase: Phrase, first: int) -> Match | None:
    """ "January fifth twenty twenty four", "the fifth of January", "3rd March 2024", "Mar. 3"."""
    month, day, position = _month_and_day(phrase, first) or _day_and_month(phrase, first) or _NONE
    if day is None:
        return None
    text = f"{month} {int(day.digits)}"
    year = _year(phrase, position)
    if year is None:
        return position - first, text
    return position + year.count - first, f"{text}, {year.digits}"


_DayOfMonth = tuple[str, Number | None, int]  # the month, the day and where they end
_NONE: _DayOfMonth = ("", None, 0)


def _month_and_day(phrase: Phrase, first: int) -> _DayOfMonth | None:
    month, written = _month(phrase, first), phrase.words[first].punctuated_word
    start = first + 2 if phrase.at(first + 1) == "the" else first + 1
    day = phrase.number(start)
    if month is None or day is None or not _is_day(day):
        return None
    if start == first + 2 and not day.ordinal:
        return None
    # "We may 3 times ...", "they march 20 miles": the verbs.
    if month in ("May", "March") and not day.spelled and written.islower():
        return None
    return month, day, start + day.count


def _day_and_month(phrase: Phrase, first: int) -> _DayOfMonth | None:
    start = first + 1 if phrase.at(first) == "the" else first
    day = phrase.number(start)
    if day is None or not _is_day(day):
        return None
    place = start + day.count
    with_of = day.ordinal and phrase.at(place) == "of"
    place += with_of
    month = _month(phrase, place)
    if month is None or phrase.stops(place - 1):
        return None
    # Without "of" it is a date only as a recogniser writes one: "3 March", not "three march".
    written = phrase.words[place].punctuated_word
    if not with_of and (not written[0].isupper() or (day.spelled and not day.ordinal)):
        return None
    return month, day, place + 1


def _month(phrase: Phrase, position: int) -> str | None:
    word = phrase.at(position)
    if word in MONTHS:
        return MONTHS[word]
    written = phrase.words[position].punctuated_word if word in SHORT_MONTHS else ""
    return SHORT_MONTHS[word] if written[:1].isupper() else None


def _is_day(number: Number) -> bool:
    is_whole = "." not in number.digits and not number.scale
    return is_whole and len(number.digits) <= 2 and 1 <= int(number.digits) <= 31


def _year(phrase: Phrase, position: int) -> Number | None:
    number = phrase.number(position)
    if number is None or number.year:
        return number
    # "Nineteen hundred" is a year where nothing follows that could be counted.
    end = position + number.count
    is_last = end == len(phrase.words) or phrase.stops(end - 1)
    return number if is_last and number.spelled and number.digits in CENTURIES else None


def _time(phrase: Phrase, first: int) -> Match | None:
    """ "three thirty pm", "10:15 a.m.", "5.30pm", "5pm-6.30pm", "530 pm", "five o'clock"."""
    if text := _written_times(phrase.at(first)):
        return 1, text
    position, clock = first, ""
    match = _CLOCK.fullmatch(phrase.at(first))
    if match and match["minute"]:
        position, clock = first + 1, _clock(match)
    else:
        hour = phrase.number(first)
        if hour is None or hour.ordinal or hour.scale or "." in hour.digits:
            return None
        position, clock = first + hour.count, hour.digits
        if len(clock) in (3, 4) and (hour.sequence or hour.year or not hour.spelled):
            # "one oh five pm", "twelve thirty pm", "530 pm"
            together = _CLOCK.fullmatch(f"{clock[:-2]}:{clock[-2:]}")
            clock = _clock(together) if together else ""
        elif hour.sequence or hour.year or len(clock) > 2 or not 1 <= int(clock) <= 12:
            return None
        else:
            position, clock = _with_minutes(phrase, position, clock)
    if not clock:
        return None
    if phrase.at(position).replace("\u2019", "'") in ("o'clock", "oclock"):
        return position + 1 - first, f"{clock} o'clock"
    meridiem, count = _meridiem(phrase, position)
    if meridiem is None:
        return (position - first, clock) if _is_clock(phrase, first, clock) else None
    return position + count - first, f"{clock} {meridiem}"


def _is_clock(phrase: Phrase, first: int, clock: str) -> bool:
    """True for the spoken hour and minutes of "at two thirty"."""
    hour, colon, _ = clock.partition(":")
    number = phrase.number(first)
    is_spoken = number is not None and number.spelled
    if not (is_spoken and colon and int(hour) <= 12 and phrase.at(first - 1) in BEFORE_TIME):
        return False
    return not any(phrase.at(first + place) in STREETS for place in range(1, 6))


def _clock(match: re.Match[str]) -> str:
    """Return a time of day as 5:30; "" for what is none."""
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        return ""
    return ":".join([str(hour), *(match[name] for name in ("minute", "second") if match[name])])


def _written_times(word: str) -> str | None:
    """Return "5.30pm", or a range of two, as the rules write it."""
    times: list[str] = []
    for part in re.split("[-\u2013]", word) if len(word) < 30 else [word]:
        match = _WRITTEN_TIME.fullmatch(part) or (not times and _CLOCK.fullmatch(part))
        clock = _clock(match) if match else ""
        if not match or not clock:
            return None
        half = match.groupdict().get("half")
        times.append(f"{clock} {half[0].upper()}M" if half else clock)
    return "-".join(times) if times[-1].endswith("M") and len(times) <= 2 else None


def _with_minutes(phrase: Phrase, position: int, hour: str) -> tuple[int, str]:
    if phrase.at(position) in ("oh", "o") and phrase.number(position + 1) is not None:
        minutes = phrase.number(position + 1)
        if minutes is not None and len(minutes.digits) == 1:
            return position + 1 + minutes.count, f"{hour}:0{minutes.digits}"
    minutes = phrase.number(position)
    if minutes is not None and minutes.digits.isdecimal() and 10 <= int(minutes.digits) <= 59:
        return position + minutes.count, f"{hour}:{minutes.digits}"
    return position, hour


def _meridiem(phrase: Phrase, position: int) -> tuple[str | None, int]:
    word = phrase.at(position)
    if word in _MERIDIEMS:
        return _MERIDIEMS[word], 1
    if word in ("a", "p") and phrase.at(position + 1) == "m":
        return f"{word.upper()}M", 2
    return None, 0


def _money(phrase: Phrase, first: int) -> Match | None:
    """ "twenty dollars and fifty cents", "five million euros", "three pounds sterling"."""
    number = phrase.number(first)
    if number is None or number.ordinal:
        return None
    position = first + number.count
    unit = phrase.at(position)
    sign = CURRENCIES.get(unit)
    if unit in ("pound", "pounds", "quid"):
        near = {unit, phrase.at(position + 1), phrase.at(position + 2), phrase.at(position + 3)}
        sign = "£" if near & set(STERLING) else None
    if sign is None:
        return None
    position += 1
    if phrase.at(position) == "sterling":
        position += 1
    if number.scale:
        return position - first, f"{sign}{with_commas(number.digits)} {number.scale}"
    amount = with_commas(number.digits)
    after = position + 1 if phrase.at(position) == "and" else position
    cents = phrase.number(after)
    if cents is not None and "." not in amount and _is_cents(phrase, cents):
        amount += f".{int(cents.digits):02}"
        position = after + cents.count + 1
    elif "." in amount and len(amount.rsplit(".", 1)[1]) == 1:
        amount += "0"
    return position - first, f"{sign}{amount}"


def _written_money(phrase: Phrase, first: int) -> Match | None:
    """ "$1200", "$5.5", "$.50", "5$", "$5m", "$20 and 50 cents"."""
    word = phrase.at(first)
    match = _WRITTEN_MONEY.fullmatch(word) or _SIGN_BEHIND.fullmatch(word)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    amount = match["sign"] + with_commas((match["whole"] or "0").replace(",", ""))
    fraction = match["fraction"] or ""
    if scale := _MONEY_SCALES.get(match["scale"] or ""):
        return 1, f"{amount}{fraction} {scale}"
    if phrase.at(first + 1) in SCALES and not phrase.stops(first):
        return 2, f"{amount}{fraction} {phrase.at(first + 1)}"
    after = first + 2 if phrase.at(first + 1) == "and" else first + 1
    cents = phrase.number(after)
    if not fraction and cents is not None and _is_cents(phrase, cents):
        return after + cents.count + 1 - first, f"{amount}.{int(cents.digits):02}"
    return 1, amount + (fraction + "0" if len(fraction) == 2 else fraction)


def _is_cents(phrase: Phrase, number: Number) -> bool:
    unit = phrase.at(number.first + number.count)
    return unit in ("cent", "cents", "pence") and len(number.digits) < 3 and not number.ordinal


def _percent(phrase: Phrase, first: int) -> Match | None:
    number = phrase.number(first)
    if number is None or number.ordinal or number.scale:
        return None
    position = first + number.count
    if phrase.at(position) in ("percent", "%"):
        return number.count + 1, f"{with_commas(number.digits)}%"
    if phrase.at(position) == "per" and phrase.at(position + 1) == "cent":
        return number.count + 2, f"{with_commas(number.digits)}%"
    return None


def _measure(phrase: Phrase, first: int) -> Match | None:
    """ "five kilometers", "sixty miles per hour", "twenty degrees celsius"."""
    number = phrase.number(first)
    if number is None or number.ordinal or number.scale:
        return None
    position = first + number.count
    unit = unit_of(phrase.at(position))
    digits = with_commas(number.digits)
    over = unit_of(phrase.at(position + 2))
    if phrase.at(position + 1) in ("per", "an", "a") and (unit, over) in COMPOUND_MEASURES:
        return number.count + 3, f"{digits} {COMPOUND_MEASURES[unit, over]}"
    if unit not in MEASURES:
        return None
    if unit == "degree":
        scale = TEMPERATURES.get(phrase.at(position + 1))
        return (
            (number.count + 2, f"{digits} {scale}") if scale else (number.count + 1, f"{digits}°")
        )
    return number.count + 1, f"{digits} {MEASURES[unit]}"


def unit_of(word: str) -> str:
    """Return the key of ``MEASURES`` that ``word`` is a form of, or ``word`` itself."""
    word = IRREGULAR_PLURALS.get(word, word)
    word = word if word in MEASURES else word.removesuffix("s")
    return MEASURE_SPELLINGS.get(word, word)


def _decade(phrase: Phrase, first: int) -> Match | None:
    """ "nineteen eighties", "twenty twenties"."""
    century = TEENS.get(phrase.at(first)) or (20 if phrase.at(first) == "twenty" else 0)
    decade = DECADES.get(phrase.at(first + 1))
    if century < 15 or decade is None or phrase.stops(first):
        return None
    return 2, f"{century}{decade}s"


def _version(phrase: Phrase, first: int) -> Match | None:
    """ "three point eleven point two"."""
    number, position, parts = phrase.number(first), first, list[str]()
    while number is not None and not (number.ordinal or number.scale):
        parts.append(number.digits)
        position += number.count
        if phrase.at(position) != "point" or phrase.stops(position - 1):
            break
        number = phrase.number(position + 1)
        position += number is not None
    text = ".".join(parts)
    return (position - first, text) if len(parts) > 1 and text.count(".") > 1 else None


def _labelled(phrase: Phrase, first: int) -> Match | None:
    """ "two forty seven" of a flight, a room or a road."""
    rest = _paired(phrase, first)
    if rest is None or phrase.at(first - 1) not in LABELS:
        return None
    return 1 + rest.count, f"{UNITS[phrase.at(first)]}{rest.digits}"


def _paired(phrase: Phrase, first: int) -> Number | None:
    """Return the number of two digits right after a spoken one below ten."""
    ones = phrase.number(first)
    rest = phrase.number(first + 1) if phrase.at(first) in UNITS else None
    if ones is None or rest is None or ones.count != 1 or phrase.stops(first):
        return None
    is_plain = rest.spelled and not (rest.ordinal or rest.scale or rest.sequence)
    return rest if is_plain and len(rest.digits) == 2 else None


def _number(phrase: Phrase, first: int, options: Formatting) -> Match | None:
    number = phrase.number(first)
    if number is None or not (options.smart_format or options.numerals):
        return None
    small = not number.sequence and not number.scale and number.value < 10
    if number.ordinal:
        if small and number.spelled:
            return None
        return number.count, ordinal_digits(int(number.digits))
    if number.digits == "24" and number.spelled and phrase.at(first + number.count) == "seven":
        return number.count + 1, "24/7"
    # Of "two fifty" and "ten four" no half is in digits.
    if not options.numerals and number.spelled and _is_between(phrase, first, number):
        return None
    # "One of them" is no number; the other small ones are digits only where asked for.
    stays = not options.numerals or phrase.at(first) in ("one", "a")
    if small and stays and number.spelled and "." not in number.digits:
        return None
    grouped = options.smart_format and not number.sequence and not number.year
    long_written = not number.spelled and len(number.digits) > 7  # an account, not an amount
    digits = with_commas(number.digits) if grouped and not long_written else number.digits
    text = f"{digits} {number.scale}" if number.scale else digits
    return number.count, text


def _is_between(phrase: Phrase, first: int, number: Number) -> bool:
    """True for a number of two digits with a spoken one below ten next to it."""
    if len(number.digits) != 2 or number.scale:
        return False
    after = phrase.number(first + number.count)
    is_before = after is not None and after.spelled and len(after.digits) == 1
    is_before &= not phrase.stops(first + number.count - 1)
    return is_before or _paired(phrase, first - 1) is not None


def _closing(phrase: Phrase, position: int) -> str:
    """The punctuation before ``position``, without the full stop of "p.m." in mid-sentence."""
    last = phrase.words[position - 1]
    mark = tail(last.punctuated_word)
    if (last.word == "m" or last.word.endswith(("a.m", "p.m"))) and mark.startswith("."):
        ends = position == len(phrase.words)
        return mark if ends or phrase.words[position].punctuated_word[0].isupper() else mark[1:]
    return mark


def _dictated(words: Sequence[Word], position: int) -> tuple[str | None, int]:
    if position and words[position - 1].word in NOT_DICTATED_AFTER:
        return None, 1
    for count in (2, 1):
        spoken_mark = tuple(word.word for word in words[position : position + count])
        if len(spoken_mark) == count and spoken_mark in DICTATION:
            return DICTATION[spoken_mark], count
    return None, 1


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _masked(word: Word) -> Word:
    mark = tail(word.punctuated_word)
    text = word.punctuated_word.removesuffix(mark)
    return replace(
        word, word=word.word[0] + "*" * (len(word.word) - 1),
        punctuated_word=text[0] + "*" * (len(text) - 1) + mark,
    )  # fmt: skip


_SPELLABLE = re.compile(
    r"(?P<currency>[$€£¥₹])?"
    r"(?P<number>\d{1,3}(?:,\d{3}){1,12}(?:\.\d{1,40})?|\d{1,40}(?:\.\d{1,40})?)"
    r"(?P<after>%|st|nd|rd|th|s)?"
)


def _said(word: Word) -> str | None:
    """Return the words of a number in digits; None for everything else."""
    match = _SPELLABLE.fullmatch(word.word)
    if match is None:
        return None
    number, after = match["number"].replace(",", ""), match["after"]
    if match["currency"]:
        return spoken.money(match["currency"], number) if not after else None
    if after == "%":
        return f"{spoken.amount(number)} percent"
    if after == "s":
        return None  # "the 1990s": no number
    if after:
        is_spoken = number.isdecimal() and len(number) <= spoken.LONGEST_NUMBER
        return spoken.ordinal(int(number)) if is_spoken else None
    if number == match["number"] and number.isdecimal() and 1100 <= int(number) <= 2099:
        return spoken.year(int(number))
    if number.isdecimal() and (len(number) > 6 and "," not in match["number"]):
        return spoken.digits(number)
    return spoken.amount(number)


def _shared_out(word: Word, says: str) -> list[Word]:
    parts = says.replace("-", " ").split()
    total = sum(map(len, parts))
    seconds = (word.end - word.start) / total
    spelled, start = [], word.start
    for part in parts:
        end = start + seconds * len(part)
        spelled.append(replace(word, word=part.lower(), punctuated_word=part, start=start, end=end))
        start = end
    before, _, _ = word.punctuated_word.lower().partition(word.word)
    spelled[0] = replace(spelled[0], punctuated_word=before + parts[0])
    last = spelled[-1].punctuated_word + tail(word.punctuated_word)
    spelled[-1] = replace(spelled[-1], punctuated_word=last, end=word.end)
    return spelled


ENTITY_RULES: dict[str, Rule] = {
    "EMAIL_ADDRESS": _email,
    "URL": _url,
    "IP_ADDRESS": _ip_address,
    "PHONE_NUMBER": _phone,
    "DATE": _date,
    "TIME": _time,
    "MONEY": lambda phrase, first: _money(phrase, first) or _written_money(phrase, first),
    "PERCENT": _percent,
}
