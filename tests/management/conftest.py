"""A speech account on the other side of the client."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from management.models import Connection, Project
from management.servers import speech
from management.sync.runs import sync

SECRET = "the-value-of-a-new-key-"
NOW = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
# The list of each part, by the end of its path.
LISTS = {
    "/keys": "api_keys",
    "/members": "members",
    "/invites": "invites",
    "/balances": "balances",
    "/purchases": "orders",
    "/agents": "agents",
    "/agent-variables": "variables",
    "/self-hosted/distribution/credentials": "distribution_credentials",
}


class Account(httpx.BaseTransport):
    """A server whose lists can be changed; ``broken`` is the status of every response.

    ``lists`` are the parts of every project by their JSON name, ``log`` its requests, newest
    first. ``fails`` maps an end of a path to a response, an exception, or a function of the
    request that returns a response or None.
    """

    def __init__(self) -> None:
        self.projects = [{"project_id": "p-1", "name": "Interviews"}]
        self.stt = [model("m-1", "nova-3-general")]
        self.tts = [model("m-2", "aura-2-thalia-en")]
        self.broken = 0
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.lists: dict[str, Any] = {name: [] for name in LISTS.values()}
        self.log: list[dict[str, Any]] = []
        self.usage: dict[str, list[Any]] = {}
        self.costs: dict[str, list[Any]] = {}
        self.fails: dict[str, Any] = {}
        self.most = 1000  # requests a page
        self.sent: dict[str, Any] = {}  # the body of the newest change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("authorization", ""))
        path = request.url.path
        self.paths.append(path)
        if self.broken:
            return httpx.Response(self.broken, json={"err_msg": "No.", "request_id": "r-1"})
        for end, failure in self.fails.items():
            if path.endswith(end) and (response := self._failure(failure, request)):
                return response
        body = self.change(request, path)
        if body is None:
            body = self._body(path, request.url.params)
        return httpx.Response(200, content=json.dumps(body))

    def change(self, request: httpx.Request, path: str) -> dict[str, Any] | None:
        """Change keys, invites or members; None for a request that changes nothing."""
        if request.method != "GET":
            self.sent = json.loads(request.content or b"{}")
        collection, _, name = path.rpartition("/")
        if path.endswith("/keys") or collection.endswith("/keys"):
            return self._change_key(request.method, name)
        if path.endswith("/invites") or collection.endswith("/invites"):
            return self._change_invite(request.method, unquote(name))
        members = self.lists["members"]
        if request.method == "PUT":
            member = next(each for each in members if f"/{each['member_id']}/" in path)
            member["scopes"] = [self.sent["scope"]]
            return {"message": "changed"}
        if request.method == "DELETE":
            members[:] = [each for each in members if each["member_id"] != name]
            return {"message": "removed"}
        return None

    def _change_key(self, method: str, name: str) -> dict[str, Any] | None:
        listed = self.lists["api_keys"]
        if method == "POST":
            made = key(f"k-new-{len(listed)}", **self.sent)
            listed.append(made)
            return made["api_key"] | {"key": f"{SECRET}{len(listed)}"}
        if method == "DELETE":
            listed[:] = [each for each in listed if each["api_key"]["api_key_id"] != name]
            return {"message": "deleted"}
        if name == "keys":
            return None
        return next(each for each in listed if each["api_key"]["api_key_id"] == name)

    def _change_invite(self, method: str, email: str) -> dict[str, Any] | None:
        listed = self.lists["invites"]
        if method == "POST":
            listed.append(dict(self.sent))
        elif method == "DELETE":
            listed[:] = [each for each in listed if each["email"] != email]
        else:
            return None
        return {"message": "changed"}

    def _failure(self, failure: Any, request: httpx.Request) -> httpx.Response | None:
        if isinstance(failure, Exception):
            raise failure
        return failure(request) if callable(failure) else failure

    def _body(self, path: str, query: httpx.QueryParams) -> Any:
        if path == "/v1/projects":
            return {"projects": self.projects}
        if path == "/v1/models":
            return {"stt": self.stt, "tts": self.tts}
        if path == "/v1/auth/token":
            return {"api_key_id": "k-1", "scopes": ["owner"]}
        if path.endswith("/requests"):
            return self._page(query)
        if path.endswith("/usage/breakdown"):
            return {"results": self.usage.get(query.get("grouping", ""), [])}
        if path.endswith("/billing/breakdown"):
            return {"results": self.costs.get(query.get("grouping", ""), [])}
        if path.endswith(("/usage/fields", "/billing/fields")):
            return {}
        name = next(name for end, name in LISTS.items() if path.endswith(end))
        return {name: self.lists[name]}

    def _page(self, query: httpx.QueryParams) -> Any:
        def at(name: str) -> datetime | None:
            return datetime.fromisoformat(query[name]) if name in query else None

        start, end, limit = at("start"), at("end"), min(int(query["limit"]), self.most)
        page = int(query.get("page", 0))
        found = [
            each
            for each in self.log
            if (start is None or datetime.fromisoformat(each["created"]) >= start)
            and (end is None or datetime.fromisoformat(each["created"]) < end)
        ]
        return {"page": page, "limit": limit, "requests": found[page * limit :][:limit]}


def model(uuid: str, name: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name.split("-")[-1],
        "canonical_name": name,
        "architecture": "nova-3",
        "version": "1",
        "languages": ["en"],
        "batch": True,
        "streaming": True,
    }


def key(name: str, **facts: Any) -> dict[str, Any]:
    record = {
        "api_key_id": name,
        "comment": f"Key {name}",
        "scopes": ["member"],
        "tags": [],
        "created": NOW.isoformat(),
    }
    return {
        "member": {"member_id": "u-1", "email": "ada@example.test"},
        "api_key": record | facts,
    }


def request(number: float, **facts: Any) -> dict[str, Any]:
    """A request of the log; a higher number is an earlier one, a second each."""
    return {
        "request_id": f"r-{number}",
        "project_uuid": "p-1",
        "created": (NOW - timedelta(seconds=number)).isoformat(),
        "path": "/v1/listen?model=nova-3&tag=calls",
        "api_key_id": "k-1",
        "code": 200,
        "deployment": "hosted",
        "callback": "",
        "response": {"details": {"duration": 60.0, "usd": 0.01}},
    } | facts


def day(start: str, **facts: Any) -> dict[str, Any]:
    """A sum of a day; ``facts`` are amounts and, in ``grouping``, the dimension."""
    grouping = {"start": start, "end": start, **facts.pop("grouping", {})}
    return {"grouping": grouping, **facts}


@pytest.fixture
def project(db) -> Project:
    """A project of an engine."""
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    return Project.objects.create(connection=connection, upstream_id="p-1", name="Interviews")


def mirror(**lists: Any) -> None:
    """Mirror an account with these lists."""
    account = Account()
    account.lists |= lists
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "the-key-of-the-connection"
    connection.save()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "transport", account)
        assert sync(connection)


@pytest.fixture
def account(monkeypatch) -> Account:
    account = Account()
    monkeypatch.setattr(speech, "transport", account)
    return account


@pytest.fixture
def patience(monkeypatch) -> None:
    """Clients that wait between retries do not do so here."""
    monkeypatch.setattr(speech, "sleep", lambda _: None)


@pytest.fixture
def engine_key(settings, tmp_path: Path) -> Path:
    """The engine in the box has started and made its key."""
    settings.DATA = tmp_path
    settings.ENV = replace(
        settings.ENV,
        deepgram_api_key="",
        deepgram_base_url="",
        host="127.0.0.1",
        engine_port=8001,
        admin_email="",
        admin_password="",
    )
    path = tmp_path / "engine.key"
    path.write_text("engine-key-1\n")
    return path
