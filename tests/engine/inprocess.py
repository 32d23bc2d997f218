"""The engine's ASGI application in this process: gate, views and sockets, without a model.

Ada owns a project, Bob is a member of it, Eve owns another one. Each has a key:

    async def test_a_fact(inside: Inside):
        response = await inside.get("/v1/projects", as_=inside.bob)
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from asgiref.sync import ThreadSensitiveContext
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler

from engine import urls
from engine.accounts.credentials import CREDENTIALS
from engine.accounts.keytext import make_key
from engine.accounts.setup import create_key
from engine.env import Environment
from engine.gateway.gate import Gate
from engine.models import Member, Project
from engine.speech.recognition.transcript import ChannelTranscript, Segment, Transcript, Word

URL = "http://engine.test"
WAIT_SECONDS = 60
FORBIDDEN = (401, "INSUFFICIENT_PERMISSIONS")


@dataclass(frozen=True)
class Holder:
    """A member of a project and the key that they send."""

    member: Member
    key: str

    @property
    def project(self) -> Project:
        return self.member.project

    @property
    def path(self) -> str:
        """The path of the member's project."""
        return f"/v1/projects/{self.project.pk}"


def make_holder(project: Project, name: str, *scopes: str) -> Holder:
    member = Member.objects.create(
        project=project, email=f"{name}@example.test", scopes=list(scopes)
    )
    key = make_key()
    create_key(member, key, f"{name}'s key", list(scopes))
    return Holder(member, key)


def error(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error."""
    body = response.json()
    return response.status_code, body.get("err_code") or body["category"]


def use_engine_settings(settings: Any) -> None:
    """Route and render as the engine does, in a process with the web application's settings."""
    settings.ROOT_URLCONF = urls.__name__
    settings.MIDDLEWARE = ["engine.gateway.middleware.ErrorForms"]
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
    ]


class Inside:
    """A client of the engine in this process; requests are Ada's unless ``as_`` names another."""

    def __init__(self, environment: Environment) -> None:
        CREDENTIALS.forget()  # of the tests before
        self.gate = Gate(self._rest, CREDENTIALS, environment)
        project = Project.objects.create(name="Interviews")
        self.ada = make_holder(project, "ada", "owner")
        self.bob = make_holder(project, "bob", "member")
        self.eve = make_holder(Project.objects.create(name="Elsewhere"), "eve", "owner")
        self._django = ASGIHandler()

    async def _rest(self, scope: Any, receive: Any, send: Any) -> None:
        async with ThreadSensitiveContext():
            await self._django(scope, receive, send)

    async def request(
        self, method: str, path: str, *, as_: Holder | None = None, key: str = "", **facts: Any
    ) -> httpx.Response:
        """Send one request; ``key`` is sent instead of the holder's, and "-" is no key."""
        sent = key or (as_ or self.ada).key
        headers = facts.pop("headers", {})
        if sent != "-":
            headers = {"authorization": f"Token {sent}"} | headers
        async with AsyncExitStack() as stack:
            transport = httpx.ASGITransport(self.gate)
            client = await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=URL)
            )
            return await client.request(method, path, headers=headers, **facts)

    async def get(self, path: str, **facts: Any) -> httpx.Response:
        return await self.request("GET", path, **facts)

    async def post(self, path: str, **facts: Any) -> httpx.Response:
        return await self.request("POST", path, **facts)

    async def patch(self, path: str, **facts: Any) -> httpx.Response:
        return await self.request("PATCH", path, **facts)

    async def put(self, path: str, **facts: Any) -> httpx.Response:
        return await self.request("PUT", path, **facts)

    async def delete(self, path: str, **facts: Any) -> httpx.Response:
        return await self.request("DELETE", path, **facts)

    async def handshake(
        self, path: str, query: str = "", key: str = ""
    ) -> tuple[ApplicationCommunicator, Any]:
        """Ask for a WebSocket; return it with the first message of the engine."""
        token = f"Token {key or self.ada.key}"
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [(b"authorization", token.encode())],
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        socket = ApplicationCommunicator(self.gate, scope)
        await socket.send_input({"type": "websocket.connect"})
        return socket, await socket.receive_output(WAIT_SECONDS)

    @asynccontextmanager
    async def socket(self, path: str, query: str = "") -> AsyncIterator[ApplicationCommunicator]:
        """Open a WebSocket: ``send_input`` is for the client, ``receive_output`` for the engine."""
        socket, accepted = await self.handshake(path, query)
        assert accepted["type"] == "websocket.accept", accepted
        yield socket
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait(WAIT_SECONDS)


@dataclass
class FakeRecognizer:
    """Hears ``text`` in every recording, two words a second; or fails with ``error``."""

    text: str = "Good morning everyone."
    error: Exception | None = None
    language: str = "en"
    options: dict[str, Any] = field(default_factory=dict)  # of the newest recording
    heard: list[bytes] = field(default_factory=list)

    def recognize(self, source: Path, **options: Any) -> Transcript:
        self.options = options
        self.heard.append(source.read_bytes())
        if self.error:
            raise self.error
        words = tuple(
            Word(word, place / 2, place / 2 + 0.4, 0.9)
            for place, word in enumerate(self.text.split())
        )
        seconds = len(words) / 2
        channel = ChannelTranscript((Segment(words),) if words else (), self.language, 1.0, "base")
        return Transcript(
            channels=(channel,) * (2 if options["multichannel"] else 1),
            duration=seconds,
            samples=round(seconds * 16_000),
            source_channels=2 if options["multichannel"] else 1,
            source_sample_rate=16_000,
            truncated=False,
            damaged=0,
            tracks=(),
            unsaid=0,
            speech_seconds=seconds,
            queued_seconds=0.0,
        )
