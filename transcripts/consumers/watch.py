"""The captions of a session for those who have its link."""

import time
from typing import ClassVar
from urllib.parse import parse_qs

from django.conf import settings
from django.http.cookie import parse_cookie

from transcripts.consumers.following import follow
from transcripts.consumers.sockets import ACCESS_SECONDS, Code, PageSocket
from transcripts.live.models import TICKET, LiveSession
from transcripts.live.watching import watches

# Of interim words a viewer sees five versions a second; 200 viewers must not slow a session.
REST_SECONDS = 0.2
Check = tuple[str, str, str]


class WatchConsumer(PageSocket):
    """Send the captions of a session from the start, then each as it comes.

    Down: ``Start``, ``Caption``, ``Interim``, ``Progress``, ``Beat``, ``Ended``. The query has
    ``epoch`` and ``after`` of what the page has seen.
    """

    # One check of the database serves all pages with the same rights.
    _checks: ClassVar[dict[Check, tuple[float, Code | None]]] = {}

    async def open(self) -> Code | None:
        self.link: str = self.scope["url_route"]["kwargs"]["link"]
        cookies = b"; ".join(value for name, value in self.scope["headers"] if name == b"cookie")
        self.cookies = parse_cookie(cookies.decode("latin-1"))
        code: Code | None = await self.in_thread(self._check)
        if code is not None:
            return code
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        epoch, after = query.get("epoch", [""])[0], query.get("after", [""])[0]
        self.spawn(self._follow(epoch, after))
        return None

    def may_stay(self) -> Code | None:
        key = (
            self.link,
            self.cookies.get(settings.SESSION_COOKIE_NAME, ""),
            self.cookies.get(TICKET, ""),
        )
        checked, code = self._checks.get(key, (0.0, None))
        if time.monotonic() - checked > ACCESS_SECONDS / 2:
            code = self._check()
            if len(self._checks) > 1_000:
                self._checks.clear()
            self._checks[key] = (time.monotonic(), code)
        return code

    def _check(self) -> Code | None:
        user = self.scope["user"]
        if user is not None and not self.scope["still_signed_in"]():
            user = None
        watchable = LiveSession.objects.watchable_by(user).filter(link=self.link)
        session = watchable.first()
        if session is None:
            return Code.NOT_FOUND
        self.pk = session.pk
        is_admitted = session.admits_user(user) or session.takes(self.cookies.get(TICKET, ""))
        return None if is_admitted else Code.NOT_FOUND

    async def _follow(self, epoch: str, after: str) -> None:
        """Follow the session from process to process until it ends."""
        while not self._is_closed:
            async with watches.feed(self.pk) as feed:
                await follow(self, feed, self.pk, epoch, after, REST_SECONDS)
            epoch = after = ""
