"""Topics and intents by likeness of meanings; here texts are alike that share words."""

from __future__ import annotations

import pytest

from engine.text.intelligence import words_of
from engine.text.labels import (
    INTENTS,
    MOST_LABELS,
    TOPICS,
    LabelledSegment,
    find_intents,
    find_topics,
)
from engine.text.paragraphs import Sentence, sentences
from tests.engine.text.chat import embed

FILLING = "and then some more of it came after that on the way to us in the end as it does here"


def parts(text: str) -> list[Sentence]:
    return sentences(words_of(text))


def names(segments: list[LabelledSegment]) -> list[list[str]]:
    return [[label.name for label in segment.labels] for segment in segments]


def test_a_label_of_the_caller_is_found_where_the_text_is_like_it():
    text = "The parcel delivery was late again."
    segments = find_topics(parts(text), embed, ["late parcel delivery", "volcanoes"], "strict")
    assert names(segments) == [["late parcel delivery"]]
    assert (segments[0].text, segments[0].start_word, segments[0].end_word) == (text, 0, 5)


def test_strict_mode_without_labels_finds_nothing():
    assert find_topics(parts("The invoice or a bill or a charge."), embed, [], "strict") == []
    assert find_intents(parts("I want a refund."), embed, [], "strict") == []


def test_a_known_topic_has_its_name_and_not_its_description():
    segments = find_topics(parts(TOPICS["Billing"] + "."), embed)
    assert segments[0].labels[0].name == "Billing"


def test_a_known_intent_has_its_name():
    name, description = next(iter(INTENTS.items()))
    segments = find_intents(parts(f"{description}."), embed)
    assert segments[0].labels[0].name == name


def test_labels_of_the_caller_come_first():
    text = f"An invoice, a bill or a charge: {TOPICS['Billing']}."
    segments = find_topics(parts(text), embed, ["charge bill invoice a an"], "extended")
    assert names(segments)[0][0] == "charge bill invoice a an"
    assert "Billing" in names(segments)[0]


def test_a_name_in_two_cases_is_one_label():
    segments = find_topics(parts("Late parcel."), embed, ["late parcel", "Late Parcel"], "strict")
    assert names(segments) == [["late parcel"]]


def test_a_segment_has_few_labels():
    custom = [f"late parcel {number}" for number in range(10)]
    segments = find_topics(parts("Late parcel late parcel."), embed, custom, "strict")
    assert len(segments[0].labels) == MOST_LABELS


def test_a_label_clearly_less_alike_than_the_best_is_left_out():
    custom = ["late parcel delivery again", "late winter mornings"]
    segments = find_topics(parts("Late parcel delivery again."), embed, custom, "strict")
    assert names(segments) == [["late parcel delivery again"]]


def test_confidence_grows_with_likeness():
    custom = ["late parcel delivery", "late parcel delivery again"]
    (segment,) = find_topics(parts("Late parcel delivery again."), embed, custom, "strict")
    best, second = segment.labels
    assert best.name == "late parcel delivery again"
    assert 1 > best.confidence_score > second.confidence_score > 0.5


def test_topics_are_those_of_stretches_of_sentences():
    text = f"The parcel was late. It is the parcel, {FILLING}. {FILLING.capitalize()}."
    segments = find_topics(parts(text), embed, ["the late parcel it was"], "strict")
    assert (segments[0].start_word, segments[0].end_word > 20) == (0, True)


def test_intents_are_those_of_single_sentences():
    text = "I want a refund. I want a refund now."
    segments = find_intents(parts(text), embed, ["I want a refund"], "strict")
    assert [(one.start_word, one.end_word) for one in segments] == [(0, 3), (4, 8)]


def test_a_sentence_of_two_words_asks_for_nothing():
    assert find_intents(parts("A refund. Refund."), embed, ["a refund"], "strict") == []


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Router settings. Router settings.", "Router Settings"),
        ("The wireless router's settings.", "Wireless Router Settings"),
        ("Firmware update!", "Firmware Update"),
        ("July assembly.", "July Assembly"),
    ],
)
def test_phrases_of_the_text_are_topics(text: str, phrase: str):
    assert phrase in names(find_topics(parts(text), embed))[0]


@pytest.mark.parametrize(
    "text",
    [
        "Bye bye.",
        "They really started.",
        "Twenty seven.",
        "It was of it.",
        "x y z",
    ],
)
def test_verbs_numbers_and_small_words_are_no_topics(text: str):
    assert find_topics(parts(text), embed) == []


def test_no_sentences_have_no_labels():
    assert find_topics([], embed, ["a"]) == find_intents([], embed, ["a"]) == []
