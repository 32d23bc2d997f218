"""Sockets of pages: same origin, and the user of the session cookie."""

import gc
import logging
import uuid
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.db.models import Exists
from django.db.models.functions import Now
from django.http.request import validate_host
from django.urls import get_resolver, re_path

from transcripts.consumers.routes import drain, routes
from webapp.http.bodies import (
    REQUEST_ID,
    Receive,
    Scope,
    Send,
    error_content,
    session_key_of,
    user_of,
)

logger = logging.getLogger(__name__)


async def reject(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    """Reject a handshake with an HTTP response that carries a request id."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4000 + status})
        return
    headers, content = error_content(scope, status, message)
    start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": content})


async def no_socket(scope: Scope, receive: Receive, send: Send) -> None:
    await reject(scope, receive, send, 404, "There is no WebSocket at this address.")


# Django's types know views alone.
unknown: Any = no_socket
router = URLRouter([*routes, re_path(r"", unknown)])


async def sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """Route a WebSocket of one of our pages; reject one that another site opens.

    ``scope["user"]`` is the signed-in user or None, ``scope["still_signed_in"]`` a function for a
    thread that returns whether the session is still valid, and ``scope["signed_in"]`` that
    condition for a query.
    """
    scope = {**scope, REQUEST_ID: str(uuid.uuid4())}
    if not is_same_origin(scope):
        await reject(scope, receive, send, 403, "This WebSocket is for pages of this site.")
        return
    try:
        user = await database_sync_to_async(user_of, thread_sensitive=False)(scope)
    except DatabaseError:
        logger.exception("request_id=%s the session could not be read", scope[REQUEST_ID])
        await reject(scope, receive, send, 503, "The database does not respond.")
        return
    scope |= {
        "user": user,
        "still_signed_in": lambda: user_of(scope) == user,
        "signed_in": None if user is None else signed_in(user, session_key_of(scope)),
    }
    await router(scope, receive, send)


def signed_in(user: Any, key: str) -> Exists:
    """Return the condition that a session is valid: it lasts, and so do user and password."""
    session = Session.objects.filter(pk=key, expire_date__gt=Now())
    lasting = type(user).objects.filter(pk=user.pk, is_active=True, password=user.password)
    return Exists(lasting.filter(Exists(session)))


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Store every live session when the server stops, so that it is resumed after the restart.

    uvicorn has closed the sockets by then.
    """
    while (await receive())["type"] == "lifespan.startup":
        freeze_heap()
        await send({"type": "lifespan.startup.complete"})
    await drain()
    await send({"type": "lifespan.shutdown.complete"})


def freeze_heap() -> None:
    """Load the views, and exempt all that is loaded from garbage collection.

    A full collection visits every object: those of the modules alone stop the audio of every
    session for a tenth of a second.
    """
    get_resolver().url_patterns  # noqa: B018 imports them
    gc.collect()
    gc.freeze()


def is_same_origin(scope: Scope) -> bool:
    """Return whether the page that opens the socket is ours.

    A browser sends the cookie with sockets of every site: only the Origin tells them apart.
    """
    origin = urlsplit(header(scope, b"origin"))
    host = header(scope, b"host")
    if origin.scheme not in ("http", "https") or not origin.netloc:
        return False
    if f"{origin.scheme}://{origin.netloc}" in settings.CSRF_TRUSTED_ORIGINS:
        return True
    allowed = ["*"] if settings.DEBUG else settings.ALLOWED_HOSTS
    name = urlsplit(f"//{host}").hostname or ""
    bare = f"[{name}]" if ":" in name else name
    return origin.netloc.lower() == host.lower() and validate_host(bare, allowed)


def header(scope: Scope, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
