"""A database that is locked for half a minute, has no connection left, or is restarted."""

import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx
import psycopg

from tests.faults.kills import Speech, outcomes, upload_under
from tests.product import Product
from tests.services import Cluster, cluster

UPLOADS = 60
# More than twice as many as there are connections, so that some have to wait for one.
CLIENTS, CONNECTIONS = 8, 3
LOCKED_SECONDS = 30
AWAY_SECONDS = 5


def tried(environ: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Facts with their outcomes and seconds."""
    if "DATABASE_URL" not in environ:
        yield from under(
            environ, "a locked database", lambda product: [partial(lock_file, product)]
        )
        return
    with cluster() as server:
        environ = environ | {
            "DATABASE_URL": server.url,
            "EARSHOT_DATABASE_CONNECTIONS": str(CONNECTIONS),
        }
        acts: list[Callable[[], None]] = [
            partial(lock_table, server),
            *(partial(restart, server, how) for how in (signal.SIGINT, signal.SIGQUIT) * 2),
        ]
        faults = "a locked table, an exhausted pool and four restarts"
        yield from under(environ, faults, lambda _: acts)


def under(
    environ: dict[str, str], faults: str, acts: Callable[[Product], Sequence[Callable[[], None]]]
) -> Iterator[tuple[str, str, float]]:
    started = time.monotonic()
    errors: list[httpx.Response] = []

    def watch(response: httpx.Response) -> None:
        if response.status_code >= 500:
            errors.append(response)

    with tempfile.TemporaryDirectory(prefix="earshot-database-") as name, Speech() as speech:
        product = Product(Path(name), **environ, **speech.environ)
        product.start()
        try:
            acknowledged = upload_under(product, UPLOADS, acts(product), CLIENTS, watch)
            yield from outcomes(product, acknowledged, UPLOADS, faults, started)
            processes = set(product.processes())
        finally:
            product.stop()
    odd = [
        response
        for response in errors
        if response.status_code != 503 or "Retry-After" not in response.headers
    ]
    told = f"ok ({len(errors)} of 503 with Retry-After)"
    wrong = [f"{each.request.method} {each.url.path}: {each.status_code}" for each in odd[:3]]
    seconds = time.monotonic() - started
    yield "a request waits or is a 503", told if not odd else f"FAILED: {wrong}", seconds
    alive = {"web", "worker", "beat"} <= processes
    yield "every process runs afterwards", "ok" if alive else f"FAILED: {processes}", seconds


def lock_file(product: Product) -> None:
    """Write to SQLite's file and do not commit for half a minute."""
    other = sqlite3.connect(product.data / "earshot.sqlite3", timeout=60, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(LOCKED_SECONDS)
    other.close()


def lock_table(server: Cluster) -> None:
    """Lock uploads for half a minute: each connection of the pool that meets it is taken."""
    admin = server.admin_url.replace("/postgres", "/earshot")
    with psycopg.connect(admin) as connection:
        connection.execute("LOCK TABLE transcripts_upload IN ACCESS EXCLUSIVE MODE")
        time.sleep(LOCKED_SECONDS)


def restart(server: Cluster, how: signal.Signals) -> None:
    server.stop(how)
    time.sleep(AWAY_SECONDS)
    server.__enter__()
