"""The web server's entry: HTTP to Django, sockets to Channels consumers of the same origin."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

from webapp.bodies import limit_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

http = limit_bodies(get_asgi_application())

application = ProtocolTypeRouter(
    {
        "http": http,
        # Channels checks no Origin by itself: without this any page could open our sockets.
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([]))),
    }
)
