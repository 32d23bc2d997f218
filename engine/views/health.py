"""Health of the engine and its models."""

from django.db import connection
from django.http import JsonResponse

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.runtime.loop_lag import PULSE
from engine.wire.schemas import NUMBER, TEXT, record


@operation(None, tag="Engine", answer=record(status=TEXT, loop_lag_ms=NUMBER))
def show_health(request: ApiRequest) -> JsonResponse:
    """Ask whether the engine is up

    200 when it and its database answer. `loop_lag_ms` is the longest that the event loop, and
    with it every call and stream, stood still within the last minute.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok", "loop_lag_ms": PULSE.worst_ms})
