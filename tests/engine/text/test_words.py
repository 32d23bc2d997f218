import pytest

from engine.text.paragraphs import paragraphs, utterances
from engine.text.words import Word, bare, merge, tail, transcript
from tests.engine.text.says import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello,", "hello"),
        ("don't", "don't"),
        ("(a.m.)", "a.m"),
        ("$5.20.", "$5.20"),
        ("50%,", "50%"),
        ("-5", "-5"),
        ('"Quote."', "quote"),
        ("...", ""),
        ("well-known,", "well-known"),
        ("[SSN_1].", "[SSN_1]"),
        ("नदी।", "नदी"),
        ("ลั", "ลั"),
        ("北京。", "北京"),
    ],
)
def test_bare_word_keeps_what_belongs_to_it(text, expected):
    assert bare(text) == expected


def test_tail_is_the_punctuation_after_a_word():
    assert [tail(text) for text in ("street,", "word", 'end."', "5%")] == [",", "", '."', ""]
    assert [tail(text) for text in ("北京。", "什么\uff1f」", "好")] == ["。", "\uff1f」", ""]


def test_merged_words_last_from_the_first_to_the_end_of_the_last():
    first, last = Word.of("two", 1.0, 1.4, 0.8), Word.of("five.", 1.5, 2.0, 0.6)
    merged = merge([first, last], "25.")
    assert (merged.word, merged.punctuated_word) == ("25", "25.")
    assert (merged.start, merged.end, merged.confidence) == (1.0, 2.0, 0.7)


def test_transcript_is_written_or_bare():
    said = words("Hello, world.")
    assert transcript(said, punctuated=True) == "Hello, world."
    assert transcript(said, punctuated=False) == "hello world"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["我们", "今天", "去", "北京。"], "我们今天去北京。"),
        (["今日は", "いい", "天気", "です。"], "今日はいい天気です。"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["我", "用", "Python", "写", "2024", "年"], "我用Python写2024年"),
        (["안녕하세요", "여러분"], "안녕하세요 여러분"),
        (["Hello", "there."], "Hello there."),
        (["你好。", "Deep", "Gram"], "你好。Deep Gram"),
    ],
)
def test_blanks_stand_where_a_script_has_them(words, text):
    found = [Word.of(word, index, index + 1) for index, word in enumerate(words)]
    assert transcript(found, punctuated=True) == text
    (utterance,) = utterances(found)
    assert utterance.transcript == text
    assert paragraphs(found)[0].text == text
