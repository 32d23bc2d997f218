"""Databases and brokers that the matrix is tried on: real servers, started for it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.services import postgresql, rabbitmq, redis

EMBEDDED = "sqlite+filesystem"
PROFILES = (
    EMBEDDED,
    "sqlite+redis",
    "sqlite+rabbitmq",
    "postgresql+filesystem",
    "postgresql+redis",
    "postgresql+rabbitmq",
)
USUAL = (EMBEDDED, "postgresql+redis", "postgresql+rabbitmq")
BROKERS = {"redis": redis, "rabbitmq": rabbitmq}


@contextmanager
def running(profile: str) -> Iterator[dict[str, str]]:
    """The environment of a profile, whose servers run for as long as this block."""
    database, broker = profile.split("+")
    with ExitStack() as servers:
        environ = {"CELERY_BROKER_URL": "filesystem://"}
        if database == "postgresql":
            environ["DATABASE_URL"] = servers.enter_context(postgresql())
        if broker in BROKERS:
            environ["CELERY_BROKER_URL"] = servers.enter_context(BROKERS[broker]())
        yield environ
