"""Spanish, French and Italian: written text to spoken words, and those to phonemes.

Spanish and Italian are read by rule. French words come from ``g2p2`` (MIT or Apache-2.0);
stress, elision and liaison are added here. The phonemes follow espeak-ng's conventions, in
which Kokoro was trained on these languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from g2p2 import Model, expand_numbers

from engine.speech import voicefiles

PUNCTUATION = frozenset('.,!?;:—…"“”()')
# A name and a domain are short (RFC 5321); without the limits a long word is searched from each
# of its letters.
ADDRESS = re.compile(
    r"https?://\S+|\bwww\.\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
)
FROM_START = r"(?<!\d)"  # of a number, or one of many digits is read from each of them
TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|[.,!?;:—…\"“”()]|¿|¡")
# The phonemizer's spelling of sounds, and the voices' alphabet's.
AFFRICATES = (
    ("t͡ʃ", "ʧ"), ("tʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("dʒ", "ʤ"), ("t͡s", "ʦ"), ("ts", "ʦ"),
    ("d͡z", "ʣ"), ("dz", "ʣ"), ("g", "ɡ"), (" ", ""),
)  # fmt: skip
SOUNDING = frozenset("aeiouyæøœɑɐɔəɛɪʊʌAEIOUWY")  # vowels, and diphthongs in one letter


@dataclass(frozen=True)
class Reading:
    """How one language says what is not a word."""

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
    of: str
    months: tuple[str, ...]
    currencies: dict[str, tuple[str, str]]
    abbreviations: dict[str, str]
    units: dict[str, str]


METRIC = {
    "es": "km/h kilómetros por hora|km kilómetros|kg kilogramos|cm centímetros|mm milímetros|"
    "m metros|g gramos|l litros|GB gigabytes|MB megabytes",
    "fr": "km/h kilomètres heure|km kilomètres|kg kilogrammes|cm centimètres|mm millimètres|"
    "m mètres|g grammes|l litres|Go gigaoctets|Mo mégaoctets",
    "it": "km/h chilometri orari|km chilometri|kg chilogrammi|cm centimetri|mm millimetri|"
    "m metri|g grammi|l litri|GB gigabyte|MB megabyte",
}


def _table(lines: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in lines.split("|"))


READINGS = {
    "es": Reading(
        "coma", "menos", "por ciento", "grados", "arroba", "punto", "y", "más", "a", "horas",
        "primero", "de",
        tuple(
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
            "diciembre".split()
        ),
        {"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
        _table(
            "Sr. señor|Sra. señora|Srta. señorita|Dr. doctor|Dra. doctora|Ud. usted|"
            "Uds. ustedes|etc. etcétera|núm. número|p.ej. por ejemplo|EE.UU. Estados Unidos|"
            "EE. Estados|UU. Unidos|Avda. avenida"
        ),
        _table(METRIC["es"]),
    ),
    "fr": Reading(
        "virgule", "moins", "pour cent", "degrés", "arobase", "point", "et", "plus", "à",
        "heures", "premier", "",
        tuple(
            "janvier février mars avril mai juin juillet août septembre octobre novembre "
            "décembre".split()
        ),
        {"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres")},
        _table(
            "M. monsieur|Mme madame|Mlle mademoiselle|Dr docteur|MM. messieurs|etc. et cetera|"
            "n° numéro|c.-à-d. c'est-à-dire|p.ex. par exemple|St saint|Ste sainte|av. avenue"
        ),
        _table(METRIC["fr"]),
    ),
    "it": Reading(
        "virgola", "meno", "per cento", "gradi", "chiocciola", "punto", "e", "più", "a", "",
        "primo", "",
        tuple(
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre "
            "novembre dicembre".split()
        ),
        {"€": ("euro", "euro"), "$": ("dollaro", "dollari"), "£": ("sterlina", "sterline")},
        _table(
            "Sig. signor|Sig.ra signora|Dott. dottor|Dott.ssa dottoressa|Prof. professor|"
            "ecc. eccetera|n. numero|p.es. per esempio"
        ),
        _table(METRIC["it"]),
    ),
}  # fmt: skip
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
# Capitals that nobody could say as a word: no vowel, or consonants that do not go together.
CONSONANT = "[B-DF-HJ-NP-TV-Z]"
UNSPEAKABLE = (
    rf"{CONSONANT}{{2,6}}|[A-Z]{{1,2}}{CONSONANT}{{2}}"
    rf"|(?![BCDFGPT][LR]|S[CPT]|CH|QU){CONSONANT}{{2}}[A-Z]{{1,4}}"
)
NUMBER = r"\d{1,3}(?:[.\u202f ]\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?"
LONGEST_NUMBER = 15  # digits; a longer one is read digit by digit


def written_out(text: str, language: str) -> str:
    """``text`` with numbers, money, dates, times and abbreviations as words."""
    reading = READINGS[language]

    def amount(number: str) -> str:
        whole, _, fraction = re.sub(r"[.\u202f ]", "", number).partition(",")
        if len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0"):
            said = " ".join(expand_numbers(digit, language) for digit in whole)
        else:
            said = str(expand_numbers(whole, language))
        if not fraction:
            return said
        rest = fraction.lstrip("0")[:LONGEST_NUMBER]
        tail = ["0"] * (len(fraction) - len(fraction.lstrip("0"))) + ([rest] if rest else [])
        words = " ".join(expand_numbers(part, language) for part in tail)
        return f"{said} {reading.point} {words}"

    def money(match: re.Match[str]) -> str:
        sign = match["before"] or match["after"]
        one, many = reading.currencies[sign]
        whole, _, cents = match["number"].partition(",")
        unit = one if whole == "1" else many
        if len(cents) == 2:
            tail = f" {reading.both} {amount(cents.lstrip('0'))}" if cents != "00" else ""
            return f"{amount(whole)} {unit}{tail}"
        return f"{amount(match['number'])} {unit}"

    def date(match: re.Match[str]) -> str:
        day, month = int(match["day"]), int(match["month"])
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return match[0]
        said = [reading.first if day == 1 else amount(str(day)), reading.of]
        said += [reading.months[month - 1], reading.of, amount(match["year"])]
        return " ".join(word for word in said if word)

    def time(match: re.Match[str]) -> str:
        hour, minute = match["hour"].lstrip("0") or "0", match["minute"]
        if int(hour) > 24 or int(minute) > 59:
            return match[0]
        spoken = [amount(hour), reading.hours if language == "fr" else ""]
        if minute != "00":
            spoken += [reading.both if language != "fr" else "", amount(minute.lstrip("0"))]
        elif language == "es":
            spoken.append(reading.hours)
        return " ".join(word for word in spoken if word)

    def address(match: re.Match[str]) -> str:
        said = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0]).rstrip("/.,;")
        said = re.sub(r"\.([b-df-hj-np-tv-z]{2,3})\b", lambda m: "." + spelled(m), said)
        said = said.replace("@", f" {reading.at} ").replace(".", f" {reading.dot} ")
        return re.sub(r"[/_-]", " ", said)

    def spelled(match: re.Match[str]) -> str:
        letters = LETTERS[language]
        return " ".join(letters[letter] for letter in match[0].lower() if letter in letters)

    signs = "".join(reading.currencies)
    short = "|".join(re.escape(key) for key in sorted(reading.abbreviations, key=len)[::-1])
    units = "|".join(re.escape(key) for key in reading.units)
    rules = (
        (ADDRESS, address),
        (rf"(?<!\w)(?:{short})(?!\w)", lambda m: reading.abbreviations[m[0]]),
        (
            rf"(?:(?P<before>[{signs}])\s?)?(?P<number>{NUMBER})(?:\s?(?P<after>[{signs}]))?",
            lambda m: money(m) if m["before"] or m["after"] else m[0],
        ),
        (r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4})\b", date),
        (r"\b(?P<hour>\d{1,2})(?::|\s?[hH]\s?)(?P<minute>\d\d)\b(?:\s?h\b)?", time),
        (r"\b1(?:er|º|°|ª|\.º|ère|re)(?!\w)", reading.first),
        (rf"{FROM_START}(?P<n>{NUMBER})\s?%", lambda m: f"{amount(m['n'])} {reading.percent}"),
        (
            rf"{FROM_START}(?P<n>{NUMBER})\s?°\s?[CF]?",
            lambda m: f"{amount(m['n'])} {reading.degrees}",
        ),
        (
            rf"{FROM_START}(?P<n>{NUMBER})\s?(?P<unit>{units})(?!\w)",
            lambda m: f"{amount(m['n'])} {reading.units[m['unit']]}",
        ),
        (r"(?<=\d)\s?[-\u2013]\s?(?=\d)", f" {reading.to} "),
        (r"(?<![\w.,])-(?=\d)", f"{reading.minus} "),
        (NUMBER, lambda m: f" {amount(m[0])} "),
        # Where all is in capitals they are emphasis.
        (rf"\b(?:{UNSPEAKABLE})\b" if not text.isupper() else r"(?!)", spelled),
        (r"&", f" {reading.both} "),
        (r"\+", f" {reading.plus} "),
        (r"[*_`~|<>\\^\[\]{}#=@%°/-]+", " "),
    )
    for pattern, say in rules:
        text = re.sub(pattern, say, text)
    return re.sub(r"[ \t]+", " ", text).replace(" ,", ",").replace(" .", ".").strip()


def _spoken(all_spoken: Iterator[str]) -> str:
    """Words and punctuation as one line of phonemes."""
    text = " ".join(spoken for spoken in all_spoken if spoken)
    text = re.sub(r" ([.,!?;:…)”])", r"\1", text)
    return re.sub(r"([(“]) ", r"\1", text)


def _stress(word: str, from_the_end: int) -> str:
    """``word`` with a stress mark before its vowel that is so far from the end (1: the last)."""
    places = [index for index, sound in enumerate(word) if sound in SOUNDING]
    if not places:
        return word
    place = places[-min(from_the_end, len(places))]
    return f"{word[:place]}ˈ{word[place:]}"


class Spanish:
    """Spanish by rule: of Spain (c and z as in "think"), or of Latin America."""

    UNSTRESSED = frozenset(
        "el la los las lo un una unos unas de del al a en con por para y e o u que se me te nos "
        "os le les mi mis tu tus su sus sin si como pero".split()
    )
    STRONG, WEAK = "aeoáéóíú", "iuü"
    ACCENTS = str.maketrans("áéíóúü", "aeiouu")
    CONSONANTS = {
        "b": "β", "v": "β", "d": "ð", "f": "f", "j": "x", "k": "k", "l": "l", "m": "m", "n": "n",
        "ñ": "ɲ", "p": "p", "s": "s", "t": "t", "w": "w", "x": "ks", "ç": "s",
    }  # fmt: skip
    DIPHTHONGS = {"ai": "I", "ei": "A", "oi": "Y", "au": "W", "eu": "eʊ", "ou": "oʊ"}

    def __init__(self, latin: bool) -> None:
        self._latin = latin

    def phonemes(self, text: str) -> str:
        return _spoken(self._tokens(text.lower()))

    def _tokens(self, text: str) -> Iterator[str]:
        after_sound = ""
        for spoken in TOKEN.findall(text):
            if spoken in PUNCTUATION:
                after_sound = ""
                yield spoken
            elif spoken not in "¿¡":
                word = self._word(spoken, after_sound)
                after_sound = word[-1:]
                yield word

    def _word(self, word: str, before: str) -> str:
        if word == "y":
            return "i"
        if word == "méxico" or word.startswith("mexic"):
            word = word.replace("x", "j")
        sounds = "".join(self._sounds(word))
        if word not in self.UNSTRESSED:
            sounds = self._stressed(word, sounds)
        sounds = sounds.replace("´", "")
        # b, d and g are stops after a pause or an n, and d also after an l.
        stops = {"β": "b", "ð": "d", "ɣ": "ɡ"}
        sounds = re.sub(r"(?<=[mn])(ˈ?)[βðɣ]", lambda m: m[1] + stops[m[0][-1]], sounds)
        sounds = sounds.replace("lð", "ld").replace("ββ", "β")
        if before in ("", "n", "m") and sounds[:1] in stops:
            sounds = stops[sounds[0]] + sounds[1:]
        return re.sub(r"n(?=ˈ?[pbm])", "m", re.sub(r"n(?=ˈ?[kɡx])", "ŋ", sounds))

    def _sounds(self, word: str) -> Iterator[str]:
        """The sounds of ``word``; a written accent is kept as a mark after its vowel."""
        index = 0
        while index < len(word):
            letter, rest = word[index], word[index + 1 :]
            taken, sound = 1, ""
            if letter in "aeiouáéíóúü":
                taken, sound = self._vowel(word, index)
            elif letter == "c" and rest[:1] == "h":
                taken, sound = 2, "ʧ"
            elif letter == "c" and rest[:1] in tuple("eiéí"):
                sound = "s" if self._latin else "θ"
            elif letter == "c":
                sound = "k"
            elif letter == "z":
                sound = "s" if self._latin else "θ"
            elif letter == "q":
                taken, sound = (2 if rest[:1] == "u" else 1), "k"
            elif letter == "g" and rest[:1] in tuple("eiéí"):
                sound = "x"
            elif letter == "g":
                sound = "ɣ"
                if rest[:1] == "u" and rest[1:2] in tuple("eiéí"):
                    taken = 2
            elif letter == "l" and rest[:1] == "l":
                taken, sound = 2, "ʝ" if self._latin else "ʎ"
            elif letter == "r" and rest[:1] == "r":
                taken, sound = 2, "r"
            elif letter == "r":
                sound = "r" if index == 0 or word[index - 1] in "nls" else "ɾ"
            elif letter == "y":
                sound = "ʝ" if rest[:1] in tuple("aeiouáéíóú") else "i"
            elif letter == "h":
                sound = "ʃ" if index and word[index - 1] == "s" else ""
            elif letter == "x" and index == 0:
                sound = "s"
            else:
                sound = self.CONSONANTS.get(letter, "")
            yield sound
            index += taken

    def _vowel(self, word: str, index: int) -> tuple[int, str]:
        letter = word[index]
        following = word[index + 1 : index + 2]
        plain = letter.translate(self.ACCENTS)
        mark = "´" if letter in "áéíóú" else ""
        ends = index + 2 >= len(word)
        if letter in self.WEAK and following and following in "aeiouáéíóú" and following != letter:
            return 1, "j" if plain == "i" else "w"
        glide = "i" if following == "y" and ends else following
        if letter in "aeoáéó" and glide in ("i", "u"):
            after = word[index + 2 : index + 3]
            if not (after and after in "aeoáéó") and (pair := plain + glide) in self.DIPHTHONGS:
                return 2, self.DIPHTHONGS[pair] + mark
        return 1, plain + mark

    def _stressed(self, word: str, sounds: str) -> str:
        if "´" in sounds:
            vowel = sounds.index("´") - 1
            if sounds[vowel] == "ʊ":  # the second letter of a diphthong
                vowel -= 1
            return f"{sounds[:vowel]}ˈ{sounds[vowel:]}"
        # A diphthong is one syllable: written in one letter while syllables are counted.
        whole = sounds.replace("eʊ", "E").replace("oʊ", "O").replace("ui", "U")
        stressed = _stress(whole, 2 if word[-1] in "aeiouns" else 1)
        return stressed.replace("E", "eʊ").replace("O", "oʊ").replace("U", "uj")


class French:
    """French words from their pronunciations, with elision and liaison."""

    FUNCTION = _table(
        "le lə|la la|les le|un œ̃|une yn|des de|du dy|de də|à a|a a|au o|aux o|et e|est ɛ|ou u|où u|"
        "y i|en ɑ̃|je ʒə|tu ty|il il|elle ɛl|on ɔ̃|nous nu|vous vu|ils il|elles ɛl|me mə|te tə|"
        "se sə|ce sə|ces se|cet sɛt|cette sɛt|mes me|tes te|ses se|nos no|vos vo|mon mɔ̃|ton tɔ̃|"
        "son sɔ̃|ma ma|ta ta|sa sa|que kə|qui ki|ne nə|pas pa|dans dɑ̃|sur syʁ|par paʁ|pour puʁ|"
        "avec avɛk|sans sɑ̃|si si|ont ɔ̃|sont sɔ̃|leur lœʁ|leurs lœʁ|mais mɛ|plus ply|chez ʃe"
    )
    IRREGULAR = _table(
        "monsieur məsjˈø|messieurs mesjˈø|tout tu|tous tus|six sis|dix dis|vingt vɛ̃|cent sɑ̃|"
        "euros øʁˈo|euro øʁˈo|fait fɛ|fois fwa|août ut|ville vil|mille mil|fils fis"
    )
    CLITICS = _table(
        "l l|d d|j ʒ|n n|s s|c s|m m|t t|qu k|jusqu ʒysk|lorsqu lɔʁsk|puisqu pyisk|quelqu kɛlk"
    )
    AFTER_TWENTY = frozenset("et un deux trois quatre cinq six sept huit neuf".split())
    LIAISON = {
        word: sound
        for sound, words in {
            "z": "les des ces mes tes ses nos vos aux deux trois six dix nous vous ils elles très "
            "dans sans chez plusieurs quelques leurs plus",
            "n": "un on mon ton son en aucun bien",
            "t": "est sont ont quand petit grand vingt cent",
        }.items()
        for word in words.split()
    }
    # Words before which nothing is linked: their h, or their vowel, is as a consonant.
    ASPIRATED = re.compile(
        r"(?:haut|héros|haricot|hasard|hont|huit|hors|hain|halt|hach|holl|hongr|hanch|hall|"
        r"hamster|handicap|harcel|hâte|hausse|heurt|hibou|hockey|homard|hurl|onz|oui|ouistiti|"
        r"yaourt|yacht)"
    )

    def __init__(self, cache: Path) -> None:
        self._model = Model.load(str(voicefiles.pronunciations("fr", cache)))

    def phonemes(self, text: str) -> str:
        return _spoken(self._tokens(text.lower().replace("’", "'").replace("-", " ")))

    def _tokens(self, text: str) -> Iterator[str]:
        all_spoken = TOKEN.findall(text)
        for index, spoken in enumerate(all_spoken):
            if spoken in PUNCTUATION:
                yield spoken
                continue
            if spoken in "¿¡":
                continue
            sound = self._word(spoken)
            following = all_spoken[index + 1] if index + 1 < len(all_spoken) else ""
            link = self.LIAISON.get(spoken.split("'")[-1])
            if link and self._opens(following):
                sound = {"six": "si", "dix": "di"}.get(spoken, sound) + link
            elif spoken == "vingt" and following in self.AFTER_TWENTY:
                sound = "vɛ̃t"
            elif spoken in ("six", "dix", "huit") and following[:1].isalpha():
                sound = {"six": "si", "dix": "di", "huit": "yi"}[spoken]
            yield sound

    def _opens(self, word: str) -> bool:
        """True when ``word`` begins with a vowel that takes a liaison."""
        return (
            word[:1] in tuple("aeiouyhéèêâàîôûœ")
            and not self.ASPIRATED.match(word)
            and word != "et"
        )

    def _word(self, word: str) -> str:
        if word in self.FUNCTION:
            return self.FUNCTION[word]
        if word in self.IRREGULAR:
            return self.IRREGULAR[word]
        clitic, apostrophe, rest = word.partition("'")
        if apostrophe and clitic in self.CLITICS:
            return self.CLITICS[clitic] + (self._word(rest) if rest else "")
        sound = self._model.phonemize(word.strip("'"))
        for theirs, ours in (("‿", ""), ("ɥi", "yi"), ("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("g", "ɡ"),
                             (".", ""), (" ", "")):  # fmt: skip
            sound = sound.replace(theirs, ours)
        # The last vowel carries what stress there is; a final schwa never does.
        return _stress(sound, 2 if sound.endswith("ə") and len(sound) > 2 else 1)


class Italian:
    """Italian by rule; where the spelling does not show the stress, by the ending."""

    UNSTRESSED = frozenset(
        "il lo la i gli le un uno una di a da in con su per tra fra e o ed ad che si mi ti ci vi "
        "ne del dello della dei degli delle al allo alla ai agli alle dal nel nella sul sulla "
        "è non ma se".split()
    )
    # Endings that throw the stress onto the third vowel from the end.
    EARLY = re.compile(
        r"(?:[bcdfglmnprstvz](?:ic[oai]|iche|ici|abil[ei]|ibil[ei]|evol[ei])|issim[oaie]|"
        r"(?:log|graf|metr|fon|crat)[oaie]|esim[oaie]|tavol[oaie]|popol[oi]|secol[oi]|numer[oi]|"
        r"ultim[oaie]|prossim[oaie]|giovan[ei]|uomini|ordin[ei]|opera|lettera|camera|macchina|"
        r"pagina|compit[oi]|credit[oi]|subito|sabato|domenica|essere|leggere|scrivere|prendere|"
        r"mettere|chiedere|vendere|perdere|ridere|correre|scegliere|rispondere|arono|irono)$"
    )
    LATE = frozenset(
        "amico amici amica amiche nemico nemici nemica antico antica antichi fatica fatiche felici "
        "radici dico rubrica rubriche fico fichi".split()
    )
    # An i or u before the last vowel that is a syllable of its own, and stressed.
    HIATUS = re.compile(
        r"^[^aeiouq]*[iu][aeoi]$"
        r"|(?:log|graf|nom|craz|metr|pat|fob|man|sof|fon|arch|farmac|energ|allerg|mag|bug|strateg|"
        r"nostalg|chirurg|teor|categor|(?<!mat)(?<!mis)(?<!art)er|garanz|malatt|poliz|compagn|"
        r"^mar|^luc)i[ae]$"
    )
    FALLING = re.compile(r"([aeɛo])([iu])(?=[^aeɛioɔu])")
    OPEN = frozenset("paura paure baule bauli".split())  # the same letters, in two syllables
    VOWELS = "aeiouàèéìòù"
    LETTERS = dict(
        zip("abcdefgijklmnopqrstuvwxyzàèéìòù", "abkdefɡijklmnopkrstuvwkjʦaɛeiɔu", strict=True)
    )

    def phonemes(self, text: str) -> str:
        return _spoken(self._tokens(text.lower().replace("’", "'").replace("-", " ")))

    def _tokens(self, text: str) -> Iterator[str]:
        for spoken in TOKEN.findall(text):
            if spoken in PUNCTUATION:
                yield spoken
            elif spoken not in "¿¡":
                clitic, apostrophe, rest = spoken.partition("'")
                if apostrophe and rest:
                    yield self._sound(clitic) + self._word(rest)
                else:
                    yield self._word(clitic)

    def _word(self, word: str) -> str:
        if self.HIATUS.search(word):
            return _stress(self._sound(word[:-2] + {"i": "ì", "u": "ù"}[word[-2]] + word[-1]), 2)
        sound = self._sound(word)
        if word in self.UNSTRESSED:
            return sound
        if word[-1] in "àèéìòù":
            return _stress(sound, 1)
        if word in self.OPEN:
            return _stress(sound, 2)
        # A diphthong is one syllable: its second letter is hidden while syllables are counted.
        hidden = self.FALLING.sub(lambda m: m[1] + {"i": "1", "u": "2"}[m[2]], sound)
        return self._stressed(word, hidden).replace("1", "i").replace("2", "u")

    def _stressed(self, word: str, sound: str) -> str:
        vowels = sum(sound.count(vowel) for vowel in SOUNDING)
        if self.EARLY.search(word) and word not in self.LATE:
            return _stress(sound, 3)
        return _stress(sound, 2 if word[-1] in self.VOWELS and vowels > 1 else 1)

    def _sound(self, word: str) -> str:
        sound = "".join(self._sounds(word))
        return re.sub(r"([bdfkpstvɡʃʦʧʤ])\1", r"\1ː", sound)

    def _sounds(self, word: str) -> Iterator[str]:
        soft = tuple("eièéì")
        index = 0
        while index < len(word):
            letter, rest = word[index], word[index + 1 :]
            before = word[index - 1] if index else ""
            taken, sound = 1, self.LETTERS.get(letter, "")
            doubled = rest[:1] == letter
            after = rest[1:] if doubled else rest
            if letter == "s" and rest[:1] == "c" and rest[1:2] in soft:
                taken, sound = 2, "ʃ"
                taken += self._silent_i(rest[1:])
            elif letter == "g" and rest.startswith("li"):
                taken, sound = (3 if rest[2:3] and rest[2] in self.VOWELS else 2), "ʎ"
            elif letter == "g" and rest[:1] == "n":
                taken, sound = 2, "ɲ"
            elif letter in "cg" and after[:1] in soft:
                sound = {"c": "ʧ", "g": "ʤ"}[letter]
                taken = 1 if doubled else 1 + self._silent_i(rest)
            elif letter in "cg" and after[:1] == "h" and not doubled:
                taken = 2
            elif letter == "q":
                taken, sound = 2, "kw"
            elif letter == "s" and before in self.VOWELS and rest[:1] in tuple(self.VOWELS):
                sound = "z" if before else sound
            elif letter == "i" and rest[:1] in tuple(self.VOWELS):
                sound = "j"
            elif letter == "u" and rest[:1] in tuple(self.VOWELS):
                sound = "w"
            elif letter == "n" and rest[:1] in ("c", "g", "q") and rest[1:2] not in soft:
                sound = "ŋ" if rest[:2] != "gn" else "n"
            yield sound
            index += taken

    def _silent_i(self, after: str) -> int:
        """1 when the i of "ciao" or "giorno" only softens the letter before it."""
        return int(after[:1] == "i" and after[1:2] in tuple("aeouàèéòù"))
