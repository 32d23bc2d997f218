"""Readiness: what must be there before a recording can be taken and transcribed.

Each check returns a sentence that names the problem, or "" when there is none.
"""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now

from management.models import Connection, Project
from management.servers import speech
from transcripts.media.storage import SPARE_BYTES
from transcripts.models import Insight, Transcription
from transcripts.queue.leases import LeasedQuerySet, State
from transcripts.replays.models import Replay

# A first start takes its time: the engine joins and verifies its weights.
READY_SECONDS = 180.0
# A worker takes a job within seconds, and the sweep wakes it again every five.
WAITING_AFTER = timedelta(seconds=60)
LOCKED_SECONDS = 1.0
PROBE_SECONDS = 2.0
PROBED_FOR_SECONDS = 5.0


def problems(checks: dict[str, Callable[[], str]] | None = None) -> dict[str, str]:
    """Run every check: name to problem, "" where there is none."""
    return {name: problem_of(check) for name, check in (checks or CHECKS).items()}


def problem_of(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        # The driver's message may name hosts and users; the log has it.
        return "the database does not respond"


def database() -> str:
    """Return why nothing can be read or written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return ""
    # A connection of its own: ours would wait for the lock for as long as a request may.
    path = connection.settings_dict["NAME"]
    probe = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=LOCKED_SECONDS)
    try:
        probe.execute("BEGIN IMMEDIATE")
        probe.execute("ROLLBACK")
    except sqlite3.Error as error:
        return f"the database cannot be written ({error})"
    finally:
        probe.close()
    return ""


def migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} migrations have not run; run manage.py migrate" if waiting else ""


def disk() -> str:
    free = shutil.disk_usage(settings.DATA).free
    if free >= SPARE_BYTES:
        return ""
    return f"the disk is full: {free // 2**20} MiB are left, and uploads are rejected"


def project() -> str:
    return "" if Project.objects.exists() else "there is no project yet; run manage.py setup"


class ServerProbe:
    """Asks the engine in the box whether it responds, at most every few seconds.

    Other servers are not asked by whoever looks at this page: their state is that of the last
    request, and that of the mirror every five minutes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._probed: dict[int, tuple[float, str]] = {}

    def __call__(self) -> str:
        kinds = Connection.Kind
        ours = Connection.objects.active().filter(kind=kinds.ENGINE)
        if not settings.ENV.uses_engine:
            ours = Connection.objects.active().exclude(kind=kinds.ENGINE)
        server = ours.order_by("pk").first()
        if server is None:
            return "there is no speech server yet; run manage.py setup"
        if server.kind == kinds.ENGINE:
            return self._probe(server)
        paused = Connection.objects.paused().filter(pk=server.pk).exists()
        return f"the speech server is not available: {server.error}" if paused else ""

    def _probe(self, server: Connection) -> str:
        with self._lock:
            now = time.monotonic()
            probed, problem = self._probed.get(server.pk, (now - PROBED_FOR_SECONDS, ""))
            if now - probed >= PROBED_FOR_SECONDS:
                responds = speech.probe(server, PROBE_SECONDS) is not None
                problem = "" if responds else "the engine does not respond; it may be starting"
                self._probed[server.pk] = (now, problem)
            return problem


def jobs() -> str:
    """Return what waits although nobody works on anything."""
    queues: list[LeasedQuerySet[Any]] = [
        Transcription.objects.all(),
        Insight.objects.all(),
        Replay.objects.all(),
    ]
    if any(queue.filter(state=State.RUNNING, lease_until__gt=Now()).exists() for queue in queues):
        return ""
    waiting = sum(queue.overlooked(WAITING_AFTER).count() for queue in queues)
    if waiting:
        return f"{waiting} jobs are waiting and no worker is running"
    abandoned = sum(
        queue.abandoned().exclude(lease_until__gt=Now() - WAITING_AFTER).count() for queue in queues
    )
    return f"{abandoned} jobs of a stopped worker are not resumed" if abandoned else ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "disk": disk,
    "project": project,
    "speech": ServerProbe(),
    "jobs": jobs,
}
# What a command needs that reads and queues; the rest is the worker's.
LIBRARY = {name: CHECKS[name] for name in ("database", "migrations", "project")}
TABLES = {name: CHECKS[name] for name in ("database", "migrations")}


def wait_until_ready(
    say: Callable[[str], None],
    seconds: float,
    checks: dict[str, Callable[[], str]] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Wait for at most ``seconds``, and tell ``say`` each time what for.

    Returns the problem that is left, "" when everything is ready.
    """
    deadline = time.monotonic() + seconds
    reported = ""
    while True:
        problem = next((each for each in problems(checks).values() if each), "")
        if not problem or time.monotonic() >= deadline:
            return problem
        if problem != reported:
            say(f"Waiting until Earshot is ready: {problem}.")
            reported = problem
        sleep(0.5)
