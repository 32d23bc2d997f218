"""Progress of the recordings in work, by the names that their callers gave.

Deepgram's API has no such thing: a caller that wants to know names its request in the header
``X-Progress-Name`` and asks for that name while it waits.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HEADER = "X-Progress-Name"
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class Progress:
    """Seconds heard of each named recording, by project; it holds what is under way alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[tuple[str, str], float] = {}

    @contextmanager
    def of(self, project_id: str, name: str) -> Iterator[Callable[[float], None]]:
        """Give the function that notes how many seconds are heard; without a name it does not."""
        if not NAME.fullmatch(name):
            yield lambda _: None
            return
        key = (project_id, name)

        def note(seconds: float) -> None:
            with self._lock:
                self._heard[key] = max(seconds, self._heard.get(key, 0.0))

        note(0.0)
        try:
            yield note
        finally:
            with self._lock:
                self._heard.pop(key, None)

    def heard(self, project_id: str, name: str) -> float | None:
        """The second up to which a recording is heard; None when none of that name is under way."""
        with self._lock:
            return self._heard.get((project_id, name))


PROGRESS = Progress()
