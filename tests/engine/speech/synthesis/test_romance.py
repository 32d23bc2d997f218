"""Rules of Spanish and Italian, which need no model: letters, stress, and neighbouring words.

The alphabet is that of the voices: `I`, `A`, `Y` and `W` are the diphthongs of "ai", "ei", "oi" and
"au", and a mark stands before the stressed vowel.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.speech.synthesis.romance import PUNCTUATION, SOUNDING, Italian, Spanish

SPAIN, LATIN = Spanish(latin=False), Spanish(latin=True)
ITALIAN = Italian()

SPANISH = {
    # Letters
    "casa": "kˈasa",
    "queso": "kˈeso",
    "quién": "kjˈen",
    "kilo": "kˈilo",
    "chico": "ʧˈiko",
    "muchacho": "muʧˈaʧo",
    "hielo": "jˈelo",
    "hacer": "aθˈeɾ",
    "ahora": "aˈoɾa",
    "alcohol": "alkoˈol",
    "niño": "nˈiɲo",
    "año": "ˈaɲo",
    "gato": "ɡˈato",
    "gente": "xˈente",
    "girasol": "xiɾasˈol",
    "guerra": "ɡˈera",
    "guitarra": "ɡitˈara",
    "pingüino": "piŋɡwˈino",
    "vergüenza": "beɾɣwˈenθa",
    "averigüe": "aβeɾˈiɣwe",
    "jamón": "xamˈon",
    "México": "mˈexiko",
    "mexicano": "mexikˈano",
    "xilófono": "silˈofono",
    "examen": "eksˈamen",
    "texto": "tˈeksto",
    "shampoo": "sʃampˈoo",
    # R
    "pero": "peɾo",
    "perro": "pˈero",
    "rosa": "rˈosa",
    "alrededor": "alreðeðˈoɾ",
    "enrique": "enrˈike",
    "israel": "israˈel",
    "honra": "ˈonra",
    "abrir": "aβɾˈiɾ",
    # Ll and y
    "calle": "kˈaʎe",
    "lluvia": "ʎˈuβja",
    "paella": "paˈeʎa",
    "yo": "ʝˈo",
    "ya": "ʝˈa",
    "hoy": "ˈY",
    "ley": "lˈA",
    "muy": "mˈuj",
    "convoy": "kombˈY",
    "uruguay": "uɾuɣwˈI",
    "buey": "bwˈA",
    # C and z
    "cielo": "θjˈelo",
    "zapato": "θapˈato",
    "ciudad": "θjuðˈað",
    "maíz": "maˈiθ",
    "lápiz": "lˈapiθ",
    "canción": "kanθjˈon",
    "feliz": "felˈiθ",
    "barcelona": "baɾθelˈona",
    # Stops
    "vaca": "bˈaka",
    "lobo": "lˈoβo",
    "abuelo": "aβwˈelo",
    "dedo": "dˈeðo",
    "caldo": "kˈaldo",
    "cuando": "kwˈando",
    "tengo": "tˈeŋɡo",
    "sangre": "sˈaŋɡɾe",
    "banco": "bˈaŋko",
    "ángel": "ˈaŋxel",
    "campo": "kˈampo",
    "enviar": "embjˈaɾ",
    "invierno": "imbjˈeɾno",
    "bilbao": "bilβˈao",
    "club": "klˈuβ",
    # Vowels
    "aire": "ˈIɾe",
    "peine": "pˈAne",
    "oigo": "ˈYɣo",
    "auto": "ˈWto",
    "europa": "eʊɾˈopa",
    "viuda": "bjˈuða",
    "cuidado": "kwiðˈaðo",
    "agua": "ˈaɣwa",
    "huevo": "wˈeβo",
    "fui": "fwˈi",
    "construir": "konstɾwˈiɾ",
    "leer": "leˈeɾ",
    "caer": "kaˈeɾ",
    "cooperar": "koopeɾˈaɾ",
    "búho": "bˈuo",
    "prohibir": "pɾoiβˈiɾ",
    "ahí": "aˈi",
    "país": "paˈis",
    "baúl": "baˈul",
    "día": "dˈia",
    "río": "rˈio",
    # Stress
    "papel": "papˈel",
    "reloj": "relˈox",
    "español": "espaɲˈol",
    "españoles": "espaɲˈoles",
    "joven": "xˈoβen",
    "jóvenes": "xˈoβenes",
    "canciones": "kanθjˈones",
    "exámenes": "eksˈamenes",
    "sábado": "sˈaβaðo",
    "médico": "mˈeðiko",
    "rápidamente": "rˈapiðamente",
    "farmacia": "faɾmˈaθja",
    "historia": "istˈoɾja",
    "café": "kafˈe",
    "veintidós": "bAntiðˈos",
    "dieciséis": "djeθisˈAs",
    "tú": "tˈu",
    "él": "ˈel",
    "sí": "sˈi",
    "dios": "djˈos",
    "guión": "ɡjˈon",
}
SEVERAL_SPANISH = {
    "un beso": "un bˈeso",
    "en Francia": "en fɾˈanθja",
    "la vaca": "la βˈaka",
    "el dedo": "el dˈeðo",
    "y Ana": "i ˈana",
    "¿Qué? ¡Hola!": "kˈe? ˈola!",
    "dos, tres; cuatro.": "dˈos, tɾˈes; kwˈatɾo.",
    "(no)": "(nˈo)",
    "pan y vino": "pˈan i βˈino",
    "un gato": "un ɡˈato",
    "los gatos": "los ɣˈatos",
}
LATIN_AMERICAN = {
    "cielo": "sjˈelo",
    "zapato": "sapˈato",
    "canción": "kansjˈon",
    "feliz": "felˈis",
    "calle": "kˈaʝe",
    "lluvia": "ʝˈuβja",
    "paella": "paˈeʝa",
    "dieciséis": "djesisˈAs",
    "hacer": "asˈeɾ",
    "casa": "kˈasa",
}
ITALIAN_WORDS = {
    # C, g and sc
    "casa": "kˈaza",
    "cena": "ʧˈena",
    "cinema": "ʧinˈema",
    "ciao": "ʧˈao",
    "chiesa": "kjˈeza",
    "anche": "ˈaŋke",
    "banco": "bˈaŋko",
    "gelato": "ʤelˈato",
    "giorno": "ʤˈorno",
    "lungo": "lˈuŋɡo",
    "inglese": "iŋɡlˈeze",
    "ghiaccio": "ɡjˈaʧːo",
    "scena": "ʃˈena",
    "sciare": "ʃˈare",
    "scuola": "skwˈola",
    "scarpe": "skˈarpe",
    "pesce": "pˈeʃe",
    "dolce": "dˈolʧe",
    # Gl, gn and qu
    "gli": "ʎi",
    "figlio": "fˈiʎo",
    "famiglia": "famˈiʎa",
    "gnocchi": "ɲˈokːi",
    "lavagna": "lavˈaɲa",
    "sogno": "sˈoɲo",
    "acqua": "ˈakːwa",
    "quando": "kwˈando",
    "questo": "kwˈesto",
    # Double letters
    "bello": "bˈello",
    "nonno": "nˈonno",
    "mamma": "mˈamma",
    "tutto": "tˈutːo",
    "attimo": "atːˈimo",
    "pizza": "pˈiʦːa",
    "ragazzo": "raɡˈaʦːo",
    "mezzo": "mˈeʦːo",
    "zucchero": "ʦukːˈero",
    "oggi": "ˈoʤːi",
    "macchina": "mˈakːina",
    "leggere": "lˈeʤːere",
    "prossimo": "prˈosːimo",
    # S, z and x
    "rosa": "rˈoza",
    "esame": "ezˈame",
    "sole": "sˈole",
    "grazie": "ɡrˈaʦje",
    "stazione": "staʦjˈone",
    "azione": "aʦjˈone",
    "azienda": "aʦjˈenda",
    "extra": "ˈekstra",
    "taxi": "tˈaksi",
    # Vowels
    "uomo": "wˈomo",
    "uovo": "wˈovo",
    "buono": "bwˈono",
    "piano": "pjˈano",
    "ieri": "jˈeri",
    "più": "pjˈu",
    "cuore": "kwˈore",
    "aiuto": "ajˈuto",
    "auto": "ˈauto",
    "euro": "ˈeuro",
    "europa": "eurˈopa",
    "mai": "mˈai",
    "poi": "pˈoi",
    "lui": "lˈui",
    "paura": "paˈura",
    "due": "dˈue",
    "zio": "ʦˈio",
    "mio": "mˈio",
    "via": "vˈia",
    # Written stress
    "perché": "perkˈe",
    "caffè": "kafːˈɛ",
    "città": "ʧitːˈa",
    "università": "universitˈa",
    "lunedì": "lunedˈi",
    # Stress of an ending
    "tavolo": "tˈavolo",
    "popolo": "pˈopolo",
    "camera": "kˈamera",
    "telefono": "telˈefono",
    "medico": "mˈediko",
    "amico": "amˈiko",
    "amici": "amˈiʧi",
    "amiche": "amˈike",
    "musica": "mˈuzika",
    "logica": "lˈoʤika",
    "essere": "ˈesːere",
    "giovane": "ʤˈovane",
    "uomini": "wˈomini",
    "ultimo": "ˈultimo",
    "benissimo": "benˈisːimo",
    "possibile": "posːˈibile",
    "sabato": "sˈabato",
    "domenica": "domˈenika",
    # Stressed i
    "fotografia": "fotoɡrafˈia",
    "geologia": "ʤeoloʤˈia",
    "farmacia": "farmaʧˈia",
    "energia": "enerʤˈia",
    "polizia": "poliʦˈia",
    "malattia": "malatːˈia",
    "compagnia": "kompaɲˈia",
    "bugia": "buʤˈia",
    "maria": "marˈia",
    "lucia": "luʧˈia",
    # I that is not stressed
    "materia": "matˈerja",
    "storia": "stˈorja",
    "memoria": "memˈorja",
    # Usual stress
    "libro": "lˈibro",
    "andare": "andˈare",
    "finire": "finˈire",
}
SEVERAL_ITALIAN = {
    "l'uomo": "lwˈomo",
    "un'amica": "unamˈika",
    "dell’acqua": "dellˈakːwa",
    "c'è": "ʧˈɛ",
    "c'era": "ʧˈera",
    "po' di pane": "pˈo di pˈane",
    "la casa, il libro.": "la kˈaza, il lˈibro.",
    "ben-fatto": "bˈen fˈatːo",
}


@pytest.mark.parametrize(("text", "sounds"), [*SPANISH.items(), *SEVERAL_SPANISH.items()])
def test_spanish_is_read_by_its_letters(text: str, sounds: str):
    assert SPAIN.phonemes(text) == sounds


@pytest.mark.parametrize(("text", "sounds"), LATIN_AMERICAN.items())
def test_latin_america_has_one_s_and_one_ll(text: str, sounds: str):
    assert LATIN.phonemes(text) == sounds


@pytest.mark.parametrize(("text", "sounds"), [*ITALIAN_WORDS.items(), *SEVERAL_ITALIAN.items()])
def test_italian_is_read_by_its_letters(text: str, sounds: str):
    assert ITALIAN.phonemes(text) == sounds


@pytest.mark.parametrize("language", [SPAIN, LATIN, ITALIAN])
@given(word=some.text("abcdefghijlmnopqrstuvxyzáéíóúüñàèìòù", min_size=1, max_size=14))
def test_a_word_has_one_stress_at_most_and_it_is_before_a_vowel(
    language: Spanish | Italian, word: str
):
    sounds = language.phonemes(word)
    assert sounds.count("ˈ") <= 1
    _, mark, stressed = sounds.partition("ˈ")
    assert not mark or stressed[0] in SOUNDING


@pytest.mark.parametrize("language", [SPAIN, LATIN, ITALIAN])
@given(text=some.text(max_size=40))
def test_any_text_is_read_without_an_error(language: Spanish | Italian, text: str):
    sounds = language.phonemes(text)
    assert not any(sign.isdigit() for sign in sounds)
    marks = sum(map(text.count, PUNCTUATION))
    assert sum(map(sounds.count, PUNCTUATION)) <= marks


def test_case_is_not_heard():
    assert SPAIN.phonemes("CANCIÓN") == SPAIN.phonemes("canción")
    assert ITALIAN.phonemes("CITTÀ") == ITALIAN.phonemes("città")
