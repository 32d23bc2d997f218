"""Log lines: the request's id, no traceback for what a caller sent, no flood of warnings."""

import logging
import threading
import time
from collections.abc import Callable

from management.tokentext import IN_TEXT, without_tokens
from webapp.http.failures import failure_of

BURST = 10
WINDOW_SECONDS = 60.0
MAX_KEYS = 1_000


class RequestFilter(logging.Filter):
    """Name the request by its id; a rejected request takes one line.

    Django logs a host, an address or a form that it rejects with a traceback, as an error.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if request_id := getattr(getattr(record, "request", None), "request_id", ""):
            record.msg, record.args = f"request_id={request_id} {record.getMessage()}", ()
        is_callers = record.name == "django.request" and record.levelno < logging.ERROR
        if is_callers or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            record.msg, record.args = record.getMessage().replace("\n", " "), ()
        if IN_TEXT.search(text := record.getMessage()):
            # The address of an invitation is its secret.
            record.msg, record.args = without_tokens(text), ()
        return True


class Flood(logging.Filter):
    """Lets through a few warnings of one kind a minute, then says how many were left out.

    A kind is the place in the code: with a full disk each request, each lease and each line of a
    log fails, all in the same few places. Tracebacks of such failures say nothing and are left
    out altogether.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self.lock = threading.Lock()
        self.kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        if record.exc_info and failure_of(record.exc_info[1]):
            record.msg = f"{record.getMessage()} ({record.exc_info[1]})"
            record.args, record.exc_info, record.exc_text = (), None, None
        kind = (record.name, record.lineno, record.pathname)
        with self.lock:
            now = self.clock()
            since, count = self.kinds.get(kind, (now, 0))
            if now - since >= WINDOW_SECONDS:
                if count > BURST:
                    record.msg = f"{record.getMessage()} (and {count - BURST} more like it)"
                    record.args = ()
                since, count = now, 0
            if len(self.kinds) >= MAX_KEYS:
                self.kinds.clear()
            self.kinds[kind] = (since, count + 1)
        return count < BURST
