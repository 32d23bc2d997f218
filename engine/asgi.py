"""The engine as an ASGI application: the gate, with Django and the sockets behind it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "engine.settings")

from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.core.asgi import get_asgi_application

django.setup()

# The models that these import need a configured Django.
from engine.accounts.credentials import CREDENTIALS  # noqa: E402
from engine.gateway.gate import Gate  # noqa: E402
from engine.lifespan import Service  # noqa: E402

django_application = get_asgi_application()
# Django's own small steps, such as the signals of a request. By default it starts a thread for
# each request, and the event loop waits for every start.
_steps = ThreadPoolExecutor(1, "django")


async def rest(scope: Any, receive: Any, send: Any) -> None:
    async with ThreadSensitiveContext(executor=_steps):
        await django_application(scope, receive, send)


service = Service(settings.ENVIRONMENT, CREDENTIALS)
gate = Gate(rest, CREDENTIALS, settings.ENVIRONMENT)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await service.live(receive, send)
    else:
        await gate(scope, receive, send)
