"""Addresses of the sockets."""

from django.urls import path

from transcripts.consumers.listen import ListenConsumer
from transcripts.consumers.watch import WatchConsumer

routes = [
    path("live/<uuid:pk>/listen", ListenConsumer.as_asgi()),
    path("captions/<str:link>/watch", WatchConsumer.as_asgi()),
]
