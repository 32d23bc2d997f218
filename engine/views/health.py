"""Health of the engine and its models."""

from django.db import connection

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.runtime.loop_lag import PULSE
from engine.wire import account as shapes


@operation(None, tag="Engine")
def show_health(request: ApiRequest) -> shapes.Health:
    """Ask whether the engine is up

    200 when it and its database respond. `loop_lag_ms` is the longest time within the last minute
    for which the event loop, and with it every request and stream, was blocked.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return shapes.Health(status="ok", loop_lag_ms=PULSE.worst_ms)
