"""Decodings of a stream, from its session to the shared queue of models and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from engine.inference.catalog import Choice
from engine.inference.models import recognizer
from engine.speech.audio.decode import RATE
from engine.speech.recognition.queue import Priority
from engine.speech.recognition.track import Decode
from engine.speech.recognition.transcript import Word
from engine.speech.recognition.whisper import Hypothesis, sufficient_context

# Silence that the model sees after the speech. Finals have no more than a batch has, and of that
# 8 s at most: more find no more words. 2 s cost the least, for about four points more of word
# error rate.
_FINAL_CONTEXT, _INTERIM_CONTEXT = 8.0, 2.0
_REPETITIVE = 2.4  # OpenAI's threshold (whisper/transcribe.py)
# While more awaited decodings than this are unfinished, the client is not read.
_MOST_AWAITED = 4


class Decodings:
    """Decodings of one stream that the models have not finished.

    ``receive`` is called in the event loop with the track, the number, the words and the seconds
    that they took.
    """

    def __init__(
        self,
        choice: Choice,
        receive: Callable[[int, int, Sequence[Word], float], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._choice = choice
        self._receive = receive
        self._fail = fail
        self._pending: dict[tuple[int, int], Future[Hypothesis]] = {}
        self._awaited: dict[tuple[int, int], float] = {}  # and when they were queued
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def submit(self, track: int, decode: Decode) -> None:
        """Queue a decoding of a track's session."""
        key, queued_at = (track, decode.number), time.monotonic()
        seconds = len(decode.samples) / RATE
        future = recognizer().submit(
            decode.samples,
            priority=Priority.FINAL if decode.awaited else Priority.INTERIM,
            model=self._choice.local,
            language=self._choice.language or "en",
            keyterms=decode.keyterms,
            context_seconds=(
                min(seconds + _FINAL_CONTEXT, sufficient_context(seconds))
                if decode.final
                else seconds + _INTERIM_CONTEXT
            ),
            is_guess=not decode.final,
        )
        self._pending[key] = future
        if decode.awaited:
            self._awaited[key] = queued_at
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._settle, key, queued_at, done)
        )

    def drop(self, track: int, number: int) -> None:
        """Cancel a decoding whose words are no longer needed."""
        key = track, number
        if future := self._pending.pop(key, None):
            future.cancel()
        self._awaited.pop(key, None)
        self._changed.set()

    def drop_all(self) -> None:
        for track, number in list(self._pending):
            self.drop(track, number)

    @property
    def waiting_seconds(self) -> float:
        """Return for how long the oldest awaited decoding has been unfinished; 0 without one."""
        return time.monotonic() - min(self._awaited.values(), default=time.monotonic())

    async def wait_for_room(self) -> None:
        """Wait until the stream is not too far ahead of its words."""
        await self._wait(_MOST_AWAITED)

    async def wait_for_all(self) -> None:
        """Wait for every awaited decoding, also for those that follow from its words."""
        await self._wait(0)

    async def _wait(self, most: int) -> None:
        while len(self._awaited) > most:
            self._changed.clear()
            await self._changed.wait()

    def _settle(self, key: tuple[int, int], queued_at: float, future: Future[Any]) -> None:
        if self._pending.pop(key, None) is None or future.cancelled():
            return
        self._awaited.pop(key, None)
        self._changed.set()
        if (error := future.exception()) is not None:
            self._fail(error)
            return
        hypothesis: Hypothesis = future.result()
        # A guess from half a second of sound may loop: no words are better than those.
        words = () if hypothesis.compression_ratio > _REPETITIVE else hypothesis.words
        try:
            self._receive(*key, words, time.monotonic() - queued_at)
        except Exception as problem:  # the event loop only logs errors of callbacks
            self._fail(problem)
