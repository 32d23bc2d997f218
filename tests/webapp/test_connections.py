"""Database connections: as many as are at work, however many requests and tasks there were."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import uvicorn
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client

from management.models import User
from tests.services import free_port
from webapp.asgi import application

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

REQUESTS, TASKS, AT_ONCE = 120, 120, 8


@pytest.fixture
def opened() -> Iterator[list[BaseDatabaseWrapper]]:
    """The connections that other threads open during the test, those closed since included."""
    wrappers: list[BaseDatabaseWrapper] = []

    def keep(connection: BaseDatabaseWrapper, **_) -> None:
        if threading.current_thread() is not threading.main_thread():
            wrappers.append(connection)

    connection_created.connect(keep)
    yield wrappers
    connection_created.disconnect(keep)


def is_in_use(wrapper: BaseDatabaseWrapper) -> bool:
    """Return whether a connection is open; one that went back to the pool is not."""
    return wrapper.connection is not None


def wait_until_closed(wrappers: list[BaseDatabaseWrapper]) -> None:
    """Wait for what happens after a response was sent."""
    assert wrappers, "nothing asked the database"
    deadline = time.monotonic() + 60
    while in_use := [wrapper for wrapper in wrappers if is_in_use(wrapper)]:
        assert time.monotonic() < deadline, f"{len(in_use)} of {len(wrappers)} are still open"
        time.sleep(0.05)


@pytest.fixture
def site() -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(application, port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/", 200, id="page"),
        pytest.param("/no-such-page/", 404, id="error page"),
    ],
)
def test_requests_leave_no_connection_open(site, opened, path: str, status: int):
    person = User.objects.create_user("ada@example.test", password="a good pass phrase")
    signed_in = Client()
    signed_in.force_login(person)
    with httpx.Client(base_url=site, timeout=60) as client:
        client.cookies.set("sessionid", signed_in.cookies["sessionid"].value)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            statuses = set(threads.map(lambda _: client.get(path).status_code, range(REQUESTS)))
    assert statuses == {status}
    wait_until_closed(opened)


def test_tasks_leave_no_connection_open(monkeypatch, opened):
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # to Celery it counts for every app
    app = Celery("connections", broker="memory://", set_as_current=False)
    app.conf.worker_concurrency = AT_ONCE
    done = threading.Semaphore(0)

    @app.task
    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        done.release()

    with start_worker(app, pool="threads", concurrency=AT_ONCE, perform_ping_check=False):
        for _ in range(TASKS):
            ask.delay()
        for _ in range(TASKS):
            assert done.acquire(timeout=60)
    wait_until_closed(opened)
