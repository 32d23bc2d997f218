"""Turns of one stream: its session, and the models that the session asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from engine.consumers.audio import Pace, steps
from engine.consumers.recognition import Decodings
from engine.consumers.sockets import Socket
from engine.inference.catalog import Choice
from engine.inference.models import end_of_turn
from engine.sessions.turns import NoTurn, Score, Step, Turn, TurnOptions, TurnSession
from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.track import Decode, Drop, Mark
from engine.speech.recognition.transcript import Word
from engine.text.search import hotwords

_MOST_SCORES = 8  # unfinished; with more the client is not read

Told = Turn | Mark | NoTurn


class Turns:
    """Follows the turns of 16 kHz samples; ``tell`` is called with each event, in order.

    ``fail`` is called when a model fails; without it the socket ends.
    """

    def __init__(
        self,
        socket: Socket,
        choice: Choice,
        options: TurnOptions,
        keyterms: Sequence[str],
        tell: Callable[[Told], None],
        fail: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._socket = socket
        self._tell = tell
        self._fail = fail or self._end_socket
        self._decodings = Decodings(choice, self._receive, self._fail)
        self._scoring: set[asyncio.Task[None]] = set()
        self._pace = Pace()
        self.session = TurnSession(options, terms_of(keyterms))
        self.received_seconds = 0.0

    async def push(self, samples: Samples, heard: Callable[[], None] = lambda: None) -> None:
        """Take samples (1, samples); ``heard`` is called after each step of some of them."""
        for piece in steps(samples):
            mono = piece[0]  # one channel was requested
            self.received_seconds += len(mono) / RATE
            self.follow(self.session.push(mono))
            heard()
            await asyncio.sleep(0)
            await self._decodings.wait_for_room()
            while len(self._scoring) > _MOST_SCORES:
                await asyncio.wait(self._scoring, return_when=asyncio.FIRST_COMPLETED)
        if wait := self._pace.wait_seconds(self.received_seconds):
            await asyncio.sleep(wait)

    def follow(self, found: Sequence[Step]) -> None:
        for step in found:
            match step:
                case Decode():
                    self._decodings.submit(0, step)
                case Drop(number):
                    self._decodings.drop(0, number)
                case Score():
                    scoring = self._socket.spawn(self._score(step))
                    self._scoring.add(scoring)
                    scoring.add_done_callback(self._scoring.discard)
                case _:
                    self._tell(step)

    @property
    def waiting_seconds(self) -> float:
        """Return for how long the oldest awaited words have not come."""
        return self._decodings.waiting_seconds

    def set_keyterms(self, keyterms: Sequence[str]) -> None:
        self.session.set_keyterms(terms_of(keyterms))

    async def settle(self) -> None:
        """Tell what is left. An open turn stays open (docs/contract.md, 10.5)."""
        self.follow(self.session.finish())
        while not self.session.is_settled:
            await asyncio.gather(*self._scoring)
            await self._decodings.wait_for_all()

    def drop_all(self) -> None:
        self._decodings.drop_all()

    async def _score(self, request: Score) -> None:
        try:
            probability = await asyncio.to_thread(end_of_turn().score, request.samples)
        except Exception as error:
            self._fail(error)
            return
        self.follow(self.session.scored(request.number, probability))

    def _receive(self, track: int, number: int, words: Sequence[Word], seconds: float) -> None:
        self.follow(self.session.decoded(number, words, seconds))

    def _end_socket(self, error: BaseException) -> None:
        self._socket.spawn(reraise(error))


async def reraise(error: BaseException) -> None:
    """Fail inside a task of the socket, which ends it."""
    raise error


def terms_of(keyterms: Sequence[str]) -> tuple[str, ...]:
    terms = hotwords(keyterms)
    return (terms,) if terms else ()
