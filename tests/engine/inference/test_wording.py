"""Steps over recognised words: their order, and what a language leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from engine.inference.wording import Wording, check_redactions, formatting_of
from engine.text.formatting import Formatting
from engine.wire.errors import ApiError
from engine.wire.options import ListenOptions
from engine.wire.query import read_options
from tests.engine.text.says import words, written

CARD = "my card is 4111 1111 1111 1111"


def wording(query: str, language: str | None = "en") -> Wording:
    return Wording.of(read_options(ListenOptions, query), language)


def shown(query: str, said: str, language: str | None = "en", **facts: Any) -> str:
    steps = wording(query, language)
    return written(steps.written(steps.spoken(words(said), language, **facts), language))


@pytest.mark.parametrize(
    ("query", "said", "expected"),
    [
        ("", "I have 20 cows", "I have twenty cows"),
        ("smart_format=true", "it costs five dollars", "it costs $5"),
        ("numerals=true", "it costs five dollars", "it costs 5 dollars"),
        ("redact=pci", CARD, "my card is [CREDIT_CARD_1]"),
        (
            "redact=pci&redact=numbers",
            f"{CARD} and 200",
            "my card is [CREDIT_CARD_1] and [NUMBER_1]",
        ),
        ("profanity_filter=true", "oh shit", "oh s***"),
        # What was removed cannot be brought back or renamed.
        ("redact=pci&smart_format=true&numerals=true", CARD, "my card is [CREDIT_CARD_1]"),
        ("redact=pci&replace=4111:visa", CARD, "my card is [CREDIT_CARD_1]"),
        # Replacements come after formatting.
        ("smart_format=true&replace=$5:a fiver", "it costs five dollars", "it costs a fiver"),
        ("replace=cows:cats&replace=cats:dogs", "the cows", "the dogs"),
    ],
)
def test_the_steps_follow_each_other(query: str, said: str, expected: str):
    assert shown(query.replace(" ", "+"), said) == expected


@pytest.mark.parametrize("language", ["es", "de", "zh", None])
def test_redaction_of_another_language_is_rejected_and_not_ignored(language: str | None):
    with pytest.raises(ApiError, match="redact is only available for English") as raised:
        wording("redact=pci", language)
    assert raised.value.status == 400


def test_an_unknown_redaction_names_itself_and_the_known_ones():
    with pytest.raises(ApiError, match=r"redact=phi .*allowed are pci") as raised:
        check_redactions(["phi"], "en")
    assert (raised.value.status, raised.value.code) == (400, "Bad Request")


@pytest.mark.parametrize("language", ["es", "en"])
def test_redact_false_is_no_redaction_in_any_language(language: str):
    assert wording("redact=false", language).redactions == frozenset()


def test_a_part_of_a_stream_shows_no_number_that_may_begin_a_value():
    """The half of a card number has no form that tells it from any other number."""
    assert shown("redact=pci", "it is 4111 11", is_part=True) == "it is [NUMBER_1]"
    assert shown("redact=pci", "it is 4111 11") == "it is four thousand one hundred eleven eleven"
    assert shown("", "it is 4111 11", is_part=True) == (
        "it is four thousand one hundred eleven eleven"
    )


def test_words_of_another_language_are_neither_redacted_nor_formatted():
    steps = Wording(frozenset({"numbers"}), Formatting(smart_format=True))
    said = words("我有 200")
    assert steps.spoken(said, "zh") == said
    assert steps.written(said, "zh") == said


def test_every_option_of_formatting_is_read_from_those_of_the_request():
    names = ("smart_format", "numerals", "measurements", "dictation", "filler_words",
             "profanity_filter")  # fmt: skip
    for name in names:
        options = read_options(ListenOptions, f"{name}=true")
        assert formatting_of(options) == Formatting(**{name: True})
