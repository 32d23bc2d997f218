"""The assertion that a rule over text takes time in proportion to the text.

Processor time is compared, of which the load of the machine is no part: eight times the text
may take 2.5 ** 3 times as long, so twice the text 2.5 times. Quadratic work takes 64 times
as long. The least of several runs counts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

TIMES, MOST_TIMES = 8, 2.5**3
RUNS = 8


def assert_linear(rule: Callable[..., object], little: object, much: object) -> None:
    """Compare ``rule`` on ``little`` and on ``much``, which is ``TIMES`` as long."""
    least_little = least_much = float("inf")
    gc.disable()  # its work grows with all that lives
    try:
        for _ in range(RUNS):
            least_little = min(least_little, seconds(rule, little))
            least_much = min(least_much, seconds(rule, much))
            if least_much <= MOST_TIMES * least_little:
                return
    finally:
        gc.enable()
    pytest.fail(f"{TIMES} times the text took {least_much / least_little:.1f} times as long")


def seconds(rule: Callable[..., object], said: object) -> float:
    started = time.process_time()
    rule(said)
    return time.process_time() - started
