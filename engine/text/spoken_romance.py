"""Spanish, French and Italian: numbers, money, dates and abbreviations as words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from g2p2 import expand_numbers

from engine.text.characters import (
    EXPONENT,
    GREEK_SIGN,
    POWER,
    ROMAN_SIGNS,
    blank_before_word,
    exponent,
    greek_name,
    roman_value,
)

# A name and a domain are short (RFC 5321); without the limits a long word is searched from each
# of its letters.
ADDRESS = re.compile(
    r"https?://\S+|\bwww\.\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
)
FROM_START = r"(?<!\d)"  # of a number, or one of many digits is read from each of them


@dataclass(frozen=True)
class Reading:
    """Words of one language for numbers, signs and units."""

    point: str
    minus: str
    percent: str
    degrees: str
    at: str
    dot: str
    both: str  # "and"
    plus: str
    to: str
    hours: str
    first: str  # the ordinal of the first day of a month and of "1er", "1º"
    first_feminine: str
    of: str
    months: tuple[str, ...]
    currencies: dict[str, tuple[str, str]]
    abbreviations: dict[str, str]
    units: dict[str, str]
    squared: str
    cubed: str
    power: str
    number: str


METRIC = {
    "es": "km/h kilómetros por hora|km kilómetros|kg kilogramos|cm centímetros|mm milímetros|"
    "m metros|g gramos|l litros|GB gigabytes|MB megabytes|m² metros cuadrados|"
    "km² kilómetros cuadrados|cm² centímetros cuadrados|m³ metros cúbicos|cm³ centímetros cúbicos",
    "fr": "km/h kilomètres heure|km kilomètres|kg kilogrammes|cm centimètres|mm millimètres|"
    "m mètres|g grammes|l litres|Go gigaoctets|Mo mégaoctets|m² mètres carrés|"
    "km² kilomètres carrés|cm² centimètres carrés|m³ mètres cubes|cm³ centimètres cubes",
    "it": "km/h chilometri orari|km chilometri|kg chilogrammi|cm centimetri|mm millimetri|"
    "m metri|g grammi|l litri|GB gigabyte|MB megabyte|m² metri quadrati|"
    "km² chilometri quadrati|cm² centimetri quadrati|m³ metri cubi|cm³ centimetri cubi",
}


def word_table(lines: str) -> dict[str, str]:
    """Return "a b|c d" as {"a": "b", "c": "d"}."""
    return dict(line.split(" ", 1) for line in lines.split("|"))


READINGS = {
    "es": Reading(
        "coma", "menos", "por ciento", "grados", "arroba", "punto", "y", "más", "a", "horas",
        "primero", "primera", "de",
        tuple(
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
            "diciembre".split()
        ),
        {"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
        word_table(
            "Sr. señor|Sra. señora|Srta. señorita|Dr. doctor|Dra. doctora|Ud. usted|"
            "Uds. ustedes|etc. etcétera|núm. número|p.ej. por ejemplo|EE.UU. Estados Unidos|"
            "EE. Estados|UU. Unidos|Avda. avenida"
        ),
        word_table(METRIC["es"]),
        "al cuadrado", "al cubo", "elevado a", "número",
    ),
    "fr": Reading(
        "virgule", "moins", "pour cent", "degrés", "arobase", "point", "et", "plus", "à",
        "heures", "premier", "première", "",
        tuple(
            "janvier février mars avril mai juin juillet août septembre octobre novembre "
            "décembre".split()
        ),
        {"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres")},
        word_table(
            "M. monsieur|Mme madame|Mlle mademoiselle|Dr docteur|MM. messieurs|etc. et cetera|"
            "n° numéro|c.-à-d. c'est-à-dire|p.ex. par exemple|St saint|Ste sainte|av. avenue"
        ),
        word_table(METRIC["fr"]),
        "au carré", "au cube", "puissance", "numéro",
    ),
    "it": Reading(
        "virgola", "meno", "per cento", "gradi", "chiocciola", "punto", "e", "più", "a", "",
        "primo", "prima", "",
        tuple(
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre "
            "novembre dicembre".split()
        ),
        {"€": ("euro", "euro"), "$": ("dollaro", "dollari"), "£": ("sterlina", "sterline")},
        word_table(
            "Sig. signor|Sig.ra signora|Dott. dottor|Dott.ssa dottoressa|Prof. professor|"
            "ecc. eccetera|n. numero|p.es. per esempio"
        ),
        word_table(METRIC["it"]),
        "al quadrato", "al cubo", "elevato a", "numero",
    ),
}  # fmt: skip
# The end of a number before a noun, masculine and feminine: "un metro", "una libra".
AGREEING = {
    "es": {"veintiuno": ("veintiún", "veintiuna"), "uno": ("un", "una")},
    "fr": {"un": ("un", "une")},
    "it": {"uno": ("un", "una")},
}
# "Un millón de euros": from a million on a number is a noun itself.
MILLIONS = re.compile(r"(?:illón|illones|illions?|illiards?|ilion[ei]|iliard[oi])$")
OF = {"es": "de", "fr": "de", "it": "di"}
FEMININE = frozenset("libra libras hora horas livre livres heure heures sterlina sterline".split())
# The names of letters that stand for words: "SNCF".
LETTERS = {
    language: dict(zip("abcdefghijklmnopqrstuvwxyz", names.split("|"), strict=True))
    for language, names in {
        "es": "a|be|ce|de|e|efe|ge|hache|i|jota|ka|ele|eme|ene|o|pe|cu|erre|ese|te|u|uve|"
        "uve doble|equis|i griega|zeta",
        "fr": "a|bé|cé|dé|e|effe|gé|hache|i|ji|ka|elle|emme|enne|o|pé|ku|erre|esse|té|u|vé|"
        "double vé|ixe|i grec|zède",
        "it": "a|bi|ci|di|e|effe|gi|acca|i|i lunga|cappa|elle|emme|enne|o|pi|cu|erre|esse|ti|u|"
        "vu|doppia vu|ics|ipsilon|zeta",
    }.items()
}
# Capitals that cannot be read as a word: no vowel, or consonants that do not go together.
CONSONANT = "[B-DF-HJ-NP-TV-Z]"
UNSPEAKABLE = (
    rf"{CONSONANT}{{2,6}}|[A-Z]{{1,2}}{CONSONANT}{{2}}"
    rf"|(?![BCDFGPT][LR]|S[CPT]|CH|QU){CONSONANT}{{2}}[A-Z]{{1,4}}"
)
NUMBER = r"\d{1,3}(?:[.\u202f ]\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?"
LONGEST_NUMBER = 15  # digits; a longer one is read digit by digit


Rule = tuple[str | re.Pattern[str], str | Callable[[re.Match[str]], str]]


def written_out(text: str, language: str) -> str:
    """Return ``text`` with numbers, money, dates, times and abbreviations as words."""
    return _writer(language).write(text)


@cache
def _writer(language: str) -> _Writer:
    return _Writer(language)


class _Writer:
    """Rules of one language, applied one after the other."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._reading = READINGS[language]
        self._rules = [*self._word_rules(), *self._number_rules()]
        self._sign_rules = self._make_sign_rules()

    def write(self, text: str) -> str:
        # Where all is in capitals they are emphasis.
        spelled: list[Rule] = [] if text.isupper() else [(rf"\b(?:{UNSPEAKABLE})\b", self._spelled)]
        for pattern, say in (*self._rules, *spelled, *self._sign_rules):
            text = re.sub(pattern, say, text)
        return re.sub(r"[ \t]+", " ", text).replace(" ,", ",").replace(" .", ".").strip()

    def _word_rules(self) -> list[Rule]:
        abbreviations = self._reading.abbreviations
        short = "|".join(re.escape(key) for key in sorted(abbreviations, key=len)[::-1])
        return [
            (ADDRESS, self._address),
            (rf"(?<!\w)(?:{short})(?!\w)", lambda match: abbreviations[match[0]]),
        ]

    def _number_rules(self) -> list[Rule]:
        reading, amount = self._reading, self._amount
        signs = "".join(reading.currencies)
        units = "|".join(re.escape(key) for key in reading.units)
        return [
            (r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4})\b", self._date),
            (r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b", self._date),
            # Before the rules that replace the digits after the sign: "-5 °C", "5-10 km".
            (r"(?<=\d)\s?[-\u2013]\s?(?=\d)", f" {reading.to} "),
            (rf"(?<![\w.,])-(?=[{signs}]?\s?\d)", f"{reading.minus} "),
            (
                rf"(?:(?P<before>[{signs}])\s?)?(?P<number>{NUMBER})(?:\s?(?P<after>[{signs}]))?",
                self._money,
            ),
            (r"\b(?P<hour>\d{1,2})(?::|\s?[hH]\s?)(?P<minute>\d\d)\b(?:\s?h\b)?", self._time),
            (r"\b1(?:er|º|°|\.º)(?!\w)", reading.first),
            (r"\b1(?:ª|\.ª|ère|re)(?!\w)", reading.first_feminine),
            (rf"{FROM_START}(?P<n>{NUMBER})\s?%", lambda m: f"{amount(m['n'])} {reading.percent}"),
            (
                rf"{FROM_START}(?P<n>{NUMBER})\s?°\s?[CF]?",
                lambda m: f"{amount(m['n'])} {reading.degrees}",
            ),
            (
                rf"{FROM_START}(?P<n>{NUMBER})\s?(?P<unit>{units})(?!\w)",
                lambda m: self._counted(m["n"], reading.units[m["unit"]]),
            ),
            (POWER, self._power),
            (EXPONENT, lambda match: f" {exponent(match[0])} "),
            (GREEK_SIGN, greek_name),
            (ROMAN_SIGNS, lambda match: str(roman_value(match[0]))),
            ("№", f" {reading.number} "),
            (NUMBER, lambda m: f" {amount(m[0])} "),
        ]

    def _make_sign_rules(self) -> list[Rule]:
        return [
            (r"&", f" {self._reading.both} "),
            (r"\+", f" {self._reading.plus} "),
            (r"[*_`~|<>\\^\[\]{}#=@%°/-]+", " "),
        ]

    def _amount(self, number: str) -> str:
        whole, _, fraction = re.sub(r"[.\u202f ]", "", number).partition(",")
        if len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0"):
            words = " ".join(expand_numbers(digit, self._language) for digit in whole)
        else:
            words = str(expand_numbers(whole, self._language))
        if not fraction:
            return words
        rest = fraction.lstrip("0")[:LONGEST_NUMBER]
        tail = ["0"] * (len(fraction) - len(fraction.lstrip("0"))) + ([rest] if rest else [])
        decimals = " ".join(expand_numbers(part, self._language) for part in tail)
        return f"{words} {self._reading.point} {decimals}"

    def _counted(self, number: str, many: str, one: str = "") -> str:
        """Return a number and what it counts: "cinco metros", "un metro", "veintiuna libras"."""
        noun = (one or self._singular(many)) if number == "1" else many
        words = self._amount(number)
        if "," not in number:
            words = self._agreeing(words, noun in FEMININE)
        if MILLIONS.search(words):
            is_elided = self._language == "fr" and noun[0] in "aeiou"
            noun = f"d'{noun}" if is_elided else f"{OF[self._language]} {noun}"
        return f"{words} {noun}"

    def _agreeing(self, words: str, is_feminine: bool) -> str:
        """Return the words of a number as they are before a noun."""
        forms = AGREEING[self._language]
        return re.sub(
            r"\w+$", lambda last: forms.get(last[0], (last[0], last[0]))[is_feminine], words
        )

    def _singular(self, unit: str) -> str:
        """Return a unit, which is masculine, for one of it: "metro" of "metros", of "metri"."""
        if self._language == "it":
            return re.sub(r"i\b", "o", unit.replace("orari", "orarii"))
        return re.sub(r"s\b", "", unit)

    def _money(self, match: re.Match[str]) -> str:
        sign = match["before"] or match["after"]
        if not sign:
            return match[0]
        one, many = self._reading.currencies[sign]
        whole, _, cents = match["number"].partition(",")
        if len(cents) != 2:
            return self._counted(match["number"], many, one)
        tail = f" {self._reading.both} {self._amount(cents.lstrip('0'))}" if cents != "00" else ""
        return f"{self._counted(whole, many, one)}{tail}"

    def _power(self, match: re.Match[str]) -> str:
        reading = self._reading
        power = exponent(match["power"]).replace("-", f"{reading.minus} ")
        said = {"2": reading.squared, "3": reading.cubed}.get(power, f"{reading.power} {power}")
        return f"{match['base']} {said}{blank_before_word(match)}"

    def _date(self, match: re.Match[str]) -> str:
        reading = self._reading
        day, month = int(match["day"]), int(match["month"])
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return match[0]
        words = [reading.first if day == 1 else self._amount(str(day)), reading.of]
        words += [reading.months[month - 1], reading.of, self._amount(match["year"])]
        return " ".join(filter(None, words))

    def _time(self, match: re.Match[str]) -> str:
        reading, is_french = self._reading, self._language == "fr"
        hour, minute = match["hour"].lstrip("0") or "0", match["minute"]
        if int(hour) > 24 or int(minute) > 59:
            return match[0]
        hours = self._singular(reading.hours) if hour == "1" else reading.hours
        words = [self._agreeing(self._amount(hour), True), hours if is_french else ""]
        if minute != "00":
            words += ["" if is_french else reading.both, self._amount(minute.lstrip("0"))]
        elif self._language == "es":
            words.append(hours)
        return " ".join(filter(None, words))

    def _address(self, match: re.Match[str]) -> str:
        address = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0]).rstrip("/.,;")
        address = re.sub(
            r"\.([b-df-hj-np-tv-z]{2,3})\b", lambda ending: "." + self._spelled(ending), address
        )
        address = address.replace("@", f" {self._reading.at} ")
        address = address.replace(".", f" {self._reading.dot} ")
        return re.sub(r"[/_-]", " ", address)

    def _spelled(self, match: re.Match[str]) -> str:
        letters = LETTERS[self._language]
        return " ".join(letters[letter] for letter in match[0].lower() if letter in letters)
