"""Template filters for amounts."""

import pytest

from management.templatetags.amounts import dollars, length_of_audio


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        (0, "0 s"), (0.00306, "11 s"), (0.0658, "4 min"), (0.9999, "1.0 h"), (1.25, "1.2 h"),
        (12_345.6, "12,345.6 h"),
    ],
)  # fmt: skip
def test_hours_have_the_unit_that_fits(hours, shown):
    assert length_of_audio(hours) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "not known"), (0, "$0.00"), (0.0012, "$0.0012"), (1234.5, "$1,234.50")],
)
def test_dollars_below_a_cent_are_not_nothing(amount, shown):
    assert dollars(amount) == shown
