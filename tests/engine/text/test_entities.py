import pytest

from engine.text.entities import detect_entities
from engine.text.formatting import Formatting, format_words
from engine.text.words import Word
from tests.engine.text.says import words

SAID = (
    "Mail john dot smith at example dot com on January fifth twenty twenty four at three pm, it "
    "costs twenty dollars or five percent, Monday, two weeks, 35 years old, 200 cats, the first"
)
LABELS = [
    "EMAIL_ADDRESS", "DATE", "TIME", "MONEY", "PERCENT", "DATE", "DURATION", "AGE", "CARDINAL",
    "ORDINAL",
]  # fmt: skip


@pytest.mark.parametrize("smart", [False, True])
def test_entities_are_found_in_spoken_and_in_formatted_words(smart):
    said = format_words(words(SAID), Formatting(smart_format=True)) if smart else words(SAID)
    found = detect_entities(said)
    assert [entity.label for entity in found] == LABELS
    assert found[0].value == "john.smith@example.com"
    assert found[1].value == "January 5, 2024"


def test_entity_names_its_words_with_an_exclusive_end():
    (entity,) = detect_entities(words("it costs twenty five dollars now"))
    assert (entity.start_word, entity.end_word) == (2, 5)
    assert (entity.value, entity.raw_value) == ("$25", "twenty five dollars")
    assert entity.confidence == pytest.approx(0.9)


def test_plain_words_are_no_entities():
    assert detect_entities(words("one of them may go")) == []


def test_a_raw_value_has_no_blanks_where_its_script_has_none():
    said = [Word.of("\uff13", 0.0, 0.4), Word.of("hours", 0.5, 0.9)]
    (entity,) = detect_entities(said)
    assert (entity.label, entity.raw_value) == ("DURATION", "\uff13hours")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # The word after a written value belongs to it.
        ("$5 million and €3.5 billion", [("MONEY", "$5 million"), ("MONEY", "€3.5 billion")]),
        ("$5. Million is a word", [("MONEY", "$5")]),
        ("3:30 pm or 15:45", [("TIME", "3:30 PM"), ("TIME", "15:45")]),
        ("one hundred thousand dollars", [("MONEY", "$100,000")]),
        ("ten dot zero dot zero dot one", [("IP_ADDRESS", "10.0.0.1")]),
        ("one hundred ninety two dot one hundred sixty eight dot one dot five",
         [("IP_ADDRESS", "192.168.1.5")]),
        ("10.0.0.1 and www.a.com", [("IP_ADDRESS", "10.0.0.1"), ("URL", "www.a.com")]),
        ("call 415-555-0132 or a@b.co",
         [("PHONE_NUMBER", "415-555-0132"), ("EMAIL_ADDRESS", "a@b.co")]),
        ("5% of 20", [("PERCENT", "5%"), ("CARDINAL", "20")]),
        ("the 5th of may 2024", [("DATE", "May 5, 2024")]),
        ("in 2024, next Friday,", [("DATE", "2024"), ("DATE", "Friday")]),
        ("two weeks and 3 days", [("DURATION", "2 weeks"), ("DURATION", "3 days")]),
        ("35 years old for 35 years", [("AGE", "35 years old"), ("DURATION", "35 years")]),
        ("the first of 21", [("ORDINAL", "1"), ("CARDINAL", "21")]),
        ("123-45-6789", [("SSN", "123-45-6789")]),
        ("4111-1111-1111-1111", [("CREDIT_CARD", "4111-1111-1111-1111")]),
        ("may I have one", []),
    ],
)  # fmt: skip
def test_an_entity_has_its_label_and_its_whole_value(said: str, expected: list[tuple[str, str]]):
    assert [(entity.label, entity.value) for entity in detect_entities(words(said))] == expected
