"""The library page with 100,000 recordings, beside the same page with 1,000.

The person is in 5 of 20 projects; in the small library they have everything. Each figure is
the 95th percentile of a page rendered whole, from the request to the last byte of HTML, and how
many times that of the small library it is. The two are asked in turn, so that what else the
machine does falls on both.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.bench.results import Result, at_most
from tests.services import postgresql

if TYPE_CHECKING:
    from management.models import User

LARGE, SMALL, PROJECTS, PERMITTED = 100_000, 1_000, 20, 5
REQUESTS, WARM_UPS = 100, 5
WORDS = "harbour meeting interview council radio budget review standup lecture call".split()
RARE, RARE_ROWS = "lighthouse", 50
STATES = ("done", "failed", "cancelled")
# How many times the small library's page. A part of a title is looked for in every title.
TARGETS = {
    "first page": 1.5,
    "one project": 1.5,
    "failed ones": 1.5,
    "a month": 1.5,
    "a deep page": 1.5,
    "a rare title": 5.0,
}


def run() -> Iterator[Result]:
    with ExitStack() as stack:
        databases: dict[str, list[str]] = {"sqlite": ["", ""]}
        try:
            databases["postgresql"] = [stack.enter_context(postgresql()) for _ in range(2)]
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL is left out: {reason}")
        for database, (small_url, large_url) in databases.items():
            with library(small_url, SMALL) as small, library(large_url, LARGE) as large:
                for page, limit in TARGETS.items():
                    few, many = percentiles(page, small, large)
                    name = f"{database}, {page}"
                    yield Result(f"{name}, {LARGE:,} recordings", many, "ms")
                    yield at_most(f"{name}, over {SMALL:,}", many / few, limit, "times")


def percentiles(page: str, *libraries: Callable[[str], float]) -> list[float]:
    """The 95th percentile in milliseconds of a page in each library."""
    rounds = [[ask(page) for ask in libraries] for _ in range(WARM_UPS + REQUESTS)][WARM_UPS:]
    return [
        statistics.quantiles(times, n=20, method="inclusive")[-1]
        for times in zip(*rounds, strict=True)
    ]


@contextmanager
def library(url: str, rows: int) -> Iterator[Callable[[str], float]]:
    """A library in a process of its own, settings are read once: asks for a page, gives ms."""
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as data:
        environ = os.environ | {"EARSHOT_DATA": data, "DATABASE_URL": url}
        environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.library", str(rows)],
            env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            asked, answered = process.stdin, process.stdout
            assert asked is not None
            assert answered is not None

            def ask(page: str) -> float:
                print(page, file=asked, flush=True)
                return float(json.loads(answered.readline()))

            yield ask
            asked.close()


def response(rows: int) -> None:
    """Fill the database of this process, and render each page whose name comes in."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    django.setup()
    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    user, middle = fill(rows)
    client = Client()
    client.force_login(user)
    pages = {
        "first page": "/library/",
        "one project": f"/library/?project={user.projects.order_by('pk')[0].pk}",
        "failed ones": "/library/?state=failed",
        "a month": "/library/?from=2026-03-01&to=2026-03-31",
        "a rare title": f"/library/?q={RARE}",
        "a deep page": f"/library/?before={middle}",
    }
    for line in sys.stdin:
        started = time.perf_counter()
        response = client.get(pages[line.strip()])
        milliseconds = (time.perf_counter() - started) * 1000
        assert response.status_code == 200, line
        print(json.dumps(milliseconds), flush=True)


def fill(rows: int) -> "tuple[User, int]":
    """The person who looks, and the id of the recording in the middle."""
    from django.db import connection
    from django.utils import timezone

    from management.models import Connection, Membership, Project, User
    from transcripts.models import Recording, Transcription

    random = np.random.default_rng(5)
    user = User.objects.create_user("ada@example.test")
    server = Connection(name="Bench", kind=Connection.Kind.ENGINE, base_url="http://bench.test")
    server.api_key = "bench"
    server.save()
    projects = Project.objects.bulk_create(
        Project(connection=server, upstream_id=str(number), name=f"Project {number}")
        for number in range(PROJECTS)
    )
    Membership.objects.bulk_create(
        Membership(user=user, project=project) for project in projects[:PERMITTED]
    )
    began = timezone.now().replace(year=2026, month=1, day=1)
    titles = random.choice(WORDS, (rows, 3))
    states = random.choice(STATES, rows, p=(0.85, 0.1, 0.05))
    # The small one is the user's alone, so that each of its pages is as full.
    owners = np.arange(rows) % (PERMITTED if rows <= SMALL else PROJECTS)
    rare = set(np.linspace(0, rows - 1, RARE_ROWS).astype(int) // PROJECTS * PROJECTS)
    recordings = Recording.objects.bulk_create(
        (
            Recording(
                project=projects[owners[row]],
                owner=user,
                title=" ".join([*titles[row], *([RARE] if row in rare else [])]),
                state=states[row],
                duration=float(60 + row % 3600),
                created_at=began + timedelta(days=360 * row / rows),
            )
            for row in range(rows)
        ),
        batch_size=1000,
    )
    Transcription.objects.bulk_create(
        (Transcription(recording=each, state=each.state, speakers=2) for each in recordings),
        batch_size=1000,
    )
    with connection.cursor() as cursor:
        # As the database does by itself after so many new rows.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return user, recordings[rows // 2].pk


if __name__ == "__main__":
    if len(sys.argv) > 1:
        response(int(sys.argv[1]))
