"""Written text to the words a reader says: numbers, money, dates, times, abbreviations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from engine.speech import romance

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
MONTHS = (
    "January February March April May June July August September October November December"
).split()
SHORT_MONTH = re.compile(r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=\s+\d)")
CURRENCIES = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"),
}  # fmt: skip
ABBREVIATIONS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Dr.": "Doctor", "Prof.": "Professor",
    "St.": "Saint", "Jr.": "Junior", "Sr.": "Senior", "Lt.": "Lieutenant", "Capt.": "Captain",
    "Gen.": "General", "Rev.": "Reverend", "Hon.": "Honorable", "Gov.": "Governor",
    "vs.": "versus", "e.g.": "for example,", "i.e.": "that is,", "etc.": "et cetera",
    "approx.": "approximately", "dept.": "department", "Dept.": "Department", "Inc.": "Inc",
    "Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation", "Ave.": "Avenue",
    "Blvd.": "Boulevard", "Rd.": "Road", "No.": "number", "Mt.": "Mount", "Ft.": "Fort",
    "a.m.": "AM", "p.m.": "PM", "U.S.": "US", "U.K.": "UK", "w/o": "without", "w/": "with",
}  # fmt: skip
UNITS = {
    "km/h": "kilometers per hour", "mph": "miles per hour", "km": "kilometers",
    "kg": "kilograms", "cm": "centimeters", "mm": "millimeters", "mg": "milligrams",
    "ml": "milliliters", "ms": "milliseconds", "lbs": "pounds", "lb": "pounds", "oz": "ounces",
    "ft": "feet", "GB": "gigabytes", "MB": "megabytes", "TB": "terabytes", "kB": "kilobytes",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "Hz": "hertz", "kW": "kilowatts",
    "kWh": "kilowatt hours", "°C": "degrees Celsius", "°F": "degrees Fahrenheit",
    "°": "degrees", "%": "percent",
}  # fmt: skip
SYMBOLS = {"&": "and", "+": "plus", "=": "equals", "@": "at", "#": "number", "×": "times"}
SCALE_WORD = r"(?:\s?(hundred|thousand|million|billion|trillion|[kKMB]\b|bn\b))?"
SCALE_LETTERS = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "bn": "billion"}
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
LONGEST_NUMBER = 15  # digits; a longer one is read digit by digit


def written_out(text: str, language: str) -> str:
    """``text`` with everything that is not a word written as the words a reader says.

    ``language`` is a BCP 47 tag; English, Spanish, French and Italian are known. Marks of
    pronunciations (private-use characters) are left where they are.
    """
    text = _plain_characters(text)
    if not language.startswith("en"):
        return romance.written_out(text, language.split("-")[0])
    for pattern, say in RULES:
        text = pattern.sub(say, text)
    return re.sub(r"[ \t]+", " ", text).strip()


def cardinal(number: int) -> str:
    """1234 as "one thousand two hundred thirty-four"."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number < 20:
        return ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens] + (f"-{ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{ONES[hundreds]} hundred" + (f" {cardinal(rest)}" if rest else "")
    for size, name in SCALES:
        if number >= size:
            many, rest = divmod(number, size)
            return f"{cardinal(many)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise AssertionError(number)


def ordinal(number: int) -> str:
    """21 as "twenty-first"."""
    words = cardinal(number)
    head, last = re.fullmatch(r"(.*?)([a-z]+)", words, re.S).groups()  # type: ignore[union-attr]
    if last in IRREGULAR_ORDINALS:
        return head + IRREGULAR_ORDINALS[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """1984 as "nineteen eighty-four", 2007 as "two thousand seven"."""
    century, rest = divmod(number, 100)
    if number % 1000 < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' + ONES[rest] if rest < 10 else cardinal(rest)}"


def digits(number: str) -> str:
    """Each digit on its own."""
    return " ".join(ONES[int(digit)] for digit in number if digit.isdigit())


def amount(number: str) -> str:
    """A number as written, "1,234.5", in words."""
    number = number.replace(",", "")
    whole, _, fraction = number.partition(".")
    if len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0"):
        said = digits(whole)
    else:
        said = cardinal(int(whole or "0"))
    return f"{said} point {digits(fraction)}" if fraction else said


def _plain_characters(text: str) -> str:
    text = text.replace("\u2018", "'").replace("\u2019", "'").replace("\u00a0", " ")
    text = text.replace("\u2026", "...").replace("\u2212", "-")
    text = unicodedata.normalize("NFC", text)
    # What has no sound: emoji, control characters, zero-width joiners. Private use is markup.
    return "".join(
        " " if unicodedata.category(letter) in ("So", "Cc", "Cf", "Cs") and letter != "\n"
        and letter not in "°" else letter
        for letter in text
    )  # fmt: skip


def _money(match: re.Match[str]) -> str:
    unit, small = CURRENCIES[match["currency"]]
    number = match["number"].replace(",", "")
    scale = match["scale"]
    if scale:
        return f"{amount(number)} {SCALE_LETTERS.get(scale, scale)} {unit}s"
    whole, _, fraction = number.partition(".")
    if len(fraction) not in (0, 2):
        return f"{amount(number)} {unit}s"
    units, cents = int(whole), int(fraction or "0")
    said = []
    if units or not cents:
        said.append(f"{amount(whole)} {_many(unit, units)}")
    if cents:
        said.append(f"{cardinal(cents)} {_many(small, cents)}")
    return " and ".join(said)


def _many(unit: str, count: int) -> str:
    plurals = {"yen": "yen", "sen": "sen", "penny": "pence", "paisa": "paise"}
    return unit if count == 1 else plurals.get(unit, unit + "s")


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), match["half"]
    if hour > 24 or minute > 59:
        return match[0]
    said = cardinal(hour)
    if minute:
        said += f" {'oh ' + ONES[minute] if minute < 10 else cardinal(minute)}"
    elif not half:
        said += " o'clock" if hour <= 12 else " hundred"
    return said + (f" {half[0].upper()}M" if half else "")


def _iso_date(match: re.Match[str]) -> str:
    return _date(int(match["month"]), int(match["day"]), match["year"]) or match[0]


def _date(month: int, day: int, in_year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    said = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{said}, {year(int(in_year))}" if in_year and len(in_year) == 4 else said


def _spoken_date(match: re.Match[str]) -> str:
    said = f"{match['name']} {ordinal(int(match['day']))}"
    return f"{said}, {year(int(match['year']))}" if match["year"] else said


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    prefix = "plus " if match[0].startswith("+") else ""
    return prefix + ", ".join(digits(group) for group in groups)


def _address(match: re.Match[str]) -> str:
    said = re.sub(r"^https?://", "", match[0]).rstrip("/")
    tail = ""
    while said and said[-1] in ".,;:!?":
        said, tail = said[:-1], said[-1] + tail
    said = re.sub(r"\d+", lambda number: f" {digits(number[0])} ", said)
    for mark, word in (("www.", "W W W dot "), ("@", " at "), (".", " dot "), ("/", " slash "),
                       ("-", " dash "), ("_", " underscore "), (":", " colon "),
                       ("?", " "), ("=", " equals "), ("&", " and "), ("#", " ")):  # fmt: skip
        said = said.replace(mark, word)
    return said + tail


def _unit(match: re.Match[str]) -> str:
    said, unit = amount(match["number"]), UNITS[match["unit"]]
    if match["number"] == "1":
        unit = {"feet": "foot"}.get(unit, re.sub(r"s\b", "", unit, count=1))
        unit = "degree" + unit[6:] if unit.startswith("degree") else unit
    return f"{said} {unit}"


def _scaled(match: re.Match[str]) -> str:
    scale = match["scale"]
    return f"{amount(match['number'])} {SCALE_LETTERS.get(scale, scale)}"


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match[1]), int(match[2])
    if below == 2:
        name = "half" if above == 1 else "halves"
    elif below == 4:
        name = "quarter" if above == 1 else "quarters"
    elif 2 < below <= 100:
        name = ordinal(below) + ("" if above == 1 else "s")
    else:
        return f"{cardinal(above)} slash {cardinal(below)}"
    return f"{cardinal(above)} {name}"


def _decade(match: re.Match[str]) -> str:
    number = int(match[1])
    words = year(number) if number > 99 else cardinal(number)
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _version(match: re.Match[str]) -> str:
    return " point ".join(amount(part) for part in match[0].split("."))


def _ordinal(match: re.Match[str]) -> str:
    number = match[1].replace(",", "")
    if len(number) > LONGEST_NUMBER or "." in number:
        return match[0]
    return ordinal(int(number))


def _alphanumeric(match: re.Match[str]) -> str:
    """ "B2B", "A4", "GPT-4": letters as they are, digits as numbers."""
    return " ".join(
        part if part.isalpha() else amount(part)
        for part in re.findall(r"[A-Za-z]+|\d{1,15}", match[0])
    )


def _literal(table: dict[str, str]) -> str:
    return "|".join(re.escape(key) for key in sorted(table, key=len, reverse=True))


RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str], ...] = (
    (re.compile(r"https?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _address),
    (re.compile(r"\b[a-z][\w-]*\.(?:com|org|net|io|dev|edu|gov|ai|app)\b"), _address),
    (SHORT_MONTH, lambda m: next(name for name in MONTHS if name.startswith(m[1][:3]))),
    (
        re.compile(rf"(?<![\w.])(?:{_literal(ABBREVIATIONS)})(?![\w])"),
        lambda m: ABBREVIATIONS[m[0]],
    ),
    (
        re.compile(
            rf"(?P<currency>[{''.join(CURRENCIES)}])\s?(?P<number>{NUMBER})"
            + SCALE_WORD.replace("(hundred", "(?P<scale>hundred")
        ),
        _money,
    ),
    (
        re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b"),
        _iso_date,
    ),
    (
        re.compile(r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b"),
        _iso_date,
    ),
    (
        re.compile(
            rf"\b(?P<name>{'|'.join(MONTHS)}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
            r"(?:,? (?P<year>\d{4}))?\b(?!:)"
        ),
        _spoken_date,
    ),
    (
        re.compile(
            r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d)?\s?(?P<half>[AaPp]\.?[Mm]\b)?"
            r"(?=\W|$)"
        ),
        _time,
    ),
    (
        re.compile(r"\b(?P<hour>\d{1,2})(?P<minute>)\s?(?P<half>[AaPp]\.?[Mm])\b"),
        _time,
    ),
    (re.compile(r"(?:\+\d{1,3}[ -])?(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b"), _phone),
    (re.compile(r"\b\d{3}-\d{4}\b"), _phone),
    (re.compile(r"(?<=\d)\s?[-\u2013]\s?(?=\d)"), " to "),
    (re.compile(r"(?<![\w.,])-(?=\d)"), "minus "),
    (re.compile(r"\b\d{1,9}(?:\.\d{1,9}){2,}\b"), _version),
    (
        re.compile(rf"(?<![\w.])(?P<number>{NUMBER})\s?(?P<unit>{_literal(UNITS)})(?!\w)"),
        _unit,
    ),
    (
        re.compile(
            rf"(?<![\w.])(?P<number>{NUMBER})\s?(?P<scale>[kKMB]|bn)(?!\w)",
        ),
        _scaled,
    ),
    (re.compile(r"\b(\d{1,3}0)'?s\b"), _decade),
    (re.compile(rf"\b({NUMBER})(?:st|nd|rd|th)\b"), _ordinal),
    (re.compile(r"\b(\d{1,3})/(\d{1,3})\b(?!/)"), _fraction),
    (re.compile(r"\b(?:[A-Za-z]+-?\d+[A-Za-z]*|\d+[A-Za-z]+)(?:-?\d+)*\b"), _alphanumeric),
    (
        # A year: four digits alone, as they are seldom anything else in prose.
        re.compile(r"(?<![\d.,$])(1[1-9]\d\d|20\d\d)(?![\d%]|[.,]\d)"),
        lambda m: year(int(m[1])),
    ),
    (re.compile(rf"(?:{NUMBER})"), lambda m: amount(m[0])),
    (re.compile(rf"[{re.escape(''.join(SYMBOLS))}]"), lambda m: f" {SYMBOLS[m[0]]} "),
    (re.compile(r"[*_`~|<>\\^\[\]{}]+"), " "),
)
