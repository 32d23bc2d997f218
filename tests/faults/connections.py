"""Open connections to the database after a thousand requests and a thousand tasks."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.fulldisk import stored
from tests.faults.kills import Speech, connections_to_file, connections_to_server
from tests.product import Member, Product, until

REQUESTS, TASKS, AT_ONCE = 1_000, 1_000, 8
POOL = 4
PATHS = ("/", "/upload/", "/search/", "/uploads/", "/recordings/1/", "/nothing/", "/readyz")
# A job that is not there: the worker looks for it in the database, and that is all.
SEND = (
    "from transcripts.tasks import transcribe; "
    f"print([transcribe.delay(10**9) and None for _ in range({TASKS})].__len__())"
)


def tried(environ: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Facts with their outcomes and seconds."""
    started = time.monotonic()
    environ = environ | {"EARSHOT_DATABASE_CONNECTIONS": str(POOL)}
    with tempfile.TemporaryDirectory(prefix="earshot-connections-") as name, Speech() as speech:
        product = Product(Path(name), **environ, **speech.environ)
        product.start()
        try:
            member = product.member()
            member.transcript(stored(member, "00001.wav"))
            odd = requests(member)
            sent = send_tasks(product)
            # Messages are taken in order: when this is done, so are those before it.
            member.transcript(stored(member, "00002.wav"), 600)
            yield "requests without a 5xx", verdict(not odd, f"{REQUESTS - len(odd)}"), 0.0
            yield "tasks sent and taken", verdict(sent == TASKS, f"{sent}"), 0.0
            most, found = counted(product, environ)
            fact = f"connections open after {REQUESTS} requests and {TASKS} tasks"
            outcome = verdict(max(found.values()) <= most, f"{found}, at most {most}")
            yield fact, outcome, time.monotonic() - started
        finally:
            product.stop()


def verdict(holds: bool, facts: str) -> str:
    return f"{'ok' if holds else 'FAILED:'} ({facts})"


def requests(member: Member) -> list[int]:
    """The statuses of a thousand requests that are a 5xx."""
    addresses = [PATHS[number % len(PATHS)] for number in range(REQUESTS)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = threads.map(lambda path: member.http.get(path).status_code, addresses)
    return [status for status in statuses if status >= 500]


def send_tasks(product: Product) -> int:
    done: subprocess.CompletedProcess[str] = product.manage("shell", "-v0", "-c", SEND)
    assert done.returncode == 0, done.stderr[-500:]
    return int(done.stdout.split()[-1])


def counted(product: Product, environ: dict[str, str]) -> tuple[int, dict[str, int]]:
    """The most that may be open, and what is, once it is that or a minute is over."""
    url = environ.get("DATABASE_URL")
    # On PostgreSQL web, worker and scheduler have a pool each. On SQLite each connection ends
    # with what opened it; the worker's own threads, which never end, keep theirs.
    most = 3 * POOL if url else 2 * POOL

    def count() -> dict[str, int]:
        return connections_to_server(url) if url else connections_to_file(product)

    def few() -> dict[str, int] | None:
        found = count()
        return found if max(found.values()) <= most else None

    try:
        return most, until(few, 60, "few connections are open")
    except AssertionError:
        return most, count()
