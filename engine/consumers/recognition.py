"""From a session's questions to the shared queue of models, and back."""

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

# How much silence the model sees behind the speech. Finals have no more than a batch has, and of
# that 8 s at most: more find no more words. 2 s cost the least, for some four points more of word
# error rate.
_FINAL_CONTEXT, _INTERIM_CONTEXT = 8.0, 2.0
_REPETITIVE = 2.4  # OpenAI's threshold (whisper/transcribe.py)
# More awaited questions than this unanswered, and the client is read no further until there are
# fewer.
_MOST_AWAITED = 4


class Questions:
    """The questions of one stream that the models have not answered yet.

    ``answer`` is called in the event loop with the words and how long they took.
    """

    def __init__(
        self,
        choice: Choice,
        answer: Callable[[int, int, Sequence[Word], float], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._choice = choice
        self._answer = answer
        self._fail = fail
        self._asked: dict[tuple[int, int], Future[Hypothesis]] = {}
        self._awaited: set[tuple[int, int]] = set()
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def ask(self, track: int, decode: Decode) -> None:
        """Queue a question of a track's session."""
        key, asked_at = (track, decode.number), time.monotonic()
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
        self._asked[key] = future
        if decode.awaited:
            self._awaited.add(key)
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._settle, key, asked_at, done)
        )

    def drop(self, track: int, number: int) -> None:
        """The answer is no longer wanted."""
        key = track, number
        if future := self._asked.pop(key, None):
            future.cancel()
        self._awaited.discard(key)
        self._changed.set()

    def drop_all(self) -> None:
        for track, number in list(self._asked):
            self.drop(track, number)

    async def wait_for_room(self) -> None:
        """Wait until the stream is not too far ahead of its answers."""
        await self._wait(_MOST_AWAITED)

    async def wait_for_all(self) -> None:
        """Wait until every awaited question is answered, those that follow from answers too."""
        await self._wait(0)

    async def _wait(self, most: int) -> None:
        while len(self._awaited) > most:
            self._changed.clear()
            await self._changed.wait()

    def _settle(self, key: tuple[int, int], asked_at: float, future: Future[Any]) -> None:
        if self._asked.pop(key, None) is None or future.cancelled():
            return
        self._awaited.discard(key)
        self._changed.set()
        if (error := future.exception()) is not None:
            self._fail(error)
            return
        found: Hypothesis = future.result()
        # A guess from half a second of sound may loop: no words are better than those.
        words = () if found.compression_ratio > _REPETITIVE else found.words
        try:
            self._answer(*key, words, time.monotonic() - asked_at)
        except Exception as problem:  # nobody sees the error of a callback: the socket ends with it
            self._fail(problem)
