"""Numbers, signs and abbreviations as spoken words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.spoken import cardinal, digits, ordinal, written_out, year

ENGLISH = {
    # Numbers
    "3 apples": "three apples",
    "1,234,500": "one million two hundred thirty-four thousand five hundred",
    "3.14": "three point one four",
    "-5 today": "minus five today",
    "007": "zero zero seven",
    "1st, 2nd, 23rd": "first, second, twenty-third",
    "1/2, 3/4, 2/3": "one half, three quarters, two thirds",
    "2 1/2 cups and ¾": "two and a half cups and three quarters",
    "2½ hours": "two and a half hours",
    "10-20 people": "ten to twenty people",
    "50% and 0.5 %": "fifty percent and zero point five percent",
    "1.5M users, 30k": "one point five million users, thirty thousand",
    "100 + 20 = 120": "one hundred plus twenty equals one hundred twenty",
    "3 × 4 ÷ 2": "three times four divided by two",
    "24/7": "twenty-four seven",
    "call 911": "call nine one one",
    "v1.2.3": "version one point two point three",
    "World War II": "World War two",
    "Henry VIII": "Henry the eighth",
    "in 1875, 1901 and 2010": "in eighteen seventy-five, nineteen oh one and twenty ten",
    "the 1800s, the 60s": "the eighteen hundreds, the sixties",
    "1234567890123456": "one two three four five six seven eight nine zero one two three four five "
        "six",
    "2x faster, 10x10": "two times faster, ten by ten",
    "5^2": "five to the power of two",
    "3/4 cup, 1 1/2 cups, 7/8 inch": "three quarters cup, one and a half cups, seven eighths inch",
    "50/50, 12/25 and 9/11": "fifty fifty, twelve twenty-five and nine eleven",
    "+5%, -5%, 5-10%": "plus five percent, minus five percent, five to ten percent",
    "-0.5": "minus zero point five",
    "11th, 12th, 21st, 1,000th": "eleventh, twelfth, twenty-first, one thousandth",
    "Louis XIV, Act V, World War I": "Louis the fourteenth, Act five, World War one",
    "I am": "I am",
    # Money
    "$5": "five dollars",
    "$1": "one dollar",
    "$0.99": "ninety-nine cents",
    "$1,234.50": "one thousand two hundred thirty-four dollars and fifty cents",
    "$3.5 million": "three point five million dollars",
    "$1.2B, $100K": "one point two billion dollars, one hundred thousand dollars",
    "£20 or 20 €": "twenty pounds or twenty euros",
    "$20/month": "twenty dollars per month",
    "-$5, -$1.50": "minus five dollars, minus one dollar and fifty cents",
    "$5-10, $5-$10": "five to ten dollars, five to ten dollars",
    "$1.50-$2": "one dollar and fifty cents to two dollars",
    "$5\u201310k": "five to ten thousand dollars",
    "£1.01 or £0.50": "one pound and one penny or fifty pence",
    "¥1, ¥100, ¥1.5, ¥5 million": "one yen, one hundred yen, one point five yen, five million yen",
    "₹1.50": "one rupee and fifty paise",
    "5 USD, 100 EUR": "five US dollars, one hundred euros",
    # Dates and times
    "Jan. 5, 2024": "January fifth, twenty twenty-four",
    "5 January 2024": "the fifth of January, twenty twenty-four",
    "on the 5th of May": "on the fifth of May",
    "2024-03-15": "March fifteenth, twenty twenty-four",
    "03/15/2024": "March fifteenth, twenty twenty-four",
    "15/03/2024": "March fifteenth, twenty twenty-four",
    "in 1984, 1905 and 2007": "in nineteen eighty-four, nineteen oh five and two thousand seven",
    "the 1990s and '80s": "the nineteen nineties and eighties",
    "10:30 am": "ten thirty AM",
    "3pm": "three PM",
    "10:05": "ten oh five",
    "3:00": "three o'clock",
    "10am-5pm": "ten AM to five PM",
    "Mon-Fri": "Monday to Friday",
    "13/13/2024": "thirteen/thirteen/twenty twenty-four",
    "Sept. 3, 2020, 3 March": "September third, twenty twenty, the third of March",
    "12:00 pm, 23:59, 24:00": "twelve PM, twenty-three fifty-nine, twenty-four hundred",
    "10:30:15": "ten thirty and fifteen seconds",
    "10:30-11:30, 9:00\u201310:00": "ten thirty to eleven thirty, nine o'clock to ten o'clock",
    "at 5 p.m. today": "at five PM today",
    # Abbreviations
    "Dr. Lee of St. James St.": "Doctor Lee of Saint James Street",
    "Mulholland Dr.": "Mulholland Drive",
    "Mr. and Mrs. Jones": "Mister and Missus Jones",
    "e.g. tea, etc.": "for example, tea, et cetera.",
    "We met at 3 p.m. Then we left.": "We met at three PM. Then we left.",
    "No. 5": "number five",
    "No. I will not.": "No. I will not.",
    "Apt. 4B": "Apartment four B",
    "the U.S. Senate": "the US Senate",
    "R&D": "R and D",
    "C++ and C#": "C plus plus and C sharp",
    # Units
    "5km, 1 km": "five kilometers, one kilometer",
    "72°F, 1 °C": "seventy-two degrees Fahrenheit, one degree Celsius",
    "60 mph": "sixty miles per hour",
    "10 m but 5G": "ten meters but five G",
    "8GB, 2.5 GHz": "eight gigabytes, two point five gigahertz",
    "5 min, 1 hr": "five minutes, one hour",
    "5'10\"": "five foot ten",
    "1920x1080": "nineteen twenty by one thousand eighty",
    # Telephones and addresses
    "(415) 555-2671": "four one five, five five five, two six seven one",
    "+1 415-555-2671": "plus one, four one five, five five five, two six seven one",
    "ada.l@example.com": "ada dot l at example dot com",
    "jane_99@mail.example.org": "jane underscore nine nine at mail dot example dot org",
    "See https://www.example.com/a-b/.": "See W W W dot example dot com slash a dash b.",
    "Go to deepgram.com.": "Go to deepgram dot com.",
    "Ames, IA 50010": "Ames, IA five zero zero one zero",
    "+44 20 7946 0958": "plus four four, two zero, seven nine four six, zero nine five eight",
    "1-800-555-1234": "one, eight zero zero, five five five, one two three four",
    "call 1, 800 people": "call one, eight hundred people",
    "555-1234": "five five five, one two three four",
    "https://a.com/path?x=1&y=2#z": "a dot com slash path x equals one and y equals two z",
    "example.org/a/b.html.": "example dot org slash a slash b dot html.",
    "192.168.1.1": "one hundred ninety-two point one hundred sixty-eight point one point one",
    # Signs
    "Hello 👋 *world*": "Hello world",
    "#fun": "hashtag fun",
    "~5 people": "about five people",
    "GPT-4, B2B, COVID-19": "GPT four, B two B, COVID nineteen",
    # Compatibility characters
    "x² + y³ = z⁴": "x squared plus y cubed equals z to the power of four",
    "10⁻³, 2¹⁰ and xⁿ": "ten to the power of minus three, two to the power of ten and x to the "
        "power of n",
    "E = mc², (a + b)²c": "E equals mc squared, (a plus b) squared c",
    "20 m², 1 ft², 5㎡, 3 km³": "twenty square meters, one square foot, five square meters, "
        "three cubic kilometers",
    "5 µm, 20 μs and 4 kΩ": "five micrometers, twenty microseconds and four kiloohms",
    "2πr², Δt = 3σ, 1 µF": "two pi r squared, delta t equals three sigma, one micro F",
    "the α-helix and Ω": "the alpha-helix and omega",
    "9.8 m/s²": "nine point eight meters per second squared",
    "Lovelace¹ wrote": "Lovelace one wrote",
    "ﬁne ﬂow, oﬃce": "fine flow, office",
    "Chapter Ⅻ, Henry Ⅷ, Section ⅩⅣ": "Chapter twelve, Henry the eighth, Section fourteen",
    "①② ⑳ ⒈ First": "one two twenty one. First",
    "Ｈｅｌｌｏ　Ｗｏｒｌｄ！ １２３ ５０％ ＄５":
        "Hello World! one hundred twenty-three fifty percent five dollars",
    "2⅗ and ⅞": "two and three fifths and seven eighths",
    "H₂O": "H two O",
    "№ 5, №7": "number five, number seven",
    "20℃, 5㎏, 60㎞/h": "twenty degrees Celsius, five kilograms, sixty kilometers per hour",
    "𝐁𝐨𝐥𝐝 𝓼𝓬𝓻𝓲𝓹𝓽 ℝ ⓐ": "Bold script R a",
    "Earshot™": "Earshot",
}  # fmt: skip
OTHERS = {
    ("es", "Cuesta 1.234,50 €"): "Cuesta mil doscientos treinta y cuatro euros y cincuenta",
    ("es", "el 15/03/2024 a las 10:30"):
        "el quince de marzo de dos mil veinticuatro a las diez y treinta",
    ("es", "Sr. García, EE.UU."): "señor García, Estados Unidos",
    ("es", "ana@ejemplo.mx"): "ana arroba ejemplo punto eme equis",
    ("es", "el DNI de la ONU"): "el de ene i de la ONU",
    ("fr", "12,50 € à 10h30"): "douze euros et cinquante à dix heures trente",
    ("fr", "M. Dupont, n° 5"): "monsieur Dupont, numéro cinq",
    ("fr", "la SNCF et l'ONU"): "la esse enne cé effe et l'ONU",
    ("fr", "www.exemple.fr"): "exemple point effe erre",
    ("it", "il 15/03/2024 alle 10:30"): "il quindici marzo duemilaventiquattro alle dieci e trenta",
    ("it", "12,50 € al kg"): "dodici euro e cinquanta al kg",
    ("it", "Sig. Rossi, un PDF"): "signor Rossi, un pi di effe",
    ("es", "1 €, £1, £21 y 31 €"): "un euro, una libra, veintiuna libras y treinta y un euros",
    ("es", "1 km, 21 km, 1 km/h, 1 m²"):
        "un kilómetro, veintiún kilómetros, un kilómetro por hora, un metro cuadrado",
    ("es", "1:00, 1:30 y 21:00"): "una hora, una y treinta y veintiuna horas",
    ("es", "1,5 km"): "uno coma cinco kilómetros",
    ("es", "el 2024-03-15"): "el quince de marzo de dos mil veinticuatro",
    ("fr", "1 €, £1, 21 €, £21"): "un euro, une livre, vingt et un euros, vingt et une livres",
    ("fr", "1 km, 1 km/h, 1 m³"): "un kilomètre, un kilomètre heure, un mètre cube",
    ("fr", "1h00, 1h30 et 21h00"): "une heure, une heure trente et vingt et une heures",
    ("fr", "le 2024-03-01"): "le premier mars deux mille vingt quatre",
    ("it", "1 €, £1, £2"): "un euro, una sterlina, due sterline",
    ("it", "1 km, 1 km/h, 1 m², 1 l"): "un chilometro, un chilometro orario, un metro quadrato, "
        "un litro",
    ("it", "alle 1:30"): "alle una e trenta",
    ("it", "il 2024-12-31"): "il trentuno dicembre duemilaventiquattro",
    # Signs before a number, and ranges, whatever follows it.
    ("es", "-5 °C, -5 %, -5 €"): "menos cinco grados, menos cinco por ciento, menos cinco euros",
    ("fr", "-5 °C, -5 %, -5 €"): "moins cinq degrés, moins cinq pour cent, moins cinq euros",
    ("it", "-5 °C, -5 %, -5 €"): "meno cinque gradi, meno cinque per cento, meno cinque euro",
    ("es", "5-10 km, 5\u201310 %"): "cinco a diez kilómetros, cinco a diez por ciento",
    ("fr", "5-10 km, 10h30-11h00"): "cinq à dix kilomètres, dix heures trente à onze heures",
    ("it", "5-10 km, 10:30-11:00"): "cinque a dieci chilometri, dieci e trenta a undici",
    # From a million on a number is a noun.
    ("es", "1.000.000 €, 1.500.000 km"):
        "un millón de euros, un millón quinientos mil kilómetros",
    ("fr", "1 000 000 €, 2 000 000 km"): "un million d'euros, deux millions de kilomètres",
    ("it", "1.000.000 €, 2.000.000 km"): "un milione di euro, due milioni di chilometri",
    ("es", "1º y 1ª"): "primero y primera",
    ("fr", "le 1er, la 1re, la 1ère"): "le premier, la première, la première",
    ("it", "1º e 1ª"): "primo e prima",
    # No dates and no times of day.
    ("es", "32/12/2024 a las 25:00"):
        "treinta y dos doce dos mil veinticuatro a las veinticinco : cero cero",
    ("fr", "le 31.12.1999 à 0h05"):
        "le trente et un décembre mille neuf cent quatre vingt dix neuf à zéro heures cinq",
    # Numbers of any length, and digits that are none.
    ("es", "007 y 1234567890123456"):
        "cero cero siete y uno dos tres cuatro cinco seis siete ocho nueve cero uno dos tres "
        "cuatro cinco seis",
    ("fr", "71, 80, 81, 91 et 200"):
        "soixante et onze, quatre vingts, quatre vingt un, quatre vingt onze et deux cents",
    ("it", "21, 28 e 101"): "ventuno, ventotto e centouno",
    ("es", "0,05"): "cero coma cero cinco",
    # Abbreviations and capitals.
    ("es", "Srta. Ana, Ud. y Uds."): "señorita Ana, usted y ustedes",
    ("fr", "MM. Dupont, Ste Anne"): "messieurs Dupont, sainte Anne",
    ("it", "Dott.ssa Neri, Sig.ra Bianchi"): "dottoressa Neri, signora Bianchi",
    ("es", "el DVD y la OTAN"): "el de uve de y la OTAN",
    ("es", "HOLA A TODOS LOS DE TVE"): "HOLA A TODOS LOS DE TVE",
    ("es", "x² y 10⁻³, 20 m²"):
        "x al cuadrado y diez elevado a menos tres, veinte metros cuadrados",
    ("es", "π y µ"): "pi y mu",
    ("fr", "x³, 20 m², n° 5, № 7"): "x au cube, vingt mètres carrés, numéro cinq, numéro sept",
    ("it", "x², ﬁne Ⅻ, ① １２"): "x al quadrato, fine dodici, uno dodici",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), ENGLISH.items(), ids=ENGLISH)
def test_english_is_said_as_a_reader_says_it(text: str, said: str):
    assert written_out(text, "en-US") == said


@pytest.mark.parametrize(("written", "said"), OTHERS.items(), ids=str)
def test_other_languages_are_said_their_own_way(written: tuple[str, str], said: str):
    language, text = written
    assert written_out(text, language) == said


@pytest.mark.parametrize("language", ["en", "es", "fr", "it"])
@given(text=st.text(alphabet="ab Z019.,:/-$€%@#'°\n\ue000²⁻ⁿ₂ⅫⅠ①１½№㎡", max_size=40))
def test_no_digit_is_left_and_marks_stay(language: str, text: str):
    said = written_out(text, language)
    assert not any(letter.isnumeric() for letter in said)
    assert said.count("\ue000") == text.count("\ue000")


@given(st.integers(0, 10**15 - 1))
def test_every_number_has_a_name(number: int):
    assert cardinal(number).replace("-", " ").replace(" ", "").isalpha()
    assert ordinal(number) != cardinal(number)


def test_years_and_digits_have_their_own_ways():
    assert (year(1900), year(2010)) == ("nineteen hundred", "twenty ten")
    assert digits("4-07") == "four zero seven"
