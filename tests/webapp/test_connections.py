"""Database connections: as many as are at work, however many requests and tasks there were."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import uvicorn
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.db import connection

from tests.services import free_port
from webapp.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS, TASKS, AT_ONCE = 120, 120, 8


def open_connections() -> int:
    """Connections to the test database of this process, this thread's own not counted."""
    connection.close()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0]
    database = os.path.realpath(connection.settings_dict["NAME"])
    targets = [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]
    return targets.count(database)


def only_the_pool_is_open() -> bool:
    # SQLite has no pool: every connection ends with the request or the task that opened it.
    pool = settings.ENV.database_connections if connection.vendor == "postgresql" else 0
    return open_connections() <= pool


def until(fact) -> None:
    """Wait for what happens after a response was sent."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline, "it did not come true"
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


def test_requests_leave_no_connection_open(site):
    with httpx.Client(base_url=site, timeout=60) as client:
        # A session that does not exist: each request looks for it in the database.
        client.cookies.set("sessionid", "x" * 32)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            statuses = set(threads.map(lambda _: client.get("/").status_code, range(REQUESTS)))
    assert statuses == {302}
    until(only_the_pool_is_open)


def test_tasks_leave_no_connection_open(monkeypatch):
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
    until(only_the_pool_is_open)
