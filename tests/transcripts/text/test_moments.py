"""Chips and the chart of the mood."""

from hypothesis import given
from hypothesis import strategies as st

from transcripts.text.moments import BARS, MAX_CHIPS, chips, mood_bars, strongest


def label(name, confidence, start):
    return {"name": name, "confidence": confidence, "start": start, "end": start + 1}


def test_a_name_is_one_chip_that_leads_to_its_surest_place_first():
    found = chips([label("Boats", 0.3, 5), label("Rain", 0.9, 7), label("Boats", 0.8, 20)])
    assert [(chip.name, chip.starts) for chip in found] == [("Boats", [20, 5]), ("Rain", [7])]


def test_of_many_chips_the_weightiest_are_shown():
    found = chips(label(f"Topic {number}", number / 100, number) for number in range(100))
    assert len(found) == MAX_CHIPS
    assert found[0].name == "Topic 99"


def test_silence_has_no_bar_and_a_mood_its_place():
    bars = mood_bars([{"score": 0.9, "start": 50.0, "end": 99.0}], 100.0)
    assert {bar.mood for bar in bars} == {"positive"}
    assert min(bar.left for bar in bars) == 50.0
    assert all(bar.top + bar.height == 50 for bar in bars)


MOODS = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0, 1e4), st.floats(0, 1e4)).map(
        lambda drawn: {
            "score": drawn[0],
            "start": min(drawn[1:]),
            "end": max(drawn[1:]),
        }
    ),
    max_size=30,
)


@given(MOODS, st.floats(0, 1e4))
def test_the_chart_stays_within_its_frame(sentiments, duration):
    bars = mood_bars(sentiments, duration)
    assert len(bars) <= BARS
    assert all(0 <= bar.left < 100 and -1.01 <= bar.score <= 1.01 for bar in bars)
    assert all(bar.top >= -0.6 and bar.top + bar.height <= 100.6 for bar in bars)


def test_the_strongest_places_are_told_by_time():
    sentiments = [
        {"score": score, "start": at, "end": at + 1} for at, score in enumerate([0.9, 0.1, -0.8])
    ]
    told = [(each["start"], each["mood"]) for each in strongest(sentiments)]
    assert told == [(0, "positive"), (2, "negative")]
