"""Whether the engine is up, with what it needs."""

from django.db import connection
from django.http import HttpRequest, JsonResponse

from engine.operations import operation


@operation(None, tag="Engine")
def show_health(request: HttpRequest) -> JsonResponse:
    """Ask whether the engine is up

    200 when it and its database answer.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
