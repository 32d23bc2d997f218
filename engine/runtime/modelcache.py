"""Models in memory: each is loaded when first needed and unloaded when it is idle."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

logger = logging.getLogger("engine")

IN_EVENT_LOOP = "was requested in the event loop"

Key = TypeVar("Key", bound=str)
Model = TypeVar("Model")


@dataclass
class _Entry(Generic[Model]):
    used: float
    loading: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None


class ModelCache(Generic[Key, Model]):
    """Values of ``load`` by name; safe to use from many threads.

    A model in ``pinned`` stays loaded. ``clock`` gives seconds that never go back. A request
    that still holds an unloaded model keeps it alive until it ends.
    """

    def __init__(
        self,
        load: Callable[[Key], Model],
        *,
        pinned: Collection[Key] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._pinned = frozenset(pinned)
        self._clock = clock
        self._entries: dict[Key, _Entry[Model]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Model:
        """Return the model ``key``, loaded first if needed. Raises what ``load`` raises.

        To be called outside the event loop, where loading would block every connection for
        seconds. The error is logged also when the model is loaded already: later it may not be.
        """
        if _is_in_event_loop():
            logger.error("%s %s", key, IN_EVENT_LOOP, stack_info=True)
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(self._clock()))
            entry.used = self._clock()
        with entry.loading:  # the other models can be used meanwhile
            if entry.model is None:
                started = self._clock()
                entry.model = self._load(key)
                logger.info("loaded %s in %.1f s", key, self._clock() - started)
            return entry.model

    def loaded(self) -> list[Key]:
        """Return the names of the models in memory."""
        with self._lock:
            return [key for key, entry in self._entries.items() if entry.model is not None]

    def unload_idle(self, seconds: float) -> list[Key]:
        """Forget every model that was not asked for in the last ``seconds``; return their names."""
        with self._lock:
            latest = self._clock() - seconds
            idle = [
                key
                for key, entry in self._entries.items()
                if key not in self._pinned and entry.used <= latest and entry.model is not None
            ]
            for key in idle:
                del self._entries[key]
        return idle


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
