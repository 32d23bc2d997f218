"""How long to wait before something that failed is tried again."""

import random

SERVER_PAUSE_SECONDS = 15.0  # a server that comes back is found again within a sweep of this
JOB_PAUSE_SECONDS = 60.0


def pause_seconds(failures: int, longest: float, retry_after: float | None = None) -> float:
    """Seconds before the next try: 1, 2, 4, ... up to ``longest``, a random half of it less.

    ``failures`` counts from 1. What the other side asked for (``retry_after``) is obeyed, never
    undercut. The chance spreads those who failed together.
    """
    if retry_after is not None:
        return retry_after
    return min(2.0 ** min(failures - 1, 30), longest) * random.uniform(0.5, 1.0)  # noqa: S311
