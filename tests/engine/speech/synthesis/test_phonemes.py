"""Words to sounds, in the alphabet of the voices."""

from __future__ import annotations

import pytest

from engine.speech.synthesis.phonemes import Phonemizer, from_ipa, to_espeak

SOUNDS = {
    "en-US": {
        # Acronyms: by letters, or as the words they became.
        "the FBI": "ði ˌɛfbˌiˈI",
        "HTML": "ˌAʧtˌiˌɛmˈɛl",
        "USA": "jˌuˌɛsˈA",
        "NASA": "nˈæsə",
        "JSON": "ʤˈAsən",
        "two CTOs": "tˈu sˌitˌiˈOz",
        "US law": "jˌuˈɛs lˈɔ",
        "IT IS LOUD": "ɪt ɪz lˈWd",
        "NO!": "nˈO!",
        # Words that depend on their neighbours
        "the apple, the pear": "ði ˈæpᵊl, ðə pˈɛɹ",
        "I read it yesterday.": "ˌI ɹˈɛd ɪt jˈɛstəɹdˌA.",
        "I will read it.": "ˌI wɪl ɹˈid ɪt.",
        "a record": "ɐ ɹˈɛkəɹd",
        "to record": "tə ɹəkˈɔɹd",
        # Forms of known words, names in parts, foreign letters
        "café": "kæfˈA",
        "DeepMind": "dˈipmˈInd",
        "churches": "ʧˈɜɹʧᵻz",
    },
    "en-GB": {"the car, better": "ðə kˈɑː, bˈɛtə"},
    "es-ES": {"¿Cómo está, cielo?": "kˈomo estˈa, θjˈelo?", "la guerra": "la ɣˈera"},
    "es-419": {"cielo y llave": "sjˈelo i ʝˈaβe"},
    "fr-FR": {
        "les enfants ont dix ans": "lez ɑ̃fˈɑ̃ ɔ̃ diz ˈɑ̃",
        "qu'est-ce que c'est": "kɛ sə kə sɛ",
        "monsieur": "məsjˈø",
    },
    "it-IT": {
        "Buongiorno": "bwonʤˈorno",
        "perché gli gnocchi": "perkˈe ʎi ɲˈokːi",
        "euro, auto, paura": "ˈeuro, ˈauto, paˈura",
        "la città": "la ʧitːˈa",
        "mia zia, le due farmacie": "mˈia ʦˈia, le dˈue farmaʧˈie",
        "già, ciò, ciao, più": "ʤˈa, ʧˈɔ, ʧˈao, pjˈu",
        "la storia d'Italia": "la stˈorja ditˈalja",
    },
}


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer()


@pytest.mark.parametrize(
    ("language", "text", "sounds"),
    [(language, *pair) for language, pairs in SOUNDS.items() for pair in pairs.items()],
)
def test_words_have_their_sounds(phonemizer, language: str, text: str, sounds: str):
    assert phonemizer.phonemes(text, language) == sounds


@pytest.mark.parametrize("word", ["Kubernetes", "Nguyen", "blorptastic", "Zbigniew", "Ω"])
def test_unknown_words_get_a_guess(phonemizer, word: str):
    guess = phonemizer.phonemes(f"say {word} now", "en-US")
    assert guess.startswith("sˈA ")
    assert guess.endswith(" nˈW")


def test_an_authors_pronunciation_replaces_the_word(phonemizer):
    sounds = phonemizer.phonemes("Dear \ue000, hello", "en-US", {"\ue000": "ˈwɪntɛɹ"})
    assert sounds.split() == ["dˈɪɹ", "wˈɪntɛɹ", ",", "həlˈO"]


def test_ipa_is_put_into_the_voices_alphabet():
    assert from_ipa("ˈtʃeɪndʒ") == "ʧˈAnʤ"


def test_piper_hears_the_same_sounds_in_its_own_alphabet():
    assert to_espeak("ʧˈAnʤ") == "tʃˈeɪndʒ"
    assert to_espeak("sˈi") == "sˈiː"


@pytest.mark.parametrize("language", ["en-US", "en-GB", "es-ES", "fr-FR", "it-IT"])
@pytest.mark.parametrize(
    ("text", "unsaid"),
    [
        ("Привет мир", ["Привет", "мир"]),
        ("abc Ελλάδα, abc Ελλάδα!", ["Ελλάδα"]),
        ("漢字かな", ["漢字かな"]),
        ("ok \U0001f600 ok\U0001f468\u200d\U0001f469!", ["\U0001f600", "\U0001f468\U0001f469"]),
        ("100\u20bd, 5€ and £3", ["\u20bd"]),
        ("m\u00b2 \u2192 x", ["\u2192"]),
        ("x² 10⁻³ ﬁ ﬃ Ⅻ ① ⒈ Ｈｉ １２ № ㎏ ℃ ½ ⅗ 𝐁 H₂O", []),
        ("ｱ µ", ["ｱ"]),
        ("5 µm, 2πr², Δt, 3σ and 4 kΩ", []),
        ("\ue000", ["\ue000"]),
        ("Café, naïve, Łódź, straße, Ærø, Việt Nam", []),
        ("¿Qué? 20° \u2212 5, 1º, ½ © ® \u2122 \u2026 \u2014 “a” d\u2019un", []),
        ("\u0661\u0662\u0663", []),
    ],
)
def test_what_has_no_sound_is_known(phonemizer, language: str, text: str, unsaid: list[str]):
    assert phonemizer.unsaid(text, language) == unsaid


@pytest.mark.parametrize("language", ["en-US", "es-ES", "fr-FR", "it-IT"])
@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("Привет", False),
        ("...!?", False),
        ("\U0001f600", False),
        ("& 1", True),
        ("ñ", True),
        ("\u0663", True),
        ("Привет a", True),
        *((sign, True) for sign in "²ﬁⅫ①１Ａ№½𝐁"),
    ],
)
def test_text_with_any_sound_can_be_said(phonemizer, language: str, text: str, is_said: bool):
    assert phonemizer.can_say(text, language) == is_said
    sounds = phonemizer.phonemes(phonemizer.spoken(text, language), language)
    assert any(map(str.isalpha, sounds)) == is_said


def test_letters_of_other_latin_alphabets_are_read_as_plain_ones(phonemizer):
    assert phonemizer.phonemes("Łukasz", "es-ES") == phonemizer.phonemes("Lukasz", "es-ES")
    assert phonemizer.phonemes("año", "it-IT") == phonemizer.phonemes("ano", "it-IT")
    assert phonemizer.phonemes("año", "es-ES") != phonemizer.phonemes("ano", "es-ES")
