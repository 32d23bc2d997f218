"""Events on their way to the reader of a live stream."""

import asyncio

from msgspec.structs import replace

from speechclient.deliveries import MAX_BATCHES, Deliveries
from speechclient.streams.live_events import Checkpoint, Segment, SpeechBegan

SEGMENT = Segment(
    id="1.0.0", connection=1, request_id=None, channel_index=0, channels=1, start=0.0, end=1.0,
    is_final=True, speech_final=True, from_finalize=False, transcript="", confidence=1.0, words=(),
)  # fmt: skip


class Stream:
    """Each final segment moves the stream by one byte."""

    def __init__(self) -> None:
        self.final = 0
        self.events = Deliveries(lambda: Checkpoint(final=self.final))

    async def says(self, *before) -> None:
        self.final += 1
        await self.events.put([*before, SEGMENT])


async def test_a_checkpoint_is_not_ahead_of_the_reader():
    stream = Stream()
    await stream.says(SpeechBegan(0, 0.0))
    await stream.says()
    await stream.events.put([replace(SEGMENT, is_final=False)])
    places = []
    for _ in range(4):
        await stream.events.next()
        places.append(stream.events.checkpoint.final)
    assert places == [0, 1, 2, 2]


async def test_a_checkpoint_without_waiting_events_is_that_of_the_stream():
    stream = Stream()
    stream.final = 7  # silence that became final without an event
    assert stream.events.checkpoint.final == 7


async def test_a_reader_that_is_far_behind_holds_the_stream_back():
    stream = Stream()
    for _ in range(MAX_BATCHES):
        await stream.says()
    putting = asyncio.create_task(stream.says())
    await asyncio.sleep(0)
    assert not putting.done()
    for _ in range(MAX_BATCHES):
        await stream.events.next()
    assert stream.events.checkpoint.final == MAX_BATCHES
    await putting
    await stream.events.next()
    assert stream.events.checkpoint.final == MAX_BATCHES + 1


async def test_a_waiting_reader_is_woken_at_the_end():
    stream = Stream()
    waiting = asyncio.create_task(stream.events.next())
    await asyncio.sleep(0)
    stream.events.wake()
    assert await waiting is None
    assert stream.events.is_empty
