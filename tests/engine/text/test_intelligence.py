from typing import Any

import msgspec
import pytest

from engine.text.endpoint import Analysis
from engine.text.intelligence import Insights, Intelligence, count_tokens, words_of
from engine.text.words import Word
from engine.wire.insights import blocks
from tests.engine.text.chat import endpoint_with

pytestmark = pytest.mark.full

CALL = """Hi, good morning, thank you for calling Acme support, my name is Sarah, how can I help
you today? Hi Sarah, how are you? I'm fine, thanks. So, I'm calling about the washing machine I
ordered two weeks ago. It was supposed to arrive last Tuesday, and it still hasn't come. I'm really
frustrated, because I took a day off work to wait for it. Oh, I'm so sorry to hear that. Let me
check that for you. Okay, I can see that the delivery was delayed because the warehouse in Ohio ran
out of stock. We can ship a replacement from another warehouse on Friday, or I can cancel the order
and refund the full amount. If you can really deliver it on Friday, I'd rather keep the order.
Great, I've scheduled the delivery for Friday. Oh, that's wonderful, thank you so much. Have a
great day! You too, bye."""


@pytest.fixture(scope="module")
def intelligence():
    return Intelligence()


def block_of(found: Insights, name: str) -> dict:
    return msgspec.to_builtins(blocks(found)[name])


def test_summary_says_what_the_call_was_about_and_no_courtesies(intelligence):
    found = intelligence.analyse(words_of(CALL), Analysis(summarize=True))
    assert found.backend == "local"
    assert "washing machine" in found.summary
    assert "good morning" not in found.summary
    assert "Have a great day" not in found.summary
    assert len(found.summary.split()) < 0.5 * len(CALL.split())


SUPPORT = """Hello, thank you for calling Northwind, my name is Dana, how can I help you today? Hi
Dana, how are you? I'm good, thanks. So my router stopped working yesterday after the firmware
update and now the wireless light stays red. I already restarted it twice. All right, let me check
that for you. It looks like the update failed halfway. We need to reset the router to factory
settings and install the update again. Okay, will I lose my settings? Yes, but I will send you a
backup by email. Great. Is there anything else I can help you with? No, that's all. Bye bye."""
MEETING = """Good morning everyone, can you hear me? Yes. Great. Let's get started. The main point
today is the launch date of the mobile app. Marketing wanted the fifteenth of May, but engineering
says the payment screen is not finished. Priya reported eleven open bugs, three of them blocking.
We agreed to move the launch to the first of June. Priya will send a list of the bugs by Thursday.
Any other questions? No. Thanks everyone, have a nice weekend."""
DOCTOR = """Good afternoon Mrs Jones, please take a seat. What brings you here today? Well doctor,
I've had this headache for two weeks and sometimes I feel dizzy. Are you taking any medication?
Only ibuprofen, twice a day. Your blood pressure is quite high, one hundred sixty over one hundred.
I'd like to order a blood test and I want you to stop the ibuprofen. Please come back next Monday
so that we can look at the results. Okay, thank you doctor. You're welcome, take care."""


@pytest.mark.parametrize(
    ("call", "subject", "courtesy"),
    [
        (SUPPORT, "router stopped working", "how are you"),
        (SUPPORT, "reset the router", "anything else"),
        (MEETING, "launch date of the mobile app", "can you hear me"),
        (MEETING, "move the launch to the first of June", "weekend"),
        (DOCTOR, "headache", "take a seat"),
        (DOCTOR, "blood test", "You're welcome"),
    ],
)
def test_summaries_say_the_matter_and_not_the_courtesies(intelligence, call, subject, courtesy):
    summary = intelligence.analyse(words_of(call), Analysis(summarize=True)).summary
    assert subject in summary
    assert courtesy not in summary


def test_topics_are_things_not_verbs_or_courtesies(intelligence):
    block = block_of(intelligence.analyse(words_of(SUPPORT), Analysis(topics=True)), "topics")
    topics = {topic["topic"] for segment in block["segments"] for topic in segment["topics"]}
    assert "Firmware Update" in topics
    assert not any(word in " ".join(topics) for word in ("Bye", "Already", "Failed"))


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("Please call me back when you get this.", "Ask for a call back"),
        ("I'd like to book a flight from Boston to Lisbon.", "Make a reservation"),
        ("I want my money back.", "Request a refund"),
        ("I'll send you an email with the details.", "Follow up"),
    ],
)
def test_an_intent_has_its_name(intelligence, said, intent):
    block = block_of(intelligence.analyse(words_of(said), Analysis(intents=True)), "intents")
    assert block["segments"][0]["intents"][0]["intent"] == intent


def test_short_text_is_its_own_summary(intelligence):
    text = "We moved the demo. It is on Friday."
    assert intelligence.analyse(words_of(text), Analysis(summarize=True)).summary == text


def test_sentences_of_a_script_without_blanks_are_joined_without_them(intelligence):
    said = [Word.of(text, 0.0, 0.0) for text in ("我们", "去", "北京。", "天气", "好。")]
    found = intelligence.analyse(said, Analysis(summarize=True, sentiment=True))
    assert found.summary == "我们去北京。天气好。"
    assert block_of(found, "sentiments")["segments"][0]["text"] == "我们去北京。天气好。"


def test_sentiment_has_segments_and_an_average(intelligence):
    text = "I love this, it is wonderful and great! The table is brown. This is awful, I hate it."
    block = block_of(intelligence.analyse(words_of(text), Analysis(sentiment=True)), "sentiments")
    assert [s["sentiment"] for s in block["segments"]] == ["positive", "neutral", "negative"]
    assert [(s["start_word"], s["end_word"]) for s in block["segments"]] == [
        (0, 7),
        (8, 11),
        (12, 17),
    ]
    assert block["segments"][0]["text"] == "I love this, it is wonderful and great!"
    assert -1 <= block["average"]["sentiment_score"] <= 1


def test_topics_are_flat_segments_with_confidence(intelligence):
    block = block_of(intelligence.analyse(words_of(CALL), Analysis(topics=True)), "topics")
    topics = {topic["topic"] for segment in block["segments"] for topic in segment["topics"]}
    assert "Delivery" in topics
    for segment in block["segments"]:
        assert segment["text"] in " ".join(CALL.split())
        assert all(0 <= topic["confidence_score"] <= 1 for topic in segment["topics"])


def test_intents_are_found(intelligence):
    block = block_of(intelligence.analyse(words_of(CALL), Analysis(intents=True)), "intents")
    intents = {intent["intent"] for segment in block["segments"] for intent in segment["intents"]}
    assert intents & {"Check an order", "Request a refund", "Cancel an order"}


@pytest.mark.parametrize("kind", ["topic", "intent"])
def test_strict_mode_knows_only_the_given_labels(intelligence, kind):
    labels = ["late delivery", "volcanoes"]
    options: dict[str, Any] = {f"{kind}s": True, f"custom_{kind}s": labels}
    options[f"custom_{kind}_mode"] = "strict"
    question = Analysis(**options)
    block = block_of(intelligence.analyse(words_of(CALL), question), f"{kind}s")
    found = {each[kind] for segment in block["segments"] for each in segment[f"{kind}s"]}
    assert found == {"late delivery"}


def test_custom_labels_join_the_known_ones_in_extended_mode(intelligence):
    question = Analysis(topics=True, custom_topics=["late delivery"])
    block = block_of(intelligence.analyse(words_of(CALL), question), "topics")
    topics = {topic["topic"] for segment in block["segments"] for topic in segment["topics"]}
    assert "late delivery" in topics
    assert len(topics) > 1


def test_empty_text_has_empty_blocks(intelligence):
    question = Analysis(summarize=True, sentiment=True, topics=True, intents=True)
    found = intelligence.analyse([], question)
    assert found.summary == ""
    assert block_of(found, "topics") == block_of(found, "intents") == {"segments": []}
    assert block_of(found, "sentiments")["average"] == {
        "sentiment": "neutral",
        "sentiment_score": 0.0,
    }


def test_tokens_are_counted_by_feature(intelligence):
    found = intelligence.analyse(words_of("All is well."), Analysis(summarize=True, sentiment=True))
    assert found.tokens == {"summary": (4, 4), "sentiment": (4, 1)}
    assert count_tokens("Don't go, now.") == 7


@pytest.mark.parametrize(
    "bad",
    [
        503,
        "no json",
        [],
        {},
        {"summary": ""},
        {"summary": 7},
        {"summary": "x", "topics": [{"first": 0, "last": 99, "labels": []}]},
        {"summary": "x", "topics": [{"first": "a"}]},
    ],
)
def test_bad_response_is_requested_again_then_replaced_by_the_local_result(intelligence, bad):
    endpoint, asked = endpoint_with(bad)
    fallback = Intelligence(endpoint)
    found = fallback.analyse(words_of(CALL), Analysis(summarize=True, topics=True))
    assert len(asked) == 2
    assert found.backend == "local"
    assert "washing machine" in found.summary
