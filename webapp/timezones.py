"""The reader's time zone, as their browser tells it."""

from collections.abc import Callable
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def local_time(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say dates, and read the dates people type, in the zone of the ``timezone`` cookie."""

    def respond(request: HttpRequest) -> HttpResponse:
        zone = zone_of(request.COOKIES.get("timezone", ""))
        if zone is None:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return respond


def zone_of(cookie: str) -> ZoneInfo | None:
    """The zone of a cookie's value; None when there is no such zone.

    Pages write it percent-encoded, as a slash is no character of a cookie's value everywhere;
    Django reads cookies as they are.
    """
    try:
        return ZoneInfo(unquote(cookie))
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return None
