"""The mirror of a large speech account: 200 projects, 5,000 keys and 1,000,000 requests.

For the pages the rows of such an account are written, and an administrator of every project
reads them: each page is the 95th percentile from the request to the last byte of HTML, the
connection to the database included. For the sync an account that a server in the same process
makes up as it is asked is mirrored, and mirrored again. ``ACCOUNT_REQUESTS`` is another number
of requests.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import httpx
import pytest

from tests.bench.results import Result, at_most
from tests.services import postgresql

PROJECTS, KEYS, MEMBERS, REQUESTS = 200, 5_000, 1_000, 1_000_000
PATHS = (
    *("/v1/listen?model=nova-3",) * 8,
    "/v1/speak?model=aura-2-thalia-en",
    "/v1/read?topics=true",
)
PAGES = {
    "usage": "/settings/usage/",
    "usage by key over a year": "/settings/usage/?by=key&period=365",
    "keys": "/settings/keys/",
    "keys, last page": "/settings/keys/?page=1000",
    "requests": "/settings/requests/",
    "failed requests": "/settings/requests/?status=failed",
    "requests, far back": "/settings/requests/?before={row}",
    "requests of a project": "/settings/requests/?project={project}",
    "requests of a key": "/settings/requests/?key=k-0-1",
    "requests of an endpoint": "/settings/requests/?endpoint=speak",
    "requests with a tag": "/settings/requests/?tag=calls",
    "requests of a day": "/settings/requests/?since={day}&until={day}",
    "a request by its id": "/settings/requests/?q=00000001-000000000001",
    "one request": "/settings/requests/{row}/",
    "billing": "/settings/billing/",
    "budgets": "/settings/budgets/",
    "prices": "/settings/prices/",
    "models": "/settings/models/",
    "account members": "/settings/speech-members/",
    "agents": "/settings/stored/",
    "servers": "/settings/servers/",
    "projects": "/settings/projects/",
    "people": "/settings/people/",
    "audit log": "/settings/audit/",
    "dashboard": "/",
}
RENDERED, WARM_UPS = 20, 2
MOST_MS, MOST_QUERIES, MOST_MEGABYTES = 150.0, 12, 400.0
END = datetime.now(UTC).replace(microsecond=0)
DAYS = 90
PROGRESS_SECONDS = 20.0
MODELS = {"stt": 40, "tts": 90}  # about as many as Deepgram lists
AUDITED = 100_000  # entries of the audit log
EMPTY = ("invites", "orders", "agents", "variables", "distribution_credentials")
WRITES = ("INSERT", "UPDATE", "DELETE")
# Every sync writes its own state.
OWN_TABLES = ("management_sync", "management_connection")


def run() -> Iterator[Result]:
    with ExitStack() as stack:
        databases = {"sqlite": [""]}
        try:
            databases["postgresql"] = [stack.enter_context(postgresql()) for _ in PARTS]
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL is left out: {reason}")
        for place, part in enumerate(PARTS):
            for database, urls in databases.items():
                for name, value, unit in measure(part, urls[place % len(urls)]):
                    yield judged(f"{database}, {name}", value, unit)


def judged(name: str, value: float, unit: str) -> Result:
    if name.endswith("rows written again"):
        return at_most(name, value, 0, unit)
    limits = {"ms": MOST_MS, "queries": MOST_QUERIES, "MB": MOST_MEGABYTES}
    return at_most(name, value, limits[unit], unit) if unit in limits else Result(name, value, unit)


def measure(part: str, url: str) -> Iterator[tuple[str, float, str]]:
    """Figures of a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as data:
        environ = os.environ | {"EARSHOT_DATA": data, "DATABASE_URL": url}
        environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        scale = os.environ.get("ACCOUNT_REQUESTS", str(REQUESTS))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.account", part, scale],
            env=environ, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                name, value, unit = json.loads(line)
                yield name, value, unit
        if process.returncode:
            raise RuntimeError(f"The benchmark ended with {process.returncode}.")


class MadeUp(httpx.BaseTransport):
    """A speech server whose account has so many requests, spread over its projects and days."""

    def __init__(self, requests: int) -> None:
        self.each = requests // PROJECTS
        self.step = timedelta(days=DAYS) / max(1, self.each)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        pieces = request.url.path.split("/")
        project = int(pieces[3].removeprefix("p-")) if len(pieces) > 4 else 0
        body = self.body("/".join(pieces[4:]), project, request.url.params, request.url.path)
        return httpx.Response(200, content=json.dumps(body))

    def body(self, part: str, project: int, query: httpx.QueryParams, path: str) -> Any:
        match part:
            case "keys":
                return {"api_keys": [self.key(project, n) for n in range(KEYS // PROJECTS)]}
            case "requests":
                return self.page(project, query)
            case "usage/breakdown" | "billing/breakdown":
                return {"results": self.sums(project, query.get("grouping", ""))}
        if path == "/v1/projects":
            projects = [{"project_id": f"p-{n}", "name": f"Project {n}"} for n in range(PROJECTS)]
            return {"projects": projects}
        if path == "/v1/models":
            return {
                kind: [self.model(kind, number) for number in range(count)]
                for kind, count in MODELS.items()
            }
        return {name: [] for name in EMPTY} | {
            "members": [self.member(project, n) for n in range(MEMBERS // PROJECTS)],
            "balances": [{"balance_id": f"b-{project}", "amount": 90.5, "units": "usd"}],
        }

    def model(self, kind: str, number: int) -> dict[str, Any]:
        name = f"{kind}-{number}"
        return {"uuid": name, "name": name, "canonical_name": name, "languages": ["en"]}

    def member(self, project: int, number: int) -> dict[str, Any]:
        member_id = f"m-{project}-{number}"
        return {"member_id": member_id, "email": f"{member_id}@example.test", "scopes": ["member"]}

    def key(self, project: int, number: int) -> dict[str, Any]:
        created = END - timedelta(days=number)
        record: dict[str, Any] = {"api_key_id": f"k-{project}-{number}", "comment": f"Key {number}"}
        record |= {"scopes": ["usage:write"], "created": created.isoformat()}
        return {"member": {"member_id": "u", "email": "ada@example.test"}, "api_key": record}

    def page(self, project: int, query: httpx.QueryParams) -> dict[str, Any]:
        first = 0
        if "end" in query:
            ahead = END - datetime.fromisoformat(query["end"])
            first = max(0, int(ahead / self.step))
        last = self.each
        if "start" in query:
            last = min(last, int((END - datetime.fromisoformat(query["start"])) / self.step) + 1)
        limit = int(query["limit"])
        numbers = range(first, last)[int(query.get("page", 0)) * limit :][:limit]
        return {"page": 0, "limit": limit, "requests": [self.one(project, n) for n in numbers]}

    def one(self, project: int, number: int) -> dict[str, Any]:
        created = END - self.step * number
        return {
            "request_id": f"{project:08x}-{number:012x}",
            "created": created.isoformat(),
            "path": f"{PATHS[number % len(PATHS)]}&smart_format=true&tag=calls",
            "api_key_id": f"k-{project}-{number % (KEYS // PROJECTS)}",
            "code": 400 if number % 50 == 0 else 200,
            "deployment": "hosted",
            "response": {
                "completed": (created + timedelta(minutes=2)).isoformat(),
                "details": {"duration": 60.0, "usd": 0.0043, "features": ["diarize"]},
            },
        }

    def sums(self, project: int, grouping: str) -> list[dict[str, Any]]:
        return [
            {
                "hours": 1.5, "requests": 90, "dollars": 0.4,
                "grouping": {"start": day.isoformat(), grouping or "x": value},
            }
            for day in days_of(self.each)
            for value in values_of(project, grouping)
        ]  # fmt: skip


def days_of(requests: int) -> list[date]:
    """The days of sums; none for an account without requests."""
    return [END.date() - timedelta(days=number) for number in range(DAYS if requests else 0)]


def values_of(project: int, grouping: str) -> list[str | None]:
    if grouping == "accessor":
        return [f"k-{project}-{number}" for number in range(5)]
    return ["listen", "speak", "read"] if grouping in ("endpoint", "line_item") else [None]


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(name: str, value: float, unit: str) -> None:
    print(json.dumps([name, value, unit]), flush=True)


def mirror(requests: int, name: str = "") -> Any:
    """Mirror an account with so many requests to the end; return the connection."""
    from management.models import Connection, Sync
    from management.servers import speech
    from management.sync.runs import sync

    speech.transport = MadeUp(requests)
    connection = Connection.objects.first()
    if connection is None:
        connection = Connection(kind="hosted", name="Deepgram", base_url="http://speech.test")
        connection.api_key = "secret"
        connection.save()
    started = time.monotonic()
    while not sync(connection, PROGRESS_SECONDS):
        state = Sync.objects.get()
        print(f"{name}: {state.steps_done} of {state.steps} parts", file=sys.stderr)
    assert not Sync.objects.get().error
    if name:
        tell(name, time.monotonic() - started, "s")
    return connection


def measure_sync(requests: int) -> None:
    from django.db import connection as database

    from management.models import Request

    before = megabytes()
    mirror(requests, "first sync")
    tell("requests mirrored", Request.objects.count(), "rows")
    tell("memory that the first sync adds", megabytes() - before, "MB")
    written = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal written
        is_of_mirror = not any(name in sql for name in OWN_TABLES)
        written += sql.startswith(WRITES) and is_of_mirror
        return execute(sql, params, many, context)

    with database.execute_wrapper(count):
        mirror(requests, "repeated sync")
    tell("rows written again", written, "rows")


def fill(requests: int) -> None:
    """Write the rows of a mirrored account, the large tables without the ORM."""
    from django.db import connection as database
    from django.db import transaction

    from management.models import (
        AuditEntry,
        Budget,
        CostDay,
        PeakDay,
        Project,
        Request,
        ServerPeakDay,
        UsageDay,
    )
    from management.sync.sums import COST_GROUPINGS, USAGE_GROUPINGS

    connection = mirror(0)
    projects = list(Project.objects.order_by("pk"))
    account, days = MadeUp(requests), days_of(requests)

    def copy(model: Any, rows: Iterable[dict[str, Any]]) -> None:
        rows = iter(rows)
        first = next(rows)
        names = ", ".join(first)
        table = model._meta.db_table
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as writer:
                    for row in chain([first], rows):
                        writer.write_row(list(row.values()))
                return
            marks = ", ".join(["?"] * len(first))
            values = (tuple(map(str, row.values())) for row in chain([first], rows))
            sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"
            cursor.connection.executemany(sql, values)

    def ledger() -> Iterator[dict[str, Any]]:
        for number in range(account.each):
            for place, project in enumerate(projects):
                one = account.one(place, number)
                created = END - account.step * number
                yield {
                    "project_id": project.pk, "request_id": one["request_id"],
                    "created": created.replace(tzinfo=None), "ended": created.replace(tzinfo=None)
                    + timedelta(minutes=2), "endpoint": one["path"].split("/")[2].split("?")[0],
                    "method": "sync", "path": one["path"], "code": one["code"],
                    "api_key_id": one["api_key_id"], "deployment": "hosted", "callback": "",
                    "model": "nova-3", "tags": '["calls"]', "seconds": 60.0, "characters": 0,
                    "dollars": 0.0043, "response": json.dumps(one["response"]),
                }  # fmt: skip

    def sums(groupings: Iterable[str], amounts: dict[str, float]) -> Iterator[dict[str, Any]]:
        for grouping in ("", *groupings):
            for day in days:
                for place, project in enumerate(projects):
                    for value in values_of(place, grouping):
                        known = {"project_id": project.pk, "day": day, "grouping": grouping}
                        yield known | {"value": value or ""} | amounts

    usage = dict.fromkeys(UsageDay.AMOUNTS, 0.0) | {"hours": 1.5, "requests": 90.0}
    with transaction.atomic():
        copy(Request, ledger())
        copy(UsageDay, sums(USAGE_GROUPINGS, usage))
        copy(CostDay, sums(COST_GROUPINGS, {"dollars": 0.4}))
        UsageDay.objects.add_up()
        CostDay.objects.add_up()
        copy(PeakDay, ({"project_id": each.pk, "day": day, "requests": 3} for each in projects
                       for day in days))  # fmt: skip
        copy(ServerPeakDay, ({"connection_id": connection.pk, "day": day, "requests": 90}
                             for day in days))  # fmt: skip
    Budget.objects.bulk_create([Budget(project=each, dollars=100) for each in projects])
    AuditEntry.objects.bulk_create(
        (
            AuditEntry(action="sign_in", actor_name=f"person-{number}@example.test")
            for number in range(AUDITED)
        ),
        batch_size=1_000,
    )


def measure_pages(requests: int) -> None:
    from django.conf import settings
    from django.db import connection as database
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from management.models import Project, Request, User
    from webapp.http.sockets import freeze_heap

    settings.ALLOWED_HOSTS.append("testserver")
    administrator = User.objects.create_superuser("ada@example.test", "pw")
    fill(requests)
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as the server does by itself within minutes
    tell("requests in the ledger", Request.objects.count(), "rows")
    row = Request.objects.order_by("created").values_list("pk", flat=True)[requests // 10]
    project = Project.objects.values_list("pk", flat=True)[0]
    facts = {"row": row, "project": project, "day": (END - timedelta(days=9)).date()}
    client = Client()
    client.force_login(administrator)
    freeze_heap()  # as the web server does at its start
    for name, path in PAGES.items():
        url, times, work = path.format(**facts), [], []
        for _ in range(WARM_UPS + RENDERED):
            database.close()  # each request of a server opens its connection
            began, worked = time.perf_counter(), time.process_time()
            response = client.get(url)
            times.append((time.perf_counter() - began) * 1000)
            work.append((time.process_time() - worked) * 1000)
            assert response.status_code == 200, url
        with CaptureQueriesContext(database) as captured:
            client.get(url)
        tell(name, statistics.quantiles(times[WARM_UPS:], n=20, method="inclusive")[-1], "ms")
        tell(name, statistics.median(work[WARM_UPS:]), "ms of this process, median")
        tell(name, len(captured), "queries")


def main(part: str, requests: int) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    PARTS[part](requests)


PARTS = {"pages": measure_pages, "sync": measure_sync}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
