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
