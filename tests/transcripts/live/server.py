"""A speech server for live sessions: it says what a test tells it, and remembers its audio."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from speechclient import Word
from speechclient.errors import SpeechError
from speechclient.streams.live_events import (
    AudioSource,
    Checkpoint,
    Configured,
    ConfigureFailed,
    ConnectionOpened,
    LiveEvent,
    Segment,
    State,
    Turn,
)
from transcripts.live.audio import BYTES_PER_SECOND, seconds_of
from transcripts.live.models import LiveSession
from transcripts.live.streams import Server


class FakeStream:
    """The interface of ``speechclient.live.LiveListen``, without a socket."""

    state = State.LIVE
    lag_seconds = 0.0
    has_sent_all = True
    response: Configured | ConfigureFailed = Configured(())

    @property
    def received_seconds(self) -> float:
        return seconds_of(self.received)

    def __init__(self, source: AudioSource, resume: Checkpoint, received: int) -> None:
        self.source, self.resume, self.received = source, resume, received
        self.final = resume.final
        self.connection = resume.connections
        self.marks: list[str] = []
        self._events: asyncio.Queue[LiveEvent | SpeechError | None] = asyncio.Queue()
        self.last_words = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> LiveEvent:
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, SpeechError):
            raise event
        return event

    def deliver_to(self, take: Callable[[LiveEvent], None]) -> None:
        """Events of a test come by the iteration."""

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(final=self.final, connections=self.connection)

    def send_stored(self, audio: bytes) -> None:
        self.received += len(audio)

    async def finalize(self) -> None:
        self.marks.append("finalize")

    async def force_end_turn(self) -> None:
        self.marks.append("force_end_turn")

    async def configure(self, **changes: Any) -> Configured | ConfigureFailed:
        self.marks.append(f"configure {changes}")
        return self.response

    async def finish(self) -> None:
        if self.last_words:
            self.says(self.last_words, until=seconds_of(self.received))
        self.final = self.received
        self._events.put_nowait(None)

    async def close(self) -> None:
        self._events.put_nowait(None)

    # For the test.

    def opens(self) -> None:
        self.connection += 1
        start = seconds_of(self.resume.final)
        self._events.put_nowait(ConnectionOpened(self.connection, f"r-{self.connection}", start))

    def guesses(self, text: str) -> None:
        self._events.put_nowait(segment(text, 0.0, 1.0, is_final=False))

    def says(self, text: str, until: float, speaker: int | None = 0, **facts: Any) -> None:
        """A final result up to a second of the audio."""
        start = seconds_of(self.final)
        self.final = int(until * BYTES_PER_SECOND)
        self._events.put_nowait(segment(text, start, until, speaker=speaker, **facts))

    def turns(self, text: str, event: str, until: float, **facts: Any) -> None:
        """A turn up to a second of the audio."""
        spoken = segment(text, seconds_of(self.final), until, speaker=None)
        if event == "EndOfTurn":
            self.final = int(until * BYTES_PER_SECOND)
        given: dict[str, Any] = {
            "id": "0",
            "connection": 1,
            "request_id": "r-1",
            "turn_index": 0,
            "event": event,
            "start": spoken.start,
            "end": until,
            "transcript": text,
            "words": spoken.words,
            "end_of_turn_confidence": 0.8,
        }
        self._events.put_nowait(Turn(**given | facts))

    def fails(self, error: SpeechError) -> None:
        self._events.put_nowait(error)


class FakeServer:
    """Opens streams, the newest last."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.sessions: list[LiveSession] = []
        self.loop: asyncio.AbstractEventLoop | None = None

    def open(
        self,
        session: LiveSession,
        server: Server,
        source: AudioSource,
        resume: Checkpoint,
        received: int,
    ) -> Any:
        self.loop = asyncio.get_running_loop()
        self.streams.append(FakeStream(source, resume, received))
        self.sessions.append(session)
        return self.streams[-1]

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]

    def tell(self, act: Callable[[FakeStream], Any]) -> None:
        """Have the stream act from the thread of a test."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(act, self.stream)


def segment(
    text: str, start: float, end: float, *, speaker: int | None = 0, **facts: Any
) -> Segment:
    """A segment whose words share its time; several speakers are given by ``words``."""
    texts = text.split()
    step = (end - start) / max(len(texts), 1)
    words = tuple(
        Word(
            word.lower(), start + index * step, start + (index + 1) * step, 0.9, word,
            speaker=speaker,
        )
        for index, word in enumerate(texts)
    )  # fmt: skip
    given: dict[str, Any] = {
        "id": "1.0.0",
        "connection": 1,
        "request_id": "r-1",
        "channel_index": 0,
        "channels": 1,
        "start": start,
        "end": end,
        "is_final": True,
        "speech_final": True,
        "from_finalize": False,
        "transcript": text,
        "confidence": 0.9,
        "words": words,
    }
    return Segment(**given | facts)
