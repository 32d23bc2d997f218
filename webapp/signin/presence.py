"""The time at which each person was last seen, written every few minutes."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from management.models import User

EVERY_SECONDS = 300.0
MOST_KEPT = 10_000


class Presence:
    """Sessions and when each was last written. Safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_due(self, session: str) -> bool:
        """Return whether to write now; True once in ``EVERY_SECONDS`` for a session."""
        now = self._clock()
        with self._lock:
            if now - self._written.get(session, float("-inf")) < EVERY_SECONDS:
                return False
            self._written[session] = now
            self._written.move_to_end(session)
            if len(self._written) > MOST_KEPT:
                self._written.popitem(last=False)
        return True


presence = Presence()


def seen(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Note after a page that its person was seen. Pages that read no account write nothing."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.session.accessed or response.status_code >= 500:
            return response
        session = request.session.session_key
        if session and isinstance(request.user, User) and presence.is_due(session):
            request.user.note_seen(session)
        return response

    return respond
