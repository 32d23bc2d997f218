from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from engine.runtime import garbage as heap
from engine.runtime.garbage import Heap


class Node:
    """Refers to itself: only the collector finds that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collector(monkeypatch):
    """The collector of the tests stays as it was."""
    monkeypatch.setattr(heap, "SECONDS", 0.01)
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


def old_garbage() -> asyncio.Event:
    """Make garbage that has survived while it was none; the event tells that it was found."""
    node, found = Node(), asyncio.Event()
    weakref.finalize(node, found.set)
    gc.collect()
    return found


async def is_set_within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


@pytest.mark.slow
def test_old_garbage_is_collected_when_no_response_is_built():
    async def keep() -> None:
        kept = Heap()
        keeping = asyncio.create_task(kept.keep())
        await asyncio.sleep(0)  # what is there by now is never looked at again
        try:
            with kept.holding_response():
                with kept.holding_response():
                    found = old_garbage()
                    assert not await is_set_within(0.1, found)
                assert not await is_set_within(0.1, found)
            assert await is_set_within(60, found)
        finally:
            keeping.cancel()

    asyncio.run(keep())


def test_garbage_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(heap, "LONGEST_WAIT_SECONDS", 0.05)

    async def keep() -> None:
        kept = Heap()
        keeping = asyncio.create_task(kept.keep())
        await asyncio.sleep(0)
        try:
            with kept.holding_response():
                assert await is_set_within(60, old_garbage())
        finally:
            keeping.cancel()

    asyncio.run(keep())
