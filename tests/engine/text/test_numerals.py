"""Numbers in Spanish, French, German, Italian and Portuguese words, written in digits."""

from __future__ import annotations

import pytest

from engine.text.formatting import Formatting, format_words
from engine.text.numerals import LANGUAGES, write_digits
from engine.text.words import Word, transcript
from tests.linear import TIMES, assert_linear

# Text as it is spoken | with smart_format | with numerals, where it differs. "=" is unchanged.

SPANISH = """
el precio es veinticinco euros | el precio es 25 euros
tengo ciento uno | tengo 101
doscientas personas | 200 personas
mil quinientos metros | 1500 metros
quince mil doscientos | 15.200 | 15200
treinta y una mesas | 31 mesas
veintiún años | 21 años
noventa y nueve | 99
cuatrocientos cincuenta y seis mil | 456.000 | 456000
cien | 100
un millón de euros | =
dos millones de euros | 2 millones de euros
medio millón | =
dos millones trescientos mil | 2.300.000 | 2300000
mil millones | 1000 millones
millones de personas | =
cientos de casos | =
miles de euros | =
mil gracias | =
tengo un perro | =
una casa y un coche | =
uno de ellos | =
dos o tres días | = | 2 o 3 días
uno dos tres | = | 1 2 3
son las once y media | son las 11 y media
cinco | = | 5
el tercero | =
la primera vez | =
cuarto de baño | =
un segundo, por favor | =
el vigésimo aniversario | el 20º aniversario
el vigésimo primero | el 21º
la décima vez | la 10ª vez
tres coma cinco | 3,5
cero coma cinco | 0,5
tres punto uno cuatro | 3.14
ciento veinticinco coma cuarenta | 125,40
en mil novecientos ochenta y cuatro | en 1984
en dos mil veinticuatro | en 2024
el siglo veintiuno | el siglo 21
seis uno dos tres cuatro cinco seis siete ocho | 612345678
cero cero siete | 007
nueve uno uno | = | 9 1 1
noventa y uno cinco cinco cinco | 91 cinco cinco cinco | 91 5 5 5
diez por ciento | 10 % | 10 por ciento
cien por cien | 100 % | 100 por cien
cero coma cinco por ciento | 0,5 % | 0,5 por ciento
Veinte, treinta. | 20, 30.
tengo 25 vacas | =
cuesta 12.500 euros | =
2 millones | =
de dos en dos | = | de 2 en 2
sesenta, setenta y ochenta | 60, 70 y 80
no hay números aquí | =
"""

FRENCH = """
vingt-cinq euros | 25 euros
vingt et un | 21
vingt et une filles | 21 filles
soixante et onze | 71
soixante-dix-huit | 78
quatre-vingts | 80
quatre-vingt-onze | 91
quatre-vingt dix-neuf | 99
septante-deux | 72
nonante | 90
deux cents | 200
deux cent un | 201
mille cinq cents | 1500
quinze mille deux cents | 15_200 | 15200
cent | 100
un million d'euros | =
deux millions d'habitants | 2 millions d'habitants
un million cinq cent mille | 1_500_000 | 1500000
trois milliards | 3 milliards
des millions de gens | =
des milliers | =
mille mercis | =
un chien | =
une pomme | =
l'un d'eux | =
deux ou trois jours | = | 2 ou 3 jours
un deux trois | = | 1 2 3
il est neuf heures | =
un vélo neuf | =
cinq | = | 5
le premier | =
la première fois | =
le troisième | =
une seconde | =
le second | =
le vingtième siècle | le 20e siècle
le vingt et unième | le 21e
la onzième heure | la 11e heure
deux virgule cinq | 2,5
zéro virgule cinq | 0,5
trois virgule un quatre | 3,14
cent vingt virgule zéro cinq | 120,05
en mille neuf cent quatre-vingt-quatre | en 1984
dix-neuf cent quatre-vingt-quatre | 1984
deux mille vingt-quatre | 2024
zéro six douze trente-quatre cinquante-six soixante-dix-huit | 06 12 34 56 78
zéro zéro sept | 007
un deux trois quatre cinq | 12345
dix pour cent | 10~% | 10 pour cent
cent pour cent | 100~% | 100 pour cent
deux virgule cinq pour cent | 2,5~% | 2,5 pour cent
Vingt, trente. | 20, 30.
j'ai 25 vaches | =
12 500 euros | =
2 millions | =
et quart | =
il y a du monde | =
"""

GERMAN = """
fünfundzwanzig Euro | 25 Euro
einundzwanzig | 21
ein und zwanzig | 21
hundert | 100
einhundert | 100
zweihundert | 200
hunderteins | 101
tausend | 1000
zwei tausend | 2000
dreitausendfünfhundert | 3500
einundzwanzigtausend | 21.000 | 21000
fünfzehntausendzweihundert | 15.200 | 15200
eine Million Euro | =
zwei Millionen Euro | 2 Millionen Euro
drei Milliarden | 3 Milliarden
Millionen Menschen | =
Tausende | =
Hunderte | =
tausend Dank | =
ein Hund | =
eine Frau | =
einer von ihnen | =
einem Mann | =
zwei oder drei Tage | = | 2 oder 3 Tage
eins zwei drei | = | 1 2 3
ein Uhr | =
acht | = | 8
gib acht | =
halb acht | = | halb 8
eineinhalb | =
anderthalb | =
zwei Drittel | = | 2 Drittel
der dritte | =
am dritten Mai | =
die erste Frau | =
zweite | =
der zwanzigste | der 20.
am einundzwanzigsten Mai | am 21. Mai
der zweiundzwanzigste | der 22.
die zehnte | die 10.
zwei Komma fünf | 2,5
null Komma fünf | 0,5
drei Komma eins vier | 3,14
hundertfünfundzwanzig Komma vier | 125,4
neunzehnhundertvierundachtzig | 1984
zweitausendvierundzwanzig | 2024
null eins sieben sechs drei zwei | 017632
null null sieben | 007
eins eins null | 110
zwo drei vier fünf | 2345
zehn Prozent | 10~% | 10 Prozent
hundert Prozent | 100~% | 100 Prozent
zwei Komma fünf Prozent | 2,5~% | 2,5 Prozent
Zwanzig, dreißig. | 20, 30.
ich habe 25 Kühe | =
12.500 Euro | =
2 Millionen | =
keine Zahl hier | =
"""

ITALIAN = """
venticinque euro | 25 euro
ventuno | 21
ventun anni | 21 anni
ventitré | 23
trentatré | 33
quarantotto | 48
cento | 100
centouno | 101
duecento | 200
mille e duecento | 1200
millecinquecento | 1500
duemila | 2000
quindicimila duecento | 15.200 | 15200
un milione di euro | =
due milioni di euro | 2 milioni di euro
tre miliardi | 3 miliardi
milioni di persone | =
centinaia | =
migliaia | =
grazie mille | =
mille grazie | =
un cane | =
una casa | =
uno di loro | =
due o tre giorni | = | 2 o 3 giorni
uno due tre | = | 1 2 3
tu sei bello | =
sei mele | =
cinque | = | 5
un secondo | =
il terzo | =
la prima volta | =
il ventesimo secolo | il 20º secolo
il ventunesimo | il 21º
l'undicesima | =
due virgola cinque | 2,5
zero virgola cinque | 0,5
tre virgola uno quattro | 3,14
centoventicinque virgola quattro | 125,4
millenovecentottantaquattro | 1984
duemilaventiquattro | 2024
zero tre quattro cinque sei sette | 034567
zero zero sette | 007
uno uno due zero | 1120
dieci per cento | 10% | 10 per cento
cento per cento | 100% | 100 per cento
due virgola cinque per cento | 2,5% | 2,5 per cento
Venti, trenta. | 20, 30.
ho 25 mucche | =
12.500 euro | =
2 milioni | =
mezzo milione | =
sono le undici | sono le 11
nessun numero qui | =
"""

PORTUGUESE = """
vinte e cinco euros | 25 euros
vinte e um | 21
vinte e duas | 22
cem | 100
cento e um | 101
duzentas pessoas | 200 pessoas
mil | 1000
mil e quinhentos | 1500
duas mil | 2000
quinze mil e duzentos | 15.200 | 15200
trinta e três | 33
dezesseis | 16
dezasseis | 16
catorze | 14
quatorze | 14
noventa e nove | 99
um milhão de euros | =
dois milhões de euros | 2 milhões de euros
três bilhões | 3 bilhões
milhões de pessoas | =
milhares | =
meio milhão | =
mil desculpas | =
um cão | =
uma casa | =
um deles | =
dois ou três dias | = | 2 ou 3 dias
dois e três | = | 2 e 3
um dois três | = | 1 2 3
meia dúzia | =
um segundo | =
cinco | = | 5
segunda-feira | =
segunda feira | =
o terceiro | =
a primeira vez | =
o vigésimo | o 20º
vigésimo primeiro | 21º
décimo segundo | 12º
dois vírgula cinco | 2,5
zero vírgula cinco | 0,5
três vírgula um quatro | 3,14
cento e vinte e cinco vírgula quatro | 125,4
mil novecentos e oitenta e quatro | 1984
dois mil e vinte e quatro | 2024
nove um dois três quatro cinco seis sete | 91234567
zero zero sete | 007
um nove zero | 190
dez por cento | 10% | 10 por cento
cem por cento | 100% | 100 por cento
dois vírgula cinco por cento | 2,5% | 2,5 por cento
Vinte, trinta. | 20, 30.
tenho 25 vacas | =
12.500 euros | =
2 milhões | =
são onze horas | são 11 horas
nenhum número aqui | =
"""

TABLES = {"es": SPANISH, "fr": FRENCH, "de": GERMAN, "it": ITALIAN, "pt": PORTUGUESE}


def cases() -> list[tuple[str, str, str, str]]:
    """Language, spoken text, text with ``smart_format``, text with ``numerals``."""
    found = []
    for language, table in TABLES.items():
        for line in table.strip().splitlines():
            # A narrow blank separates French thousands, and one that never breaks a percentage.
            parts = line.replace("_", "\u202f").replace("~", "\u00a0").split(" | ")
            spoken, smart, numerals = (*parts, parts[1])[:3]
            smart, numerals = (spoken if text == "=" else text for text in (smart, numerals))
            found.append((language, spoken, smart, numerals))
    return found


def words_of(text: str) -> list[Word]:
    return [Word.of(word, float(place), place + 1.0) for place, word in enumerate(text.split())]


def written(text: str, language: str, **options: bool) -> str:
    return transcript(format_words(words_of(text), Formatting(**options), language), True)


def test_each_language_has_forty_cases():
    assert TABLES.keys() == LANGUAGES.keys()
    for language in TABLES:
        assert sum(case[0] == language for case in cases()) >= 40


@pytest.mark.parametrize(("language", "spoken", "smart", "numerals"), cases())
def test_numbers_are_written_in_digits(language, spoken, smart, numerals):
    assert written(spoken, language, smart_format=True) == smart
    assert written(spoken, language, numerals=True) == numerals


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_changes_without_the_options(language):
    for case in cases():
        if case[0] == language:
            assert written(case[1], language) == case[1]


def test_a_regional_tag_is_its_language():
    assert written("vinte e cinco", "pt-BR", smart_format=True) == "25"
    assert written("veinticinco", "es-419", smart_format=True) == "25"


@pytest.mark.parametrize("language", ["nl", "ja", "multi", None])
def test_other_languages_stay_as_they_are(language):
    assert written("twenty veinte vingt", language, smart_format=True) == "twenty veinte vingt"


def test_a_number_keeps_its_time_speaker_and_punctuation():
    words = [
        Word("treinta", "Treinta", 1.0, 1.5, 0.8, speaker=1),
        Word("y", "y", 1.5, 1.6, 0.9, speaker=1),
        Word("uno", "uno,", 1.6, 2.0, 1.0, speaker=1),
        Word("perros", "perros", 2.0, 2.5, 1.0, speaker=1),
    ]
    number, noun = format_words(words, Formatting(smart_format=True), "es")
    assert (number.word, number.punctuated_word) == ("31", "31,")
    assert (number.start, number.end, number.speaker) == (1.0, 2.0, 1)
    assert number.confidence == pytest.approx(0.9)
    assert noun == words[3]


def test_numbers_do_not_reach_over_punctuation_or_speakers():
    assert written("treinta, y uno", "es", smart_format=True) == "30, y uno"
    words = words_of("vingt deux")
    turns = [Word(w.word, w.word, w.start, w.end, 1.0, speaker=i) for i, w in enumerate(words)]
    smart = format_words(turns, Formatting(smart_format=True), "fr")
    assert [word.word for word in smart] == ["20", "deux"]


def test_no_words_are_no_numbers():
    for language in LANGUAGES:
        assert write_digits([], language, numerals=True, smart_format=True) == []


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "pattern", ["{million}", "zero", "cinco cinq fünf cinque", "por ciento pour cent per cento"]
)
def test_twice_the_words_take_twice_the_time(language, pattern):
    scale = sorted(LANGUAGES[language].scales)[0]
    text = pattern.format(million=scale)

    little = words_of(" ".join([text] * 500))
    assert_linear(
        lambda words: write_digits(words, language, numerals=True, smart_format=True),
        little,
        little * TIMES,
    )
