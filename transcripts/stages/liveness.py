"""Servers that work on a request in silence: are they still there?

A response takes as long as the work does, and the connection is silent meanwhile. When the way to
the server breaks without a word (a proxy that drops everything, a machine that vanished behind
one), only a second request can tell. So while requests wait, their server is asked for a list
now and then; when nothing comes back for ``SILENCE_SECONDS``, the requests are given up.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from django.db import connection as database

from management.models import Connection
from management.servers import speech

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 15.0
ASK_EVERY_SECONDS = 5.0
# A server too slow to respond at all in that time would never complete anything: each attempt of
# a job waits twice as long as the one before.
LONGEST_PATIENCE = 16


class Waiting(Protocol):
    """A job whose request has been sent."""

    @property
    def server(self) -> Connection: ...

    @property
    def attempt(self) -> int: ...

    def give_up_on_server(self) -> None: ...


@dataclass
class Watched:
    """One server; moments are seconds of the monotonic clock."""

    heard: float
    asked: float
    asking: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class ServerWatch:
    """Gives up the requests of a server that no longer responds to anything.

    ``probe`` returns an HTTP status or None; ``clock`` and ``start`` are replaced in tests.
    """

    def __init__(
        self,
        probe: Callable[[Connection], int | None] = speech.probe,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._start = start or in_a_thread
        self._servers: dict[int, Watched] = {}

    def look_after(self, jobs: Iterable[Waiting]) -> None:
        """Ask the servers of ``jobs`` when it is time to; called about once a second."""
        waiting: dict[int, list[Waiting]] = {}
        for job in jobs:
            waiting.setdefault(job.server.pk, []).append(job)
        now = self._clock()
        self._servers = {
            pk: self._servers.get(pk) or Watched(heard=now, asked=now) for pk in waiting
        }
        for pk, watched in self._servers.items():
            self._ask(waiting[pk][0].server, watched)
            silent = now - watched.heard
            for job in waiting[pk]:
                patience = SILENCE_SECONDS * min(2 ** max(job.attempt - 1, 0), LONGEST_PATIENCE)
                if silent >= patience:
                    logger.warning("%s has been silent for %.0f s", job.server, silent)
                    job.give_up_on_server()

    def _ask(self, server: Connection, watched: Watched) -> None:
        now = self._clock()
        with watched.lock:
            if watched.asking or now - watched.asked < ASK_EVERY_SECONDS:
                return
            watched.asking, watched.asked = True, now

        def ask() -> None:
            try:
                status = self._probe(server)
            finally:
                watched.asking = False
            if status is not None:
                watched.heard = self._clock()

        self._start(ask)


def in_a_thread(act: Callable[[], None]) -> None:
    def run() -> None:
        try:
            act()
        finally:
            database.close()

    threading.Thread(target=run, name="probe", daemon=True).start()
