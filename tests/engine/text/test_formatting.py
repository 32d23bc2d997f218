import pytest

from engine.text.formatting import Formatting, format_words
from tests.engine.text.says import words, written


def formatted(text: str, **options: bool) -> str:
    return written(format_words(words(text), Formatting(**options)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # money
        ("I paid twenty five dollars and fifty cents.", "I paid $25.50."),
        ("It costs $5, maybe.", "It costs $5, maybe."),
        ("five million dollars", "$5 million"),
        ("ten euros and three pounds sterling", "€10 and £3"),
        ("it weighs ten pounds", "it weighs 10 pounds"),
        # times
        ("Meet me at three thirty pm.", "Meet me at 3:30 PM."),
        ("twelve thirty pm", "12:30 PM"),
        ("one oh five pm", "1:05 PM"),
        ("five o'clock", "5 o'clock"),
        ("it's 9 p.m. Then we go", "it's 9 PM. Then we go"),
        ("it's 9 p.m. in Rome", "it's 9 PM in Rome"),
        (
            "meet at two thirty or at ten fifteen, by twelve forty five",
            "meet at 2:30 or at 10:15, by 12:45",
        ),
        ("at one twenty three main street", "at one twenty three main street"),
        # numbers in two parts
        ("flight two forty seven from room two fifty", "flight 247 from room 250"),
        (
            "it costs two fifty or ten four or seven eleven",
            "it costs two fifty or ten four or seven eleven",
        ),
        ("the nineteen eighties and the twenty twenties", "the 1980s and the 2020s"),
        ("version three point eleven point two", "version 3.11.2"),
        ("nine one one was called", "911 was called"),
        (
            "my account number is one two three four five six seven eight nine zero",
            "my account number is 1234567890",
        ),
        ("w w w dot example dot com", "www.example.com"),
        # as a recogniser writes them
        ("Meet at 5.30pm.", "Meet at 5:30 PM."),
        ("at 8.15 a.m. or 9am?", "at 8:15 AM or 9 AM?"),
        ("from 5pm to 6.30p.m. on", "from 5 PM to 6:30 PM on"),
        ("open 5-6.30pm, daily", "open 5-6:30 PM, daily"),
        ("at 530 pm, at 1230 pm, at 17:30", "at 5:30 PM, at 12:30 PM, at 17:30"),
        ("at 3 o\u2019clock", "at 3 o'clock"),
        ("at 25.30pm or 5.75 pm", "at 25.30pm or 5.75 pm"),
        ("it costs $1200, $5.5 or $.50", "it costs $1,200, $5.50 or $0.50"),
        ("$5m, $5.5 million, €3bn", "$5 million, $5.5 million, €3 billion"),
        ("\u20b9500, \u00a51000, 5$ and 20 €", "\u20b9500, \u00a51,000, $5 and €20"),
        ("20 USD and $20 and 5 cents", "$20 and $20.05"),
        ("99 % of it", "99% of it"),
        ("on 3rd March 2024", "on March 3, 2024"),
        ("on 15 August, 1947", "on August 15, 1947"),
        ("Mar. 3, 2024 or Sept 11th", "March 3, 2024 or September 11"),
        ("March the 3rd", "March 3"),
        ("by three march winds", "by three march winds"),
        # dates
        ("on January fifth twenty twenty four, please", "on January 5, 2024, please"),
        ("the fifth of May, nineteen eighty four", "May 5, 1984"),
        ("the twenty first of June 2020 was hot", "June 21, 2020 was hot"),
        ("on march third", "on March 3"),
        ("we march 3 miles", "we march 3 miles"),
        ("May I have one of them?", "May I have one of them?"),
        # telephone numbers
        ("call four one five five five five one two three four now.", "call 415-555-1234 now."),
        ("Call 415 555 1234.", "Call 415-555-1234."),
        ("Call 415-555-1234.", "Call 415-555-1234."),
        ("call me on 4155551234", "call me on 415-555-1234"),
        ("my number is 555, 1234", "my number is 555-1234"),
        ("1 800 555 1234", "1-800-555-1234"),
        ("we won 3-2, 4-1, 123-456", "we won 3-2, 4-1, 123-456"),
        # addresses
        ("mail john dot smith at example dot com.", "mail john.smith@example.com."),
        ("john at example dot co dot uk", "john@example.co.uk"),
        ("go to www dot example dot com slash help.", "go to www.example.com/help."),
        # numbers
        ("Ninety nine point nine percent of 1500 people", "99.9% of 1500 people"),
        ("ten per cent", "10%"),
        ("12.5 percent of 0.75", "12.5% of 0.75"),
        ("The boat leaves at 7.30.", "The boat leaves at 7.30."),
        ("He was twenty first in line", "He was 21st in line"),
        ("It is the second time", "It is the second time"),
        ("two point five million", "2.5 million"),
        ("three thousand", "3,000"),
        ("In 1985, 25000", "In 1985, 25,000"),
        ("zip code nine oh two one oh", "zip code 90210"),
        ("three to five days", "three to five days"),
        ("room 101", "room 101"),
        ("a million people", "1 million people"),
        ("half a million people", "half a million people"),
        ("open twenty four seven", "open 24/7"),
        ("one two three go", "one two three go"),
    ],
)
def test_smart_format(said, expected):
    assert formatted(said, smart_format=True) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("nine hundred", "900"),
        ("seven of one", "7 of one"),
        ("nine hundred dollars", "900 dollars"),
        ("twenty first", "21st"),
        ("I have 900 and 3.5", "I have 900 and 3.5"),
    ],
)
def test_numerals_writes_digits(said, expected):
    assert formatted(said, numerals=True) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "I have 900 dollars, $5.50 and 3.5",
            "I have nine hundred dollars, five dollars and fifty cents and three point five",
        ),
        (
            "In 1985 it was 21st, 50%.",
            "In nineteen eighty five it was twenty first, fifty percent.",
        ),
        ("So. 12 came", "So. Twelve came"),
        ("the 1990s", "the 1990s"),
    ],
)
def test_numbers_are_spelled_out_unless_digits_are_asked_for(said, expected):
    assert formatted(said) == expected


def test_spelled_number_shares_its_time():
    said = format_words(words("It 900."), Formatting())
    assert [word.word for word in said] == ["it", "nine", "hundred"]
    assert said[1].start == 0.5
    assert said[1].end == said[2].start
    assert said[2].end == 0.9
    assert said[2].punctuated_word == "hundred."


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("five kilometers", "5 km"),
        ("sixty miles per hour.", "60 mph."),
        ("twenty degrees celsius", "20 °C"),
        ("six feet two inches", "6 ft 2 in"),
        ("three litres", "3 l"),
        ("five people", "five people"),
    ],
)
def test_measurements(said, expected):
    assert formatted(said, measurements=True) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("hello comma how are you question mark", "hello, how are you?"),
        ("Done period new paragraph it works", "Done.\n\n It works"),
        ("open quote hi close quote he said period next", "“hi” he said. Next"),
        ("that was a long period of time", "that was a long period of time"),
        ("wait, full stop", "wait."),
    ],
)
def test_dictation(said, expected):
    assert formatted(said, dictation=True) == expected


def test_fillers_are_removed_with_their_punctuation():
    assert formatted("Um, I think uh, this is it, um.") == "I think this is it,"
    assert formatted("It is uh. Fine") == "It is. Fine"


def test_fillers_are_kept_when_asked_for():
    assert formatted("Um, I uh see", filler_words=True) == "Um, I uh see"


def test_profanity_is_masked_in_word_and_writing():
    said = format_words(
        words("What the fucking hell, Scunthorpe!"), Formatting(profanity_filter=True)
    )
    assert written(said) == "What the f****** hell, Scunthorpe!"
    assert said[2].word == "f******"


def test_merged_word_keeps_the_times_of_all_its_words():
    said = format_words(words("costs twenty five dollars."), Formatting(smart_format=True))
    assert (said[1].word, said[1].start, said[1].end) == ("$25", 0.5, 1.9)


def test_numbers_of_two_speakers_stay_apart():
    said = words("twenty", speaker=0) + words("five", speaker=1)
    numbers = format_words(said, Formatting(numerals=True))
    assert [(word.word, word.speaker) for word in numbers] == [("20", 0), ("5", 1)]


def test_labels_of_redaction_pass_unchanged():
    assert formatted("My [SSN_1] is 5.", smart_format=True) == "My [SSN_1] is 5."
