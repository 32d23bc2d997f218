"""The usage breakdown of the engine over a log of a million requests.

1,000,000 recorded requests of 90 days and one project by 20 keys, each used by a few programs
(options, models, tags of their own), on SQLite and, where it is installed, on PostgreSQL. The
log is written in bulk; the figures are whole HTTP answers of a running engine, the slowest of
five, over every grouping and with filters.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests import services
from tests.bench.results import Result, at_most
from tests.engine.engine import start_engine

REQUESTS = 1_000_000
DAYS = 90  # how long the log is kept
KEYS = 20
PROGRAMS = 10  # a key: a model, options and tags that go together
REPEATS = 5
LIMIT_MS = 300.0
ENDPOINTS = ("listen", "listen", "listen", "speak", "read")
FEATURES = ("diarize", "smart_format", "punctuate", "utterances", "redact", "summarize", "topics")
GROUPINGS = "accessor endpoint feature_set models method tags deployment".split()
QUERIES = ["", *(f"grouping={name}" for name in GROUPINGS)]
FILTERS = ("tag=team-3", "diarize=true&smart_format=true", "redact=false&endpoint=listen")


def run() -> Iterator[Result]:
    for name, url in databases():
        with url as database_url, tempfile.TemporaryDirectory() as folder:
            yield from measure(name, Path(folder), database_url)


def databases() -> Iterator[tuple[str, Any]]:
    @contextmanager
    def sqlite() -> Iterator[str]:
        yield ""

    @contextmanager
    def postgresql() -> Iterator[str]:
        with services.postgresql() as url:
            yield url

    yield "SQLite", sqlite()
    yield "PostgreSQL", postgresql()


def measure(name: str, folder: Path, database_url: str) -> list[Result]:
    settings = {"ENGINE_DATABASE_URL": database_url} if database_url else {}
    engine = start_engine(folder, **settings)
    try:
        environ = (
            os.environ
            | settings
            | {
                "EARSHOT_DATA": str(folder),
                "ENGINE_SECRET_KEY": "bench-" + "0123456789abcdefghij" * 2,
            }
        )
        command = [sys.executable, "-m", "tests.bench.usage", "fill", engine.project_id]
        subprocess.run(command, env=environ, check=True)
        with engine.http() as http:
            path = f"/v1/projects/{engine.project_id}/usage/breakdown"
            grouped = [slowest(http, f"{path}?{one}") for one in QUERIES]
            filtered = [slowest(http, f"{path}?grouping=tags&{one}") for one in FILTERS]
    finally:
        engine.stop()
    return [
        at_most(f"{name}: slowest grouping", max(grouped), LIMIT_MS, "ms"),
        at_most(f"{name}: slowest with filters", max(filtered), LIMIT_MS, "ms"),
    ]


def slowest(http: httpx.Client, path: str) -> float:
    times = []
    for _ in range(REPEATS):
        before = time.perf_counter()
        response = http.get(path)
        times.append((time.perf_counter() - before) * 1000)
        response.raise_for_status()
    return max(times)


def fill(project_id: str) -> None:
    """Write the log and its sums, as ``engine.accounts.ledger.record`` would."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "engine.settings"
    django.setup()
    import uuid

    from django.db import connection, transaction

    from engine.accounts.ledger import DEPLOYMENT
    from engine.models import UsageDay, UsageKind

    chance = random.Random(7)
    kinds = []
    for _ in range(KEYS):
        key = uuid.UUID(int=chance.getrandbits(128))
        for program in range(PROGRAMS):
            endpoint = chance.choice(ENDPOINTS)
            tags = [f"team-{chance.randrange(30)}" for _ in range(chance.randrange(3))]
            kinds.append(
                UsageKind(
                    project_id=project_id,
                    fingerprint=f"{key}-{program}",
                    accessor=key,
                    endpoint=endpoint,
                    method=chance.choice(("sync", "sync", "async", "streaming")),
                    deployment=DEPLOYMENT,
                    model_ids=UsageKind.join([f"model-{chance.randrange(8)}"]),
                    feature_set=UsageKind.join(chance.sample(FEATURES, chance.randrange(4))),
                    tags=UsageKind.join(tags),
                    language="en",
                    line_item=f"{endpoint}::model",
                )
            )
    kinds = UsageKind.objects.bulk_create(kinds)
    today = datetime.now(UTC).replace(hour=12, microsecond=0)
    days = [today - timedelta(days=age) for age in range(DAYS)]
    sums: dict[tuple[int, int], list[float]] = {}

    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(REQUESTS):
            index, age = chance.randrange(len(kinds)), chance.randrange(DAYS)
            kind, seconds = kinds[index], chance.expovariate(1 / 120)
            total = sums.setdefault((index, age), [0, 0.0])
            total[0] += 1
            total[1] += seconds
            moment = f"{days[age]:%Y-%m-%d %H:%M:%S}"
            path = "/v1/listen?model=nova-3"
            yield (
                f"{number + 1:032x}", project_id, kind.accessor.hex, moment, moment, path,
                kind.endpoint, kind.method, DEPLOYMENT, 200, "", "{}",
            )  # fmt: skip

    columns = (
        "request_id, project_id, accessor, created, completed, path, endpoint, method, "
        "deployment, code, callback, details"
    )
    # Not with the ORM: a million objects take minutes.
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY engine_request ({columns}) FROM STDIN") as copy:
                for row in rows():
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * 12)
            cursor.executemany(
                f"INSERT INTO engine_request ({columns}) VALUES ({marks})", list(rows())
            )
    UsageDay.objects.bulk_create(
        (
            UsageDay(
                kind=kinds[index],
                project_id=project_id,
                day=days[age].date(),
                requests=count,
                seconds=seconds,
                channel_seconds=seconds,
            )
            for (index, age), (count, seconds) in sums.items()
        ),
        batch_size=5_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself while rows come in


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(sys.argv[2])
