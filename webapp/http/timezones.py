"""The reader's time zone and the language of their dates."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from management import dates
from management.models import User


class LocalTime:
    """Write dates, and read entered ones, in the zone of the account, else of the browser.

    Pages that are open to everyone read no account: they work without the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(zone_of(request.COOKIES.get("timezone", ""))), dates.english():
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if not getattr(view, "login_required", True) or not isinstance(request.user, User):
            return
        dates.use(request.user.dates_language)
        if zone := zone_of(request.user.time_zone):
            timezone.activate(zone)


def zone_of(name: str) -> ZoneInfo | None:
    """Return the zone of a cookie's value or an account; None when there is no such zone.

    Pages write the cookie percent-encoded, as a slash is no character of a cookie's value
    everywhere; Django reads cookies as they are.
    """
    try:
        return ZoneInfo(unquote(name))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None
