"""Search across utterances: a transcript is one text, wherever the recognizer cut it."""

import random
from bisect import bisect_right
from itertools import pairwise

import pytest

from tests.transcripts.search.conftest import add_utterances, hear
from transcripts.models import Transcription, Utterance
from transcripts.search import search

pytestmark = pytest.mark.django_db

ORDERS = ["newest", "relevance"]
KENNEDY = (
    "And so, my fellow Americans, ask",
    "not",
    "what your country can do for you.",
    "Ask what you can do for your country.",
)


def shown(hit) -> list[str]:
    return [piece for piece, marked in hit.pieces if marked]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "query",
    [
        '"ask not what"',
        '"ask not"',
        '"not what"',
        '"fellow Americans ask not what your country can do for you ask what"',
        '"ask not wh*"',
        '"ask no*"',
        "ask-not-what",
    ],
)
def test_a_phrase_is_found_across_utterances(ada, project, query, order):
    hear(project, *KENNEDY)
    (hit,) = search(ada, query, order=order).hits
    phrase = query.strip('"').rstrip("*").replace("-", " ").split()
    marked = " ".join(shown(hit)).replace(",", "").replace(".", "").lower().split()
    assert marked[: len(phrase) - 1] == [word.lower() for word in phrase][:-1]


def test_a_hit_across_utterances_opens_where_the_phrase_begins(ada, project):
    hear(project, "Good evening.", *KENNEDY)
    (hit,) = search(ada, '"ask not what"').hits
    # Utterances are ten seconds apart, words half a second: "ask" is the sixth of the second.
    assert (hit.index, hit.start, hit.end) == (1, 12.5, 39)
    assert hit.text == " ".join(KENNEDY[:3])
    assert shown(hit) == ["ask not what"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "query", ['"what ask"', '"ask what your"', '"Americans not"', '"ask not country"', '"not ask"']
)
def test_words_that_do_not_follow_each_other_are_no_phrase(ada, project, query, order):
    hear(project, *KENNEDY)
    assert search(ada, query, order=order).hits == ()


def test_a_phrase_in_one_utterance_is_one_hit_of_its_own(ada, project):
    hear(project, "the lower road", "the lower", "road was lost", "lower", "road")
    hits = search(ada, '"lower road"').hits
    assert [(hit.index, hit.start) for hit in hits] == [(3, 30), (1, 10.5), (0, 0.5)]


@pytest.mark.parametrize("order", ORDERS)
def test_words_in_different_utterances_are_found_where_they_are_closest(ada, project, order):
    other = hear(project, "The country.", *["And on it goes."] * 30, "A fellow.", title="Far")
    near = hear(project, "Fellow.", *["So."] * 9, *KENNEDY, *["Yes."] * 9, "Country.", title="Near")
    hear(project, "Only fellow here.")
    hits = search(ada, "fellow country", order=order).hits
    assert [hit.recording for hit in hits] == [near.pk, other.pk]
    first, second = hits
    assert (first.index, first.start) == (10, 101.5)
    assert shown(first) == ["fellow", "country"]
    assert second.text == "The country. … A fellow."
    assert shown(second) == ["country", "fellow"]


@pytest.mark.parametrize("order", ORDERS)
def test_a_word_and_a_phrase_are_found_in_different_utterances(ada, project, order):
    found = hear(project, "The pier went first.", *["So."] * 12, *KENNEDY)
    hear(project, "The pier.", *["So."] * 12, "what not ask")
    (hit,) = search(ada, 'pier "ask not what"', order=order).hits
    assert (hit.recording, hit.index) == (found.pk, 0)


def test_utterances_with_all_words_are_shown_alone(ada, project):
    hear(project, "budget", "june", "The budget of June.", "june", "budget")
    hits = search(ada, "budget june").hits
    assert [hit.text for hit in hits] == ["The budget of June."]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_show_words_together_and_apart_once_each(ada, project, order):
    recordings = {
        hear(project, *(["one two"] if number % 3 else ["one", *["and"] * 9, "two"])).pk
        for number in range(25)
    }
    seen, cursor = [], None
    while True:
        results = search(ada, "one two", order=order, cursor=cursor, limit=4)
        assert results.count == 25
        seen += [hit.recording for hit in results.hits]
        cursor = results.cursor
        if cursor is None:
            break
    assert len(seen) == 25
    assert set(seen) == recordings
    if order == "newest":
        assert seen == sorted(seen, reverse=True)


def test_results_say_in_how_many_recordings_they_are(ada, project):
    for _ in range(3):
        hear(project, "word", "word")
    hear(project, *["word"] * 20)
    for limit in (2, 100):
        results = search(ada, "word", limit=limit)
        assert (results.count, results.recordings) == (26, 4)


@pytest.mark.parametrize("order", ORDERS)
def test_a_stranger_finds_nothing_across_utterances(ada, eve, project, other_project, order):
    hear(project, *KENNEDY)
    hear(project, "pier", *["So."] * 9, "budget")
    for query in ('"ask not what"', "pier budget", "fellow country"):
        assert search(ada, query, order=order).hits
        assert search(eve, query, order=order).hits == ()
        assert search(ada, query, order=order, project=other_project).hits == ()


def test_only_the_newest_run_is_searched_across_utterances(ada, project):
    recording = hear(project, *KENNEDY)
    run = Transcription.objects.create(recording=recording)
    add_utterances(run, "Nothing", "of the kind.")
    Utterance.objects.exclude(transcription=run).update(searchable=False)
    assert search(ada, '"ask not what"').hits == ()
    assert search(ada, "fellow country").hits == ()
    assert len(search(ada, '"nothing of"').hits) == 1
    recording.delete()
    assert search(ada, '"nothing of"').hits == ()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("東京は晴れでした。明日は雨です", ["東京", "京は晴", "明日 東京", "れで*", "東 京"]),
        ("東 京 は 晴 れ でした", ["東京", "晴れ", "東京は晴れでした", "でした"]),
        ("今天天气很好我们去公园", ["天气", "公园", "天气很好", "我们 今天"]),
        ("ฉันกินข้าวที่บ้าน", ["กินข้าว", "บ้าน", "ข้าว", "ฉัน บ้าน"]),
        ("我用iPhone写信", ["iphone", "用iphone写", "写信"]),
        ("Das iPhone 東京モデル", ["iphone", "東京", "モデル", '"iphone 東京"']),
        ("한국어 문장입니다", ["한국어", "문장*"]),
    ],
)
def test_scripts_without_spaces_are_found_by_any_part(ada, project, text, queries, order):
    hear(project, text)
    for query in queries:
        (hit,) = search(ada, query, order=order).hits
        assert shown(hit), query
    for query in ("京東", "气天", "ข้าวกิน", "학교"):
        assert search(ada, query, order=order).hits == ()


def test_a_word_of_an_unspaced_script_is_found_across_utterances(ada, project):
    hear(project, "明日は東", "京に行きます")
    (hit,) = search(ada, "東京").hits
    assert (hit.text, shown(hit)) == ("明日は東京に行きます", ["東京"])


@pytest.mark.slow
def test_every_phrase_of_a_transcript_is_found_however_it_is_cut(ada, project):
    chance = random.Random(11)
    words = [chance.choice("ab cd ef gh ij kl mn op".split()) for _ in range(60)]
    cuts = sorted(chance.sample(range(1, 60), 25))
    bounds = [0, *cuts, 60]
    hear(project, *(" ".join(words[first:last]) for first, last in pairwise(bounds)))
    for _ in range(60):
        first, length = chance.randrange(50), chance.randint(2, 10)
        phrase = words[first : first + length]
        places = [place for place in range(60) if words[place : place + length] == phrase]
        hits = search(ada, f'"{" ".join(phrase)}"', limit=100).hits
        begun = {bisect_right(bounds, place) - 1 for place in places}
        assert {hit.index for hit in hits} == begun, phrase


@pytest.mark.parametrize("order", ORDERS)
def test_the_longest_phrase_that_can_be_typed_is_found(ada, project, order):
    words = [f"w{number}" for number in range(64)]
    hear(project, *(" ".join(words[first : first + 16]) for first in range(0, 64, 16)))
    (hit,) = search(ada, f'"{" ".join(words)}"', order=order).hits
    assert shown(hit) == [" ".join(words)]
