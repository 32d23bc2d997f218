"""Models in memory: loaded once, shared, unloaded when idle."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.runtime.modelcache import IN_EVENT_LOOP, MemoryLimit, ModelCache


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Model:
    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_request_in_the_event_loop_is_logged_as_an_error(caplog):
    cache = ModelCache(Model)
    loaded = await asyncio.to_thread(cache.get, "base")
    assert IN_EVENT_LOOP not in caplog.text
    assert cache.get("base") is loaded
    assert f"base {IN_EVENT_LOOP}" in caplog.text


def test_a_model_is_loaded_once_for_all_threads():
    started = threading.Barrier(4)
    cache = ModelCache(Model)

    def get(_: int) -> Model:
        started.wait()
        return cache.get("base")

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(get, range(4)))
    assert len({id(model) for model in models}) == 1


def test_only_what_is_idle_is_unloaded(clock: Clock):
    cache = ModelCache(Model, clock=clock)
    cache.get("old")
    clock.seconds = 300
    cache.get("recent")
    clock.seconds = 600
    assert cache.unload_idle(600) == ["old"]
    assert cache.loaded() == ["recent"]


def test_use_puts_unloading_off(clock: Clock):
    cache = ModelCache(Model, clock=clock)
    first = cache.get("base")
    clock.seconds = 599
    assert cache.get("base") is first
    clock.seconds = 1198
    assert cache.unload_idle(600) == []


def test_a_pinned_model_stays(clock: Clock):
    cache = ModelCache(Model, pinned={"tiny.en"}, clock=clock)
    cache.get("tiny.en")
    clock.seconds = 10_000
    assert cache.unload_idle(600) == []
    assert cache.loaded() == ["tiny.en"]


def test_an_unloaded_model_is_loaded_again_when_needed(clock: Clock):
    cache = ModelCache(Model, clock=clock)
    first = cache.get("base")
    clock.seconds = 600
    cache.unload_idle(600)
    assert cache.get("base") is not first


def test_a_failed_load_is_tried_again():
    names: list[str] = []

    def load(name: str) -> Model:
        names.append(name)
        if len(names) == 1:
            raise OSError("disk")
        return Model(name)

    cache = ModelCache(load)
    with pytest.raises(OSError, match="disk"):
        cache.get("base")
    assert cache.loaded() == []
    assert cache.get("base").name == "base"


class Caches:
    """Two caches of one process, in which each loaded model takes 100 bytes."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.buffers = 0  # bytes of a request
        self.memory = MemoryLimit(limit, resident=lambda: self.buffers + 100 * len(self.loaded()))
        self.voices = ModelCache(Model, clock=clock, memory=self.memory)
        self.recognizers = ModelCache(Model, pinned={"tiny.en"}, clock=clock, memory=self.memory)

    def loaded(self) -> list[str]:
        return [*self.recognizers.loaded(), *self.voices.loaded()]


def test_room_is_made_by_the_least_recently_used_models_of_all(clock: Clock):
    caches = Caches(clock, limit=250)
    for cache, name in (
        (caches.recognizers, "tiny.en"),
        (caches.voices, "joe"),
        (caches.recognizers, "base"),
    ):
        cache.get(name)
        clock.seconds += 20
    caches.voices.get("kokoro")
    assert caches.loaded() == ["tiny.en", "base", "kokoro"]


def test_a_model_in_use_is_not_unloaded_for_another(clock: Clock):
    caches = Caches(clock, limit=90)
    caches.voices.get("joe")
    clock.seconds += 14
    caches.voices.get("kokoro")
    assert caches.loaded() == ["joe", "kokoro"]
    clock.seconds += 14
    caches.recognizers.get("base")
    assert caches.loaded() == ["base", "kokoro"]


def test_far_above_the_limit_models_that_are_not_in_use_make_room(clock: Clock):
    caches = Caches(clock, limit=100)
    for name in ("joe", "kokoro"):
        caches.voices.get(name)
        clock.seconds += 2
    caches.recognizers.get("base")
    assert caches.loaded() == ["base", "kokoro"]  # 200 bytes, then 100
    caches.voices.get("joe")
    caches.voices.get("amy")
    assert caches.loaded() == ["base", "joe", "amy"]


def test_a_request_that_grows_far_above_the_limit_has_models_unloaded_that_rest(clock: Clock):
    caches = Caches(clock, limit=300)
    for name in ("tiny.en", "base"):
        caches.recognizers.get(name)
    caches.voices.get("joe")
    caches.buffers = 200  # 500 bytes
    clock.seconds += 14
    caches.memory.relieve()  # no model rests for long
    caches.buffers = 100  # above the limit, not far above it
    clock.seconds += 6
    caches.memory.relieve()
    assert caches.loaded() == ["tiny.en", "base", "joe"]
    caches.buffers = 200
    caches.voices.get("joe")
    caches.memory.relieve()
    assert caches.loaded() == ["tiny.en", "joe"]


def test_below_the_limit_nothing_is_unloaded(clock: Clock):
    caches = Caches(clock, limit=300)
    for name in ("joe", "kokoro", "amy"):
        caches.voices.get(name)
        clock.seconds += 100
    assert caches.loaded() == ["joe", "kokoro", "amy"]
