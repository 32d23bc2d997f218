"""The reader's time zone, as their browser tells it."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def local_time(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say dates, and read the dates people type, in the zone of the ``timezone`` cookie."""

    def respond(request: HttpRequest) -> HttpResponse:
        try:
            zone = ZoneInfo(request.COOKIES["timezone"])
        except (KeyError, ValueError, ZoneInfoNotFoundError, OSError):
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return respond
