"""Models in memory: each is loaded when first needed and unloaded when it is idle."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from engine.runtime.memory import release_memory, resident_bytes

logger = logging.getLogger("engine")

IN_EVENT_LOOP = "was requested in the event loop"
# A model that was used more recently is not unloaded for another: the pauses of a conversation are
# shorter. Far above the limit, only one that is in use at that moment is spared.
REST_SECONDS, HURRIED_REST_SECONDS = 15, 1
FAR_ABOVE = 1.4  # times the limit

Key = TypeVar("Key", bound=str)
Model = TypeVar("Model")


@dataclass
class _Entry(Generic[Model]):
    used: float
    loading: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None


class MemoryLimit:
    """Memory of the process above which models that rest are unloaded.

    ``limit`` is in bytes, as ``resident`` measures them; None for no limit.
    """

    def __init__(
        self, limit: int | None = None, *, resident: Callable[[], int] = resident_bytes
    ) -> None:
        self.limit = limit
        self._resident = resident
        self._caches: WeakSet[ModelCache[Any, Any]] = WeakSet()
        self._making_room = threading.Lock()

    def add(self, cache: ModelCache[Any, Any]) -> None:
        self._caches.add(cache)

    def make_room(self) -> None:
        """Unload models, the least recently used one first, until the limit is kept."""
        with self._making_room:
            release_memory()
            while self.limit is not None and (resident := self._resident()) > self.limit:
                hurried = resident > FAR_ABOVE * self.limit
                if not self._unload_one(HURRIED_REST_SECONDS if hurried else REST_SECONDS):
                    return

    def relieve(self) -> None:
        """Unload models that rest while the memory is far above the limit.

        A long request grows without loading a model.
        """
        with self._making_room:
            while self.limit is not None and self._resident() > FAR_ABOVE * self.limit:
                if not self._unload_one(REST_SECONDS):
                    return

    def _unload_one(self, least: float) -> bool:
        """Unload the model that rests longest; False when none rests for ``least`` seconds."""
        rested = [(rest, cache) for cache in self._caches if (rest := cache.rested(least))]
        (_, key), cache = max(rested, key=lambda each: each[0], default=((0, ""), None))
        if cache is None or not cache.unload(key):
            return False
        release_memory()
        logger.info("unloaded %s to make room", key)
        return True


MEMORY = MemoryLimit()  # of this process; the engine sets its limit at the start


class ModelCache(Generic[Key, Model]):
    """Values of ``load`` by name; safe to use from many threads.

    A model in ``pinned`` stays loaded. ``clock`` gives seconds that never go back. A request
    that still holds an unloaded model keeps it alive until it ends. Caches with the same
    ``memory`` make room for each other.
    """

    def __init__(
        self,
        load: Callable[[Key], Model],
        *,
        pinned: Collection[Key] = (),
        clock: Callable[[], float] = time.monotonic,
        memory: MemoryLimit = MEMORY,
    ) -> None:
        self._load = load
        self._memory = memory
        memory.add(self)
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
                self._memory.make_room()
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
            idle = [key for rest, key in self._rests() if rest >= seconds]
            for key in idle:
                del self._entries[key]
        return idle

    def rested(self, seconds: float) -> tuple[float, Key] | None:
        """Return the rest and the name of the model that rests longest, if at least ``seconds``."""
        with self._lock:
            longest = max(self._rests(), default=None)
        return longest if longest and longest[0] >= seconds else None

    def unload(self, key: Key) -> bool:
        """Forget the model ``key``; return whether it was loaded."""
        with self._lock:
            return self._entries.pop(key, None) is not None

    def _rests(self) -> list[tuple[float, Key]]:
        """Seconds since the last use of each model that can be unloaded, and its name."""
        now = self._clock()
        return [
            (now - entry.used, key)
            for key, entry in self._entries.items()
            if key not in self._pinned and entry.model is not None
        ]


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
