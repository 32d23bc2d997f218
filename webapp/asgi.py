"""The web server's entry: HTTP to Django, sockets to Channels consumers of the same origin."""

import os

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

from webapp.http import assets
from webapp.http.bodies import limit_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
if not settings.DEBUG:
    assets.prepare(settings.STATIC_ROOT)


http = limit_bodies(get_asgi_application())

# Consumers use models, which are loaded now.
from webapp.http.sockets import lifespan, sockets  # noqa: E402

application = ProtocolTypeRouter({"http": http, "lifespan": lifespan, "websocket": sockets})
