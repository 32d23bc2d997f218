"""Spanish, French and Italian words as phonemes.

Spanish and Italian are read by rule. French words come from ``g2p2`` (MIT or Apache-2.0);
stress, elision and liaison are added here. The phonemes follow espeak-ng's conventions, in
which Kokoro was trained on these languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from g2p2 import Model

from engine.text.spoken_romance import word_table
from engine.weights.converted import FRENCH, converted

PUNCTUATION = frozenset('.,!?;:—…"“”()')
TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|[.,!?;:—…\"“”()]|¿|¡")
# The phonemizer's spelling of sounds, and the voices' alphabet's.
AFFRICATES = (
    ("t͡ʃ", "ʧ"), ("tʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("dʒ", "ʤ"), ("t͡s", "ʦ"), ("ts", "ʦ"),
    ("d͡z", "ʣ"), ("dz", "ʣ"), ("g", "ɡ"), (" ", ""),
)  # fmt: skip
SOUNDING = frozenset("aeiouyæøœɑɐɔəɛɪʊʌAEIOUWY")  # vowels, and diphthongs in one letter


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
        is_stop = before in ("", "n", "m") or (before == "l" and sounds[:1] == "ð")
        if is_stop and sounds[:1] in stops:
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

    FUNCTION = word_table(
        "le lə|la la|les le|un œ̃|une yn|des de|du dy|de də|à a|a a|au o|aux o|et e|est ɛ|ou u|où u|"
        "y i|en ɑ̃|je ʒə|tu ty|il il|elle ɛl|on ɔ̃|nous nu|vous vu|ils il|elles ɛl|me mə|te tə|"
        "se sə|ce sə|ces se|cet sɛt|cette sɛt|mes me|tes te|ses se|nos no|vos vo|mon mɔ̃|ton tɔ̃|"
        "son sɔ̃|ma ma|ta ta|sa sa|que kə|qui ki|ne nə|pas pa|dans dɑ̃|sur syʁ|par paʁ|pour puʁ|"
        "avec avɛk|sans sɑ̃|si si|ont ɔ̃|sont sɔ̃|leur lœʁ|leurs lœʁ|mais mɛ|plus ply|chez ʃe"
    )
    IRREGULAR = word_table(
        "monsieur məsjˈø|messieurs mesjˈø|tout tu|tous tus|six sis|dix dis|vingt vɛ̃|cent sɑ̃|"
        "euros øʁˈo|euro øʁˈo|fait fɛ|fois fwa|août ut|ville vil|mille mil|fils fis"
    )
    CLITICS = word_table(
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

    def __init__(self) -> None:
        self._model = Model.load(str(converted(FRENCH)))

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
        zip("abcdefgijklmnopqrstuvwyzàèéìòù", "abkdefɡijklmnopkrstuvwjʦaɛeiɔu", strict=True)
    ) | {"x": "ks"}

    def phonemes(self, text: str) -> str:
        return _spoken(self._tokens(text.lower().replace("’", "'").replace("-", " ")))

    def _tokens(self, text: str) -> Iterator[str]:
        for spoken in TOKEN.findall(text):
            if spoken in PUNCTUATION:
                yield spoken
            elif spoken not in "¿¡":
                clitic, apostrophe, rest = spoken.partition("'")
                if clitic == "c":  # "c'è" is as soft as "cena"
                    yield self._word(clitic + rest)
                elif apostrophe and rest:
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
