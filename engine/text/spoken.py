"""Written text to the words a reader says: numbers, money, dates, times, abbreviations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from engine.text import spoken_romance
from engine.text.characters import (
    EXPONENT,
    GREEK_SIGN,
    POWER,
    ROMAN_SIGNS,
    blank_before_word,
    exponent,
    greek_name,
    plain_letter,
    roman_value,
)

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
SHORT_MONTH = re.compile(
    r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=\s+\d)"
    r"|(?<=\d )(Jan|Feb|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=,?\s+\d{4})"
)
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SHORT_DAY = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
CURRENCIES = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"),
}  # fmt: skip
ABBREVIATIONS = {
    "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Dr.": "Doctor", "Prof.": "Professor",
    "St.": "Saint", "Jr.": "Junior", "Sr.": "Senior", "Lt.": "Lieutenant", "Capt.": "Captain",
    "Gen.": "General", "Rev.": "Reverend", "Hon.": "Honorable", "Gov.": "Governor",
    "vs.": "versus", "e.g.": "for example,", "i.e.": "that is,", "Ph.D.": "PhD",
    "approx.": "approximately", "dept.": "department", "Dept.": "Department", "Inc.": "Inc",
    "Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation", "Ave.": "Avenue",
    "Blvd.": "Boulevard", "Rd.": "Road", "Mt.": "Mount", "Ft.": "Fort",
    "U.S.": "US", "U.K.": "UK", "U.N.": "UN", "w/o": "without", "w/": "with", "C#": "C sharp",
    "Wi-Fi": "WiFi", "Apt.": "Apartment", "apt.": "apartment", "Fig.": "Figure", "fig.": "figure",
    "Mon.": "Monday", "Tue.": "Tuesday", "Tues.": "Tuesday", "Thu.": "Thursday",
    "Thurs.": "Thursday", "Fri.": "Friday",
}  # fmt: skip
# Those that often end a sentence: the point stays where a sentence begins after it.
CLOSING = {"etc.": "et cetera", "a.m.": "AM", "p.m.": "PM"}
ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX".split()
RULERS = (
    "Henry|Elizabeth|Louis|George|Edward|Charles|William|James|Richard|Philip|Catherine|Napoleon|"
    "Nicholas|Benedict|Pius|Paul"
)
UNITS = {
    "km/h": "kilometers per hour", "mph": "miles per hour", "km": "kilometers",
    "kg": "kilograms", "cm": "centimeters", "mm": "millimeters", "mg": "milligrams",
    "ml": "milliliters", "ms": "milliseconds", "lbs": "pounds", "lb": "pounds", "oz": "ounces",
    "ft": "feet", "GB": "gigabytes", "MB": "megabytes", "TB": "terabytes", "kB": "kilobytes",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "Hz": "hertz", "kW": "kilowatts",
    "kWh": "kilowatt hours", "min": "minutes", "mins": "minutes", "hr": "hours", "hrs": "hours",
    "sec": "seconds", "secs": "seconds", "yrs": "years", "USD": "US dollars", "EUR": "euros",
    "°C": "degrees Celsius", "°F": "degrees Fahrenheit",
    "°": "degrees", "%": "percent", "€": "euros", "£": "pounds",
    "m/s": "meters per second", "m/s²": "meters per second squared",
    "m²": "square meters", "km²": "square kilometers", "cm²": "square centimeters",
    "mm²": "square millimeters", "ft²": "square feet", "m³": "cubic meters",
    "km³": "cubic kilometers", "cm³": "cubic centimeters", "mm³": "cubic millimeters",
    "ft³": "cubic feet", "μm": "micrometers", "μg": "micrograms", "μs": "microseconds",
    "μl": "microliters", "μL": "microliters", "μA": "microamperes", "μV": "microvolts",
    "Ω": "ohms", "kΩ": "kiloohms", "MΩ": "megaohms",
}  # fmt: skip
# Of one letter, which stands apart: "10 m", but "5G".
SHORT_UNITS = {"m": "meters", "g": "grams", "l": "liters", "L": "liters"}
SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "#": "number", "×": "times",
    "÷": "divided by", "±": "plus or minus", "≈": "about", "≤": "at most", "≥": "at least",
    "№": "number",
}  # fmt: skip
DENOMINATORS = {*range(2, 11), 12, 16, 20, 32, 64, 100}
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
        return spoken_romance.written_out(text, language.split("-")[0])
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
        text = digits(whole)
    else:
        text = cardinal(int(whole or "0"))
    return f"{text} point {digits(fraction)}" if fraction else text


def _plain_characters(text: str) -> str:
    text = text.replace("\u2018", "'").replace("\u2019", "'").replace("\u00a0", " ")
    text = text.replace("\u2026", "...").replace("\u2212", "-")
    if not text.isascii():
        text = "".join(map(plain_letter, unicodedata.normalize("NFC", text)))
    # What has no sound: emoji, control characters, zero-width joiners. Private use is markup.
    return "".join(
        " " if unicodedata.category(letter) in ("So", "Cc", "Cf", "Cs")
        and letter not in "\n°№" else letter
        for letter in text
    )  # fmt: skip


def _power(match: re.Match[str]) -> str:
    power = exponent(match["power"]).replace("-", "minus ")
    said = {"2": "squared", "3": "cubed"}.get(power, f"to the power of {power}")
    return f"{match['base']} {said}{blank_before_word(match)}"


def _roman_sign(match: re.Match[str]) -> str:
    number = roman_value(match["number"])
    return f"{match['ruler']} the {ordinal(number)}" if match["ruler"] else str(number)


def _money(match: re.Match[str]) -> str:
    number, scale = match["number"], match["scale"]
    if scale:
        unit, _ = CURRENCIES[match["currency"]]
        return f"{amount(number)} {SCALE_LETTERS.get(scale, scale)} {_many(unit, 2)}"
    return money(match["currency"], number)


def money(currency: str, number: str) -> str:
    """An amount such as "1,234.50" with its sign, ``$``: "... dollars and fifty cents"."""
    unit, small = CURRENCIES[currency]
    whole, _, fraction = number.replace(",", "").partition(".")
    if len(fraction) not in (0, 2):
        return f"{amount(number)} {_many(unit, 2)}"
    units, cents = int(whole), int(fraction or "0")
    parts = []
    if units or not cents:
        parts.append(f"{amount(whole)} {_many(unit, units)}")
    if cents:
        parts.append(f"{cardinal(cents)} {_many(small, cents)}")
    return " and ".join(parts)


def _money_range(match: re.Match[str]) -> str:
    """ "$5-10": five to ten dollars."""
    currency, number = match["currency"], match["number"]
    return f"{money(currency, number) if '.' in number else amount(number)} to {currency}"


def _many(unit: str, count: int) -> str:
    plurals = {"yen": "yen", "sen": "sen", "penny": "pence", "paisa": "paise"}
    return unit if count == 1 else plurals.get(unit, unit + "s")


def _time(match: re.Match[str]) -> str:
    hour, minute, half = int(match["hour"]), int(match["minute"] or 0), match["half"]
    if hour > 24 or minute > 59:
        return match[0]
    text = cardinal(hour)
    if minute:
        text += f" {'oh ' + ONES[minute] if minute < 10 else cardinal(minute)}"
    elif not half:
        text += " o'clock" if hour <= 12 else " hundred"
    if match["second"]:
        second = int(match["second"])
        text += f" and {cardinal(second)} {_many('second', second)}"
    return text + (f" {half[0].upper()}M" if half else "")


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if month > 12:  # written the European way
        month, day = day, month
    return _date(month, day, match["year"]) or match[0]


def _date(month: int, day: int, in_year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    text = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{text}, {year(int(in_year))}" if in_year and len(in_year) == 4 else text


def _day_of_month(match: re.Match[str]) -> str:
    """ "5 January 2024", with or without "the" before it."""
    text = f"the {ordinal(int(match['day']))} of {match['name']}"
    return f"{text}, {year(int(match['year']))}" if match["year"] else text


def _spoken_date(match: re.Match[str]) -> str:
    text = f"{match['name']} {ordinal(int(match['day']))}"
    return f"{text}, {year(int(match['year']))}" if match["year"] else text


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    prefix = "plus " if match[0].startswith("+") else ""
    return prefix + ", ".join(digits(group) for group in groups)


def _address(match: re.Match[str]) -> str:
    text, tail = re.fullmatch(  # type: ignore[union-attr]
        r"(?:https?://)?(.*?)/?([.,;:!?]*)", match[0]
    ).groups()
    text = re.sub(r"\d+", lambda number: f" {digits(number[0])} ", text)
    for mark, word in (("www.", "W W W dot "), ("@", " at "), (".", " dot "), ("/", " slash "),
                       ("-", " dash "), ("_", " underscore "), (":", " colon "),
                       ("?", " "), ("=", " equals "), ("&", " and "), ("#", " ")):  # fmt: skip
        text = text.replace(mark, word)
    return text + tail


def _unit(match: re.Match[str]) -> str:
    text, unit = amount(match["number"]), (UNITS | SHORT_UNITS)[match["unit"]]
    if match["number"] == "1":
        unit = re.sub(r"s\b", "", unit, count=1).replace("feet", "foot")
        unit = "degree" + unit[6:] if unit.startswith("degree") else unit
    return f"{text} {unit}"


def _scaled(match: re.Match[str]) -> str:
    scale = match["scale"]
    return f"{amount(match['number'])} {SCALE_LETTERS.get(scale, scale)}"


def _fraction(match: re.Match[str]) -> str:
    whole, above, below = match["whole"], int(match["above"]), int(match["below"])
    if below not in DENOMINATORS or (whole and above >= below):
        text = f"{cardinal(above)} {cardinal(below)}"
        return f"{amount(whole)} {text}" if whole else text
    if whole:
        part = {2: "half", 4: "quarter"}.get(below, ordinal(below))
        text = f"a {part}" if above == 1 else f"{cardinal(above)} {part}s"
        return f"{amount(whole)} and {text}"
    if below == 2:
        name = "half" if above == 1 else "halves"
    elif below == 4:
        name = "quarter" if above == 1 else "quarters"
    else:
        name = ordinal(below) + ("" if above == 1 else "s")
    return f"{cardinal(above)} {name}"


def _roman(match: re.Match[str]) -> str:
    """ "World War II", "Henry VIII"."""
    number = ROMAN.index(match["number"]) + 1
    text = f"the {ordinal(number)}" if match["ruler"] else cardinal(number)
    return f"{match['ruler'] or match['thing']} {text}"


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
    (spoken_romance.ADDRESS, _address),
    (
        re.compile(
            r"(?<![\w-])[a-z][\w-]{0,62}\.(?:com|org|net|io|dev|edu|gov|ai|app)\b"
            r"(?:/[\w/.-]*[\w/])?"
        ),
        _address,
    ),
    (SHORT_MONTH, lambda m: next(name for name in MONTHS if name.startswith(m[0][:3]))),
    (
        re.compile(rf"\b({SHORT_DAY})\.?\s?[-\u2013]\s?({SHORT_DAY})\b"),
        lambda m: " to ".join(day for part in m.groups() for day in DAYS if day[:3] == part),
    ),
    (
        re.compile(r"\b(\d{1,2}(?::\d\d)?\s?[AaPp]\.?[Mm]\.?|\d{1,2}:\d\d)\s?[-\u2013]\s?(?=\d)"),
        lambda m: f"{m[1]} to ",
    ),
    # After a name and before no other: a street, a drive.
    (
        re.compile(r"\b([A-Z][a-z]+|\d+(?:st|nd|rd|th)) (St|Dr)\.(?!\s+[A-Z])"),
        lambda m: f"{m[1]} {'Street' if m[2] == 'St' else 'Drive'}",
    ),
    (re.compile(r"\bNo\.(?=\s?\d)"), "number"),
    (
        re.compile(rf"(?<![\w.])(?:{_literal(CLOSING)})(?P<end>(?=\s+[A-Z])|\s*$)?"),
        lambda m: CLOSING[m[0].strip()] + "." * (m["end"] is not None),
    ),
    (
        re.compile(rf"(?<![\w.])(?:{_literal(ABBREVIATIONS)})(?![\w])"),
        lambda m: ABBREVIATIONS[m[0]],
    ),
    (
        re.compile(
            r"\b(?:(?P<thing>War|Chapter|Part|Volume|Act|Scene|Book|Phase|Type|Class|Level|Stage|"
            rf"Title|Article|Appendix|Bowl)|(?P<ruler>{RULERS}))"
            rf" (?P<number>{'|'.join(ROMAN[::-1])})\b(?!')"
        ),
        _roman,
    ),
    (re.compile(rf"(?:\b(?P<ruler>{RULERS}) )?(?P<number>{ROMAN_SIGNS})"), _roman_sign),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    # The telephone number, not a part of "75,911" or "$911".
    (
        re.compile(rf"(?<![\w.,{''.join(CURRENCIES)}-])911(?!\w|[.,-]\d|\s?%)"),
        "nine one one",
    ),
    (re.compile(r"\bv(?=\d+\.\d)"), "version "),
    (re.compile(r"(?<![\w.])\.(?=[A-Za-z])"), "dot "),
    (re.compile(r"#(?=[A-Za-z])"), "hashtag "),
    (re.compile(r"(?<!\w)~\s?(?=\d)"), "about "),
    (re.compile(r"(?<=\d)\s?x\s?(?=\d)"), " by "),
    (re.compile(rf"\b({NUMBER})x\b"), lambda m: f"{amount(m[1])} times"),
    (re.compile(r"(?<=\d)\s?\^\s?(?=\d)"), " to the power of "),
    (
        re.compile(r"\b(\d{1,2})'(\d{1,2})(?:\"|''|\b)"),
        lambda m: f"{cardinal(int(m[1]))} foot {cardinal(int(m[2]))}",
    ),
    (re.compile(r"\b((?:ZIP|zip|[A-Z]{2}) )(\d{5})\b"), lambda m: m[1] + digits(m[2])),
    (re.compile(rf"(?<![\w.,])-(?=[{''.join(CURRENCIES)}]\s?\d)"), "minus "),
    (
        re.compile(
            rf"(?P<currency>[{''.join(CURRENCIES)}])\s?(?P<number>{NUMBER})\s?[-\u2013]\s?"
            r"(?P=currency)?(?=\d)"
        ),
        _money_range,
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
            rf"\b(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?P<name>{'|'.join(MONTHS)})"
            r"(?:,? (?P<year>\d{4}))?\b(?!:)"
        ),
        _day_of_month,
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
            r"\b(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s?(?P<half>[AaPp]\.?[Mm]\b)?"
            r"(?=\W|$)"
        ),
        _time,
    ),
    (
        re.compile(r"\b(?P<hour>\d{1,2})(?P<minute>)(?P<second>)\s?(?P<half>[AaPp]\.?[Mm])\b"),
        _time,
    ),
    (
        re.compile(
            r"(?:(?:\+\d{1,3}|(?<![\w.,])1)[ -])?(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b"
        ),
        _phone,
    ),
    (re.compile(r"\+\d{1,3}(?:[ -]\d{2,5}){2,5}\b"), _phone),
    (re.compile(r"\b\d{3}-\d{4}\b"), _phone),
    (re.compile(r"(?<=\d)\s?[-\u2013]\s?(?=\d)"), " to "),
    (re.compile(r"(?<![\w.,])-(?=\d)"), "minus "),
    (re.compile(r"\b\d{1,9}(?:\.\d{1,9}){2,}\b"), _version),
    (
        re.compile(rf"(?<![\w.])(?P<number>{NUMBER})\s?(?P<unit>{_literal(UNITS)})(?!\w)"),
        _unit,
    ),
    (
        re.compile(rf"(?<![\w.])(?P<number>{NUMBER}) (?P<unit>{_literal(SHORT_UNITS)})(?![\w'])"),
        _unit,
    ),
    (re.compile(POWER), _power),
    (re.compile(EXPONENT), lambda m: f" {exponent(m[0])} "),
    (re.compile(GREEK_SIGN), greek_name),
    (
        # "4B" is a door; thousands of millions come with a point.
        re.compile(
            rf"(?<![\w.])(?P<number>{NUMBER})\s?(?P<scale>[kKM]|bn|(?<=\.\d)B)(?!\w)",
        ),
        _scaled,
    ),
    (
        re.compile(
            r"(?<=[a-z])/(?=(?:second|minute|hour|day|night|week|month|year|user|person)\b)"
        ),
        " per ",
    ),
    (re.compile(r"'?\b(\d{1,3}0)'?s\b"), _decade),
    (re.compile(rf"\b({NUMBER})(?:st|nd|rd|th)\b"), _ordinal),
    (
        re.compile(r"\b(?:(?P<whole>\d{1,9}) )?(?P<above>\d{1,3})/(?P<below>\d{1,3})\b(?!/)"),
        _fraction,
    ),
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
