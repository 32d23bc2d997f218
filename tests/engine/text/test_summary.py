"""Summaries of the text's own sentences; here sentences are alike that share words."""

from engine.text.intelligence import words_of
from engine.text.paragraphs import sentences
from engine.text.summary import LEAST_WORDS, MOST_SENTENCES, SHORTEST_WORDS, summarize
from tests.engine.text.chat import embed

MATTER = "The problem is that the washing machine of the order was not delivered on Friday."
COURTESIES = [
    "Hello, thank you for calling, how are you today?",
    "I am fine, thank you, have a nice day.",
    "Is there anything else I can help with?",
]
OTHERS = [
    f"The washing machine of order number {number} comes from the warehouse in Ohio."
    for number in range(12)
]


def summary_of(*texts: str) -> str:
    return summarize(sentences(words_of(" ".join(texts))), embed)


def test_a_short_text_is_its_own_summary():
    text = " ".join(["word"] * (SHORTEST_WORDS - 1)) + " end."
    assert summary_of(text) == text


def test_nothing_has_an_empty_summary():
    assert summarize([], embed) == ""


def test_the_matter_is_in_and_courtesies_are_out():
    summary = summary_of(*COURTESIES, MATTER, *OTHERS, *COURTESIES)
    assert MATTER in summary
    assert not any(courtesy in summary for courtesy in COURTESIES)


def test_few_sentences_stay_in_their_order():
    texts = [*OTHERS[:6], MATTER, *OTHERS[6:]]
    kept = [text.text for text in sentences(words_of(summary_of(*texts)))]
    assert 1 <= len(kept) <= MOST_SENTENCES
    assert kept == sorted(kept, key=texts.index)


def test_a_summary_is_a_part_of_the_text():
    texts = [MATTER, *OTHERS]
    summary = summary_of(*texts)
    assert len(summary.split()) <= max(LEAST_WORDS, len(" ".join(texts).split()) // 4)


def test_openings_are_removed_and_the_first_letter_is_a_capital():
    summary = summary_of(f"So, okay, well, {MATTER.replace('The', 'the')}", *OTHERS)
    assert summary.startswith("The problem is")


def test_sentences_of_three_words_count_where_there_are_no_longer_ones():
    assert summary_of(*["Yes it is."] * 30) == "It is. It is. It is. It is."
    assert summary_of(*["Yes it is."] * 30, MATTER) == MATTER


def test_a_question_says_less_than_its_statement():
    statement = "The refund of the late washing machine is on the way to the customer."
    question = "Is the refund of the late washing machine on the way to the customer?"
    summary = summary_of(question, statement, *OTHERS)
    assert statement in summary
    assert question not in summary
