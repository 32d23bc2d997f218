"""English words to phonemes, American and British, from lexicons and a small network.

The alphabet is the one Kokoro was trained on (misaki's: one letter a diphthong). Lexicons:
``misaki`` (Apache-2.0); words that are in neither: the letter-to-sound network of ``g2p_en``
(Apache-2.0), run here in numpy. Both are wheels of which only the data is used.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.weights.packages import packaged_file

Accent = Literal["us", "gb"]

PRIMARY, SECONDARY = "ˈ", "ˌ"
VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻɐ")
TAPPED_AFTER = frozenset("AIOWYiuæɑəɛɪɹʊʌ")  # an American t between these and a vowel is a tap
VOICELESS = frozenset("ptkfθ")
SIBILANTS = frozenset("szʃʒʧʤ")

# The words before a homograph that tell a noun from a verb: no tagger is needed for most.
BEFORE_NOUN = frozenset(
    "a an the this that these those my your his her its our their some any no each every "
    "another one two first last next good bad new old great in of with without for from by on "
    "at per such whose which what many few both".split()
)
BEFORE_VERB = frozenset(
    "to will would can could shall should may might must do does did don't didn't doesn't "
    "won't can't cannot couldn't wouldn't shouldn't i we they you who let's please not never "
    "always and".split()
)
BEFORE_PARTICIPLE = frozenset(
    "have has had having been was were is are be being 've 'd i've we've they've you've he'd "
    "she'd i'd we'd they'd already just".split()
)
PAST_TIME = re.compile(r"\b(yesterday|ago|last (night|week|month|year)|in (19|20)\d\d)\b", re.I)

# Written in capitals, or with some, and in neither lexicon.
NAMES = {
    "JSON": "ʤˈAsən", "YAML": "jˈæməl", "SAML": "sˈæməl", "UNIX": "jˈunɪks", "IKEA": "Ikˈiə",
    "LEGO": "lˈɛɡO", "WiFi": "wˈIfˌI", "PhD": "pˌiˌAʧdˈi", "PhDs": "pˌiˌAʧdˈiz",
}  # fmt: skip

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|\d+|[.,!?;:—…\"“”()]|[-–]")
DASHES = frozenset("-–")
NEXT_ENTRY = ',\n  "'  # in a lexicon, whose entries are indented by two spaces
PIECE = 200_000  # characters of one, parsed in about 4 ms
PUNCTUATION = frozenset('.,!?;:—…"“”()')


class English:
    """Phonemes of English text that is already written as it is spoken (no digits)."""

    def __init__(self, accent: Accent = "us") -> None:
        self.accent = accent
        self._gold = _lexicon(f"{accent}_gold.json")
        self._silver = _lexicon(f"{accent}_silver.json")

    def phonemes(self, text: str) -> str:
        """Kokoro phonemes of ``text``, with its punctuation; words are separated by spaces."""
        tokens = WORD.findall(_without_accents(text.replace("’", "'")))
        shouting = text.isupper() and self._is_shouted(tokens)
        past = PAST_TIME.search(text) is not None
        spoken: list[str] = []
        # Backwards, because "the" and "to" depend on the sound that follows.
        following = ""
        for index in range(len(tokens) - 1, -1, -1):
            token = tokens[index]
            if token in PUNCTUATION:
                following = ""
                spoken.append(token)
                continue
            if token in DASHES:  # inside a compound: nothing is said
                continue
            previous = tokens[index - 1].lower() if index else ""
            word = token.lower() if shouting and len(token) > 1 else token
            sound = self._word(word, previous, following, past)
            if sound:
                following = sound
                spoken.append(sound)
        return _spaced(reversed(spoken))

    def _word(self, word: str, previous: str, following: str, past: bool) -> str:
        bare = word.strip("'")
        if not bare:
            return ""
        lower = bare.lower()
        before_vowel = following.lstrip(PRIMARY + SECONDARY)[:1] in VOWELS if following else None
        match lower:
            case "the":
                return "ði" if before_vowel else "ðə"
            case "to":
                return "tʊ" if before_vowel else "tə" if before_vowel is False else "tu"
            case "a" if word == "a" or previous:
                return "ɐ" if word == "a" else PRIMARY + "A"
            case "an":
                return "ɐn"
            case "i":
                return SECONDARY + "I"
        if re.fullmatch(r"[A-Z]{2,}s", bare):
            return _plural(self._spelled(bare[:-1]), self.accent)
        known = self._lookup(bare, previous, past) or self._inflected(bare, previous, past)
        if known:
            return known
        if bare.isupper() and 1 < len(bare) <= 5:
            return self._spelled(bare)
        # A name in two parts ("DeepMind", "iPhone") is said part by part.
        parts = re.findall(r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])", bare)
        if len(parts) > 1 and "".join(parts) == bare:
            return "".join(self._word(part, "", "x", past) for part in parts)
        if lower.endswith("'s"):
            return _plural(self._guess(lower[:-2]), self.accent)
        return self._compound(lower) or self._guess(lower.replace("'", ""))

    def _is_shouted(self, tokens: Iterable[str]) -> bool:
        """True when capitals are emphasis: most of the words are no abbreviations."""
        words = [token for token in tokens if token.isalpha() and len(token) > 1]
        words = [word for word in words if word not in self._gold]  # "US" and "NASA" tell nothing
        known = [word for word in words if word.lower() in self._gold]
        return 2 * len(known) > len(words)

    def _compound(self, word: str) -> str | None:
        """``word`` as two known words of three letters or more, the first as long as can be."""
        for cut in range(len(word) - 3, 2, -1):
            first, second = self._gold.get(word[:cut]), self._gold.get(word[cut:])
            if isinstance(first, str) and isinstance(second, str):
                return first + second.replace(PRIMARY, SECONDARY)
        return None

    def _lookup(self, word: str, previous: str, past: bool) -> str | None:
        lower = word.lower()
        if word in NAMES:
            return NAMES[word]
        if word.isupper() and len(word) > 1:
            entry = self._gold.get(word)
            if isinstance(entry, str):
                return entry
            if len(word) <= 3 or lower not in self._gold:
                return None  # an abbreviation: said letter by letter
        entry = (
            self._gold.get(word)
            or self._gold.get(lower)
            or self._gold.get(lower.capitalize())
            or self._silver.get(word)
            or self._silver.get(lower)
            or self._silver.get(lower.capitalize())
        )
        if isinstance(entry, dict):
            return _homograph(entry, previous, past)
        return entry

    def _inflected(self, word: str, previous: str, past: bool) -> str | None:
        """``word`` as a known stem with -s, -'s, -ed or -ing."""
        lower = word.lower()

        def stem_of(*candidates: str) -> str | None:
            for candidate in candidates:
                if len(candidate) > 1 and (phonemes := self._lookup(candidate, previous, past)):
                    return phonemes
            return None

        if lower.endswith("'s"):
            stem = stem_of(word[:-2])
            if stem is None and word[:-2].isupper():
                stem = self._spelled(word[:-2])
            return _plural(stem, self.accent) if stem else None
        if lower.endswith("s") and not lower.endswith("ss"):
            candidates = [word[:-1]]
            if lower.endswith("ies"):
                candidates.append(word[:-3] + "y")
            elif lower.endswith("es"):
                candidates.append(word[:-2])
            stem = stem_of(*candidates)
            return _plural(stem, self.accent) if stem else None
        if lower.endswith("ed") and len(lower) > 4:
            stem = stem_of(word[:-1], word[:-2], word[:-3] if word[-3] == word[-4] else "")
            return _past(stem, self.accent) if stem else None
        if lower.endswith("ing") and len(lower) > 5:
            stem = stem_of(word[:-3], word[:-3] + "e", word[:-4] if word[-4] == word[-5] else "")
            return _continuous(stem, self.accent) if stem else None
        return None

    def _spelled(self, word: str) -> str:
        letters = [self._gold[letter] for letter in word.upper() if letter in self._gold]
        sounds = [letter for letter in letters if isinstance(letter, str)]
        unstressed = "".join(sounds[:-1]).replace(PRIMARY, SECONDARY)
        return unstressed + (sounds[-1] if sounds else "")

    def _guess(self, word: str) -> str:
        sound = _letters_to_sound(word)
        return sound if self.accent == "us" else _british(sound)


def _without_accents(text: str) -> str:
    """ "café" as "cafe", which the lexicons know."""
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter)
    )


def to_espeak(phonemes: str) -> str:
    """American Kokoro phonemes as the IPA of espeak-ng, on which piper voices are trained."""
    for ours, theirs in ESPEAK:
        phonemes = phonemes.replace(ours, theirs)
    # espeak lengthens a high vowel that carries stress and leaves a final one short.
    return re.sub(r"([ˈˌ][^ ˈˌaeiouæɑɔəɛɜɪʊʌ]*)([iu])(?!ː)", r"\1\2ː", phonemes)


ESPEAK = (
    ("ɜɹ", "ɜː"), ("əɹ", "ɚ"), ("ɑ", "ɑː"), ("ɔɹ", "ɔːɹ"), ("A", "eɪ"),
    ("I", "aɪ"), ("O", "oʊ"), ("W", "aʊ"), ("Y", "ɔɪ"), ("ʤ", "dʒ"), ("ʧ", "tʃ"), ("ᵊ", "ə"),
    ("u", "uː"),
)  # fmt: skip


def _homograph(entry: dict[str, str | None], previous: str, past: bool) -> str | None:
    default = entry["DEFAULT"]
    if previous in BEFORE_PARTICIPLE and entry.get("VBN"):
        return entry["VBN"]
    if past and entry.get("VBD") and previous not in BEFORE_VERB - {"i", "we", "they", "you"}:
        return entry["VBD"]
    if previous in BEFORE_VERB:
        return entry.get("VERB") or default
    if previous in BEFORE_NOUN:
        return entry.get("NOUN") or default
    return default


def _plural(stem: str, accent: Accent) -> str:
    if stem[-1:] in VOICELESS:
        return stem + "s"
    if stem[-1:] in SIBILANTS:
        return stem + ("ᵻz" if accent == "us" else "ɪz")
    return stem + "z"


def _past(stem: str, accent: Accent) -> str:
    schwa = "ᵻ" if accent == "us" else "ɪ"
    if stem[-1:] == "d":
        return stem + schwa + "d"
    if stem[-1:] == "t":
        tapped = accent == "us" and stem[-2:-1] in TAPPED_AFTER
        return (stem[:-1] + "ɾ" if tapped else stem) + schwa + "d"
    return stem + ("t" if stem[-1:] in "pkfθʃsʧ" else "d")


def _continuous(stem: str, accent: Accent) -> str:
    if accent == "us" and stem[-1:] == "t" and stem[-2:-1] in TAPPED_AFTER:
        return stem[:-1] + "ɾɪŋ"
    if accent == "gb" and stem[-1:] in ("ə", "ː"):
        return stem + "ɹɪŋ"
    return stem + "ɪŋ"


def _british(sound: str) -> str:
    """An American guess with British vowels and without the r that ends a syllable."""
    sound = re.sub(r"ɜɹ", "ɜː", sound)
    sound = re.sub(r"ɑɹ(?![AIOWYiuæɑəɛɪʊʌ])", "ɑː", sound)
    sound = re.sub(r"ɔɹ?(?![AIOWYiuæɑəɛɪʊʌ])", "ɔː", sound)
    sound = re.sub(r"əɹ(?![AIOWYiuæɑəɛɪʊʌ])", "ə", sound)
    sound = re.sub(r"ɹ(?![AIOWYiuæɑəɛɪʊʌɔɜˈˌ])", "ə", sound)
    return sound.replace("O", "Q").replace("æ", "a").replace("ɾ", "t").replace("ᵻ", "ɪ")


def _spaced(tokens: Iterable[str]) -> str:
    text = " ".join(tokens)
    text = re.sub(r" ([.,!?;:…)”])", r"\1", text)
    return re.sub(r"([(“]) ", r"\1", text)


@functools.cache
def _lexicon(name: str) -> dict[str, str | dict[str, str | None]]:
    """Read in pieces: while one is parsed no other thread can go on, the event loop included."""
    text = packaged_file("misaki", f"data/{name}").read_text("utf-8").strip()
    entries: dict[str, str | dict[str, str | None]] = {}
    begin, last = 1, len(text) - 1  # between the braces
    while begin < last:
        end = text.find(NEXT_ENTRY, begin + PIECE)
        end = end if end > 0 else last
        entries |= json.loads(f"{{{text[begin:end]}}}")
        begin = end + 1
    return entries


ARPABET = (
    "<pad> <unk> <s> </s> AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 "
    "AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M "
    "N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 UW UW0 UW1 UW2 V W Y Z ZH"
).split()
ARPABET_SOUND = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ",
    "EY": "A", "IH": "ɪ", "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b",
    "CH": "ʧ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l",
    "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ",
    "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
REDUCED = {"AH": "ə", "ER": "əɹ"}  # without stress
STRESS = {"0": "", "1": PRIMARY, "2": SECONDARY}
LONGEST_GUESS = 20  # sounds; the network never stops on some garbage

Matrix = npt.NDArray[np.float32]


@functools.cache
def _network() -> dict[str, Matrix]:
    with np.load(packaged_file("g2p_en", "checkpoint20.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


@functools.lru_cache(maxsize=10_000)
def _letters_to_sound(word: str) -> str:
    """Guess the American pronunciation of a word that is in no lexicon."""
    net = _network()
    letters = [ord(letter) - ord("a") + 3 for letter in word if "a" <= letter <= "z"]
    if not letters:
        return ""
    state = np.zeros(net["enc_w_hh"].shape[1], np.float32)
    for index in [*letters, 2]:  # 2 ends a word
        state = _gru(net, "enc", net["enc_emb"][index], state)
    sounds: list[str] = []
    index = ARPABET.index("<s>")
    for _ in range(LONGEST_GUESS):
        state = _gru(net, "dec", net["dec_emb"][index], state)
        index = int(np.argmax(net["fc_w"] @ state + net["fc_b"]))
        if ARPABET[index] == "</s>":
            break
        sounds.append(_sound_of(ARPABET[index]))
    guess = "".join(sounds)
    return guess if PRIMARY in guess else _stressed(guess)


def _sound_of(symbol: str) -> str:
    name, stress = (symbol[:-1], symbol[-1]) if symbol[-1].isdigit() else (symbol, "")
    if stress == "0" and name in REDUCED:
        return REDUCED[name]
    return STRESS.get(stress, "") + ARPABET_SOUND.get(name, "")


def _stressed(sound: str) -> str:
    for position, letter in enumerate(sound):
        if letter in VOWELS:
            return sound[:position] + PRIMARY + sound[position:]
    return sound


def _gru(net: dict[str, Matrix], side: str, inputs: Matrix, state: Matrix) -> Matrix:
    size = state.shape[0]
    from_input = net[f"{side}_w_ih"] @ inputs + net[f"{side}_b_ih"]
    from_state = net[f"{side}_w_hh"] @ state + net[f"{side}_b_hh"]
    gates = 1 / (1 + np.exp(-(from_input[: 2 * size] + from_state[: 2 * size])))
    reset, update = gates[:size], gates[size:]
    new = np.tanh(from_input[2 * size :] + reset * from_state[2 * size :])
    blended: Matrix = ((1 - update) * new + update * state).astype(np.float32)
    return blended
