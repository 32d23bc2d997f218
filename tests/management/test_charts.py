"""Stacked bars as numbers: nothing is lost, nothing leaves the drawing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from management.charts import HEIGHT, MOST_SERIES, TOP, WIDTH, chart, nice, written


def test_bars_are_stacked_from_the_base_up():
    drawn = chart(["1 Nov", "2 Nov"], {"listen": [3, 0], "speak": [1, 2]}, "hours")
    first, second, third = drawn.bars
    assert (first.series, second.series, third.series) == (0, 1, 1)
    assert first.y + first.height == drawn.base
    assert second.y + second.height == pytest.approx(first.y, abs=0.02)
    assert first.height == pytest.approx(3 * second.height, abs=0.05)
    assert first.title == "1 Nov, listen: 3 hours"


def test_the_smallest_of_many_series_share_one():
    drawn = chart(["day"], {f"key {number}": [number] for number in range(1, 21)})
    assert len(drawn.series) == MOST_SERIES
    assert drawn.series[0].name == "key 20"
    assert drawn.series[-1].name == "Others (13)"
    assert drawn.total == sum(range(1, 21))


def test_nothing_has_no_series():
    assert chart([], {}).series == []
    assert chart(["day"], {"listen": [0]}).series == []


def test_the_table_has_the_sums_of_the_bars():
    drawn = chart(["a", "b"], {"x": [1, 2], "y": [3, 4]})
    assert drawn.table == [("a", [3, 1], 4), ("b", [4, 2], 6)]


@pytest.mark.parametrize(
    ("step", "next_one"), [(0.3, 0.5), (1, 1), (1.1, 2), (7, 10), (0, 1), (120, 200)]
)
def test_steps_of_the_axis_are_round(step, next_one):
    assert nice(step) == pytest.approx(next_one)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (1234567, "1,234,567"), (3.5, "3.5"), (0.0042, "0.0042"), (12.345, "12.3")],
)
def test_numbers_have_as_many_places_as_they_need(amount, text):
    assert written(amount) == text


amounts = st.floats(0, 1e9, allow_nan=False)


@given(st.dictionaries(st.text(max_size=4), st.lists(amounts, min_size=3, max_size=3)))
def test_every_bar_is_inside_the_drawing(series):
    drawn = chart(["a", "b", "c"], series)
    for bar in drawn.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert bar.y >= TOP - 0.01
        assert bar.y + bar.height <= HEIGHT
