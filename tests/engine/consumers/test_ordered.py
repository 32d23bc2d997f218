"""Messages that a thread computes, among others: their order, their thread and their errors."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from engine.consumers.ordered import OrderedMessages
from engine.wire.listen_messages import Error
from engine.wire.shapes import Message

WAIT_SECONDS = 60


@asynccontextmanager
async def running(tell: Callable[[Message], None]) -> AsyncIterator[OrderedMessages]:
    ordered = OrderedMessages(tell)
    task = asyncio.create_task(ordered.run())
    yield ordered
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_messages_are_told_in_the_order_in_which_they_were_begun():
    told: list[Message] = []
    first, second, third, fourth = (Error(description=str(place)) for place in range(4))
    release = threading.Event()

    def slow() -> Message:
        release.wait(WAIT_SECONDS)
        return second

    async with running(told.append) as ordered:
        ordered.add(first)
        assert told == [first]
        ordered.compute(slow)
        ordered.add(third)
        ordered.compute(lambda: fourth)
        assert told == [first]
        release.set()
        await ordered.wait_for_all()
    assert told == [first, second, third, fourth]


async def test_a_message_is_computed_in_a_thread_and_told_in_the_event_loop():
    threads: list[int] = []

    def compute() -> Message:
        threads.append(threading.get_ident())
        return Error(description="computed")

    async with running(lambda message: threads.append(threading.get_ident())) as ordered:
        ordered.compute(compute)
        await ordered.wait_for_all()
    computed_in, told_in = threads
    assert told_in == threading.get_ident() != computed_in


async def test_computations_of_a_stream_follow_each_other():
    at_work: list[int] = []
    most: list[int] = []

    def compute(place: int) -> Message:
        at_work.append(place)
        most.append(len(at_work))
        at_work.remove(place)
        return Error(description=str(place))

    told: list[Message] = []
    async with running(told.append) as ordered:
        for place in range(50):
            ordered.compute(partial(compute, place))
        await ordered.wait_for_all()
    assert max(most) == 1
    assert told == [Error(description=str(place)) for place in range(50)]


async def test_the_error_of_a_computation_ends_the_run():
    def fail() -> Message:
        raise ValueError("no voice")

    ordered = OrderedMessages(lambda message: None)
    ordered.compute(fail)
    with pytest.raises(ValueError, match="no voice"):
        await asyncio.wait_for(ordered.run(), WAIT_SECONDS)
