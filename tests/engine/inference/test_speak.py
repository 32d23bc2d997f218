"""Speed and expressivity of Flux voices: an error has the value and what is allowed."""

from __future__ import annotations

import pytest

from engine.inference.speak import check_flux
from engine.wire.errors import ApiError


@pytest.mark.parametrize(
    ("speed", "expressivity", "code", "problem"),
    [
        ("fast", "0", "INVALID_QUERY_PARAMETER", "speed: `fast` is not a number"),
        ("1_0", "0", "INVALID_QUERY_PARAMETER", "speed: `1_0` is not a number"),
        ("3", "0", "SPEED_OUT_OF_RANGE", "from 0.5 to 1.5, not 3."),
        ("0.99", "0", "SPEED_INCREMENT_INVALID", "a multiple of 0.05, not 0.99."),
        ("1", "\u0661", "INVALID_QUERY_PARAMETER", "expressivity: `\u0661` is not a number"),
        ("1", "-3", "EXPRESSIVITY_OUT_OF_RANGE", "from -2 to 2, not -3."),
        ("1", "0.5", "EXPRESSIVITY_INCREMENT_INVALID", "whole, not 0.5."),
    ],
)
def test_an_error_has_the_value_and_what_is_allowed(speed, expressivity, code, problem):
    with pytest.raises(ApiError) as rejected:
        check_flux(speed, expressivity)
    assert (rejected.value.status, rejected.value.code) == (400, code)
    assert problem in str(rejected.value)
