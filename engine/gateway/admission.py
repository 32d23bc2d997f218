"""Admission control: limits of simultaneous requests (docs/contract.md, 3.3 and 4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from engine.env import Limits
from engine.wire.errors import too_many_requests, too_much_speech


class Admission:
    """Counts calls under way, by kind of work. Used from the event loop alone: no locks."""

    def __init__(self, limits: Mapping[str, Limits]) -> None:
        self._limits = limits
        self._under_way: Counter[tuple[str, str]] = Counter()  # (kind, project); "" is everyone

    @contextmanager
    def admit(self, kind: str, project_id: str) -> Iterator[None]:
        """Hold a place for one call. Raises ``ApiError`` (429) when there is none."""
        limits = self._limits.get(kind)
        if limits is None:
            yield
            return
        mine, everyone = (kind, project_id), (kind, "")
        if (
            self._under_way[mine] >= limits.per_project
            or self._under_way[everyone] >= limits.per_process
        ):
            raise too_much_speech() if kind in ("speak", "stream") else too_many_requests()
        self._under_way.update((mine, everyone))
        try:
            yield
        finally:
            self._under_way.subtract((mine, everyone))
            if not self._under_way[mine]:
                del self._under_way[mine]
