"""Pauses between retries."""

import random

SERVER_PAUSE_SECONDS = 15.0  # a server that comes back is found again within a sweep of this
JOB_PAUSE_SECONDS = 60.0
# What a server may ask for. One that still needs more asks again, and a mistaken or malicious
# "Retry-After" cannot stop the work of a team for a day.
RETRY_AFTER_SECONDS = 900.0


def pause_seconds(failures: int, longest: float, retry_after: float | None = None) -> float:
    """Return the seconds before the next try: 1, 2, 4, ... to ``longest``, at random halved.

    ``failures`` counts from 1. The server's ``retry_after`` is never undercut,
    up to ``RETRY_AFTER_SECONDS``. The randomness spreads those who failed together.
    """
    if retry_after is not None:
        return min(retry_after, RETRY_AFTER_SECONDS)
    return min(2.0 ** min(failures - 1, 30), longest) * random.uniform(0.5, 1.0)  # noqa: S311
