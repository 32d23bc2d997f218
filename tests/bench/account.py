"""The mirror of a large speech account: 200 projects, 5,000 keys and 1,000,000 requests.

A process of its own mirrors an account that a server in the same process makes up as it is
asked, mirrors it again, and renders the pages as an administrator of every project. Each page
is the 95th percentile from the request to the last byte of HTML.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.bench.results import Result, at_most
from tests.services import postgresql

PROJECTS, KEYS, REQUESTS = 200, 5_000, 1_000_000
PAGES = {
    "usage": "/settings/usage/",
    "usage by key over a year": "/settings/usage/?by=key&period=365",
    "keys": "/settings/keys/",
    "keys, last page": "/settings/keys/?page=1000",
    "requests": "/settings/requests/",
    "failed requests": "/settings/requests/?status=failed",
    "requests of a key": "/settings/requests/?key=k-0-1",
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
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = 90


def run() -> Iterator[Result]:
    with ExitStack() as stack:
        databases = {"sqlite": ""}
        try:
            databases["postgresql"] = stack.enter_context(postgresql())
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL is left out: {reason}")
        for database, url in databases.items():
            for name, value, unit in measure(url):
                yield judged(f"{database}, {name}", value, unit)


def judged(name: str, value: float, unit: str) -> Result:
    if name.endswith("rows written again"):
        return at_most(name, value, 0, unit)
    limits = {"ms": MOST_MS, "queries": MOST_QUERIES, "MB": MOST_MEGABYTES}
    return at_most(name, value, limits[unit], unit) if unit in limits else Result(name, value, unit)


def measure(url: str) -> Iterator[tuple[str, float, str]]:
    """Figures of a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as data:
        environ = os.environ | {"EARSHOT_DATA": data, "DATABASE_URL": url}
        environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        scale = os.environ.get("ACCOUNT_REQUESTS", str(REQUESTS))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.account", scale],
            env=environ, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                name, value, unit = json.loads(line)
                yield name, value, unit


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
                return {"results": self.sums(query.get("grouping", ""))}
        if path == "/v1/projects":
            projects = [{"project_id": f"p-{n}", "name": f"Project {n}"} for n in range(PROJECTS)]
            return {"projects": projects}
        return {
            name: []
            for name in (
                "stt", "tts", "members", "invites", "balances", "orders", "agents", "variables",
                "distribution_credentials",
            )
        }  # fmt: skip

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
            "path": "/v1/listen?model=nova-3&smart_format=true&tag=calls",
            "api_key_id": f"k-{project}-{number % (KEYS // PROJECTS)}",
            "code": 400 if number % 50 == 0 else 200,
            "deployment": "hosted",
            "response": {
                "completed": (created + timedelta(minutes=2)).isoformat(),
                "details": {"duration": 60.0, "usd": 0.0043, "features": ["diarize"]},
            },
        }

    def sums(self, grouping: str) -> list[dict[str, Any]]:
        values: list[Any] = [None]
        if grouping == "accessor":
            values = [f"k-0-{number}" for number in range(5)]
        elif grouping in ("endpoint", "line_item"):
            values = ["listen", "speak", "read"]
        days: list[date] = [END.date() - timedelta(days=number) for number in range(DAYS)]
        return [
            {
                "hours": 1.5, "requests": 90, "dollars": 0.4,
                "grouping": {"start": day.isoformat(), grouping or "x": value},
            }
            for day in days
            for value in values
        ]  # fmt: skip


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tell(name: str, value: float, unit: str) -> None:
    print(json.dumps([name, value, unit]), flush=True)


def main(requests: int) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection as database
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    django.setup()
    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    from management import speech
    from management.models import Connection, Request, User
    from management.sync.runs import sync

    speech.transport = MadeUp(requests)
    connection = Connection(kind="hosted", name="Deepgram", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    before, started = megabytes(), time.monotonic()
    while not sync(connection, 600):
        pass
    tell("first sync", time.monotonic() - started, "s")
    tell("requests mirrored", Request.objects.count(), "rows")
    tell("memory that the first sync adds", megabytes() - before, "MB")
    started = time.monotonic()
    with CaptureQueriesContext(database) as captured:
        while not sync(connection, 600):
            pass
    written = [
        query["sql"]
        for query in captured
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
        and not any(name in query["sql"] for name in ("management_sync", "management_connection"))
    ]
    tell("repeated sync", time.monotonic() - started, "s")
    tell("rows written again", len(written), "rows")
    client = Client()
    client.force_login(User.objects.create_superuser("ada@example.test", "pw"))
    for name, path in PAGES.items():
        times = []
        for _ in range(WARM_UPS + RENDERED):
            began = time.perf_counter()
            response = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            assert response.status_code == 200, path
        with CaptureQueriesContext(database) as captured:
            client.get(path)
        tell(name, statistics.quantiles(times[WARM_UPS:], n=20, method="inclusive")[-1], "ms")
        tell(name, len(captured), "queries")


if __name__ == "__main__":
    main(int(sys.argv[1]))
