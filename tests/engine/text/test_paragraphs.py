from dataclasses import replace

from engine.text.paragraphs import paragraphs, paragraphs_transcript, sentences, utterances
from tests.engine.text.says import words


def later(said, seconds):
    return [replace(word, start=word.start + seconds, end=word.end + seconds) for word in said]


def test_sentences_end_at_marks_but_not_at_abbreviations():
    found = sentences(words("Mr. Smith came at 9 a.m. on time. Did he? J. R. did!"))
    assert [s.text for s in found] == [
        "Mr. Smith came at 9 a.m. on time.", "Did he?", "J. R. did!",
    ]  # fmt: skip
    assert [(s.start_word, s.end_word) for s in found] == [(0, 7), (8, 9), (10, 12)]


def test_sentence_without_a_mark_ends_with_its_speaker():
    said = words("I think", speaker=0) + later(words("no way", speaker=1), 1.0)
    assert [s.text for s in sentences(said)] == ["I think", "no way"]


def test_endless_text_is_cut_into_sentences():
    assert all(s.end_word - s.start_word < 80 for s in sentences(words("word " * 500)))


def test_paragraphs_follow_speakers_and_pauses():
    first = words("Hello there.", speaker=0)
    reply = later(words("Hi. Fine.", speaker=1), 1.0)
    after_a_pause = later(words("Next thing.", speaker=1), 10.0)
    found = paragraphs(first + reply + after_a_pause)
    assert [(p.speaker, p.num_words, p.start, p.end) for p in found] == [
        (0, 2, 0.0, 0.9), (1, 2, 1.0, 1.9), (1, 2, 10.0, 10.9),
    ]  # fmt: skip
    assert paragraphs_transcript(found) == (
        "\nSpeaker 0: Hello there.\n\nSpeaker 1: Hi. Fine.\n\nSpeaker 1: Next thing."
    )


def test_paragraphs_transcript_without_speakers():
    assert paragraphs_transcript(paragraphs(words("Hello there. Fine."))) == "\nHello there. Fine."


def test_utterances_split_at_pauses_of_the_given_length():
    said = words("one two") + later(words("three"), 1.9)  # a pause of one second
    assert [u.transcript for u in utterances(said, utt_split=1.1)] == ["one two three"]
    cut = utterances(said, utt_split=0.8, channel=1)
    assert [(u.transcript, u.channel, u.start, u.end) for u in cut] == [
        ("one two", 1, 0.0, 0.9), ("three", 1, 1.9, 2.3),
    ]  # fmt: skip
    assert cut[0].id != cut[1].id


def test_utterances_split_at_speaker_changes():
    said = words("hello", speaker=0) + later(words("hi", speaker=1), 0.5)
    assert [u.speaker for u in utterances(said)] == [0, 1]


def test_silence_has_nothing_to_group():
    assert [sentences([]), paragraphs([]), utterances([])] == [[], [], []]
