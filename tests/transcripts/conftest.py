"""The cast, their projects and recordings, and a speech server that answers as it is told."""

import io
import json
import threading
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.backends.sqlite3.base import DatabaseWrapper

from management.models import Connection, Membership, Project, User
from management.servers import speech
from transcripts.models import Recording, State, Transcription
from transcripts.options import complete
from transcripts.queue import dispatch as doorbell


def wav_bytes(seconds: float = 1.0, rate: int = 16_000, channels: int = 1) -> bytes:
    """A 16-bit WAV with a tone."""
    times = np.arange(int(seconds * rate)) / rate
    tone = (np.sin(2 * np.pi * 440 * times) * 12_000).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(np.repeat(tone[:, None], channels, 1).tobytes())
    return file.getvalue()


def transcript(text: str = "Good morning everyone.", **members: Any) -> httpx.Response:
    """A server's response that heard ``text``, half a second a word."""
    words: list[dict[str, Any]] = [
        {
            "word": word.strip(".,").lower(),
            "punctuated_word": word,
            "start": index * 0.5,
            "end": index * 0.5 + 0.4,
            "confidence": 0.9,
        }
        for index, word in enumerate(text.split())
    ]
    end: float = words[-1]["end"] if words else 0.0
    utterance = {
        "id": "u",
        "start": 0.0,
        "end": end,
        "confidence": 0.9,
        "channel": 0,
        "transcript": text,
        "words": words,
    }
    body = {
        "metadata": {
            "request_id": "r-1",
            "duration": max(1.0, end),
            "channels": 1,
            "models": ["m-1"],
            "model_info": {"m-1": {"name": "general-nova-3", "version": "1", "arch": "nova-3"}},
        },
        "results": {
            "channels": [
                {"alternatives": [{"transcript": text, "confidence": 0.9, "words": words}]}
            ],
            "utterances": [utterance] if words else [],
        },
    } | members
    # In ASCII: what is tried on us may not even be valid Unicode.
    return httpx.Response(200, content=json.dumps(body), headers={"dg-request-id": "r-1"})


def found(**results: Any) -> httpx.Response:
    """A server's response about a text: a summary, or the ``results`` given."""
    results = results or {"summary": {"text": "They greet each other."}}
    body = {"metadata": {"request_id": "r-2", "language": "en"}, "results": results}
    return httpx.Response(200, json=body, headers={"dg-request-id": "r-2"})


def rejection(status: int, message: str = "No.", **headers: str) -> httpx.Response:
    body = {"err_code": "X", "err_msg": message, "request_id": "r-9"}
    return httpx.Response(status, json=body, headers=headers)


class Service(httpx.BaseTransport):
    """A speech server on the other side of the client: answers in turn, the last one for ever.

    A response is a response, an exception to raise, or a function of the request.
    """

    def __init__(self) -> None:
        self.is_well: bool | None = True  # None: it does not respond to a request for a list
        self.heard_seconds: float | None = None  # of every recording; None is not known here
        self.progress_asked: list[str] = []
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self._answers: list[Any] = [transcript()]
        self._lock = threading.Lock()

    def returns(self, *answers: Any) -> None:
        self._answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/listen/progress/"):
            self.progress_asked.append(request.url.path.rpartition("/")[2])
            if self.heard_seconds is None:
                return rejection(404)
            return httpx.Response(200, json={"seconds": self.heard_seconds})
        if request.method == "GET":
            if self.is_well is None:
                raise httpx.ConnectError("refused")
            return httpx.Response(200 if self.is_well else 503, json={"projects": []})
        with self._lock:
            self.requests.append(request)
            response = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(response, httpx.ConnectError):
            raise response  # nothing was sent
        self.bodies.append(request.read())
        if isinstance(response, Exception):
            raise response
        if callable(response):
            return response(request)
        # A response is read once, and each request gets its own.
        return httpx.Response(
            response.status_code, headers=response.headers, content=response.content
        )


@pytest.fixture
def service(monkeypatch) -> Service:
    service = Service()
    monkeypatch.setattr(speech, "transport", service)
    return service


@pytest.fixture
def closes_in_threads(monkeypatch) -> None:
    """Let a thread close its connection: Django keeps those to a database in memory open."""

    def is_in_memory(wrapper: DatabaseWrapper) -> bool:
        return threading.current_thread() is threading.main_thread()

    monkeypatch.setattr(DatabaseWrapper, "is_in_memory_db", is_in_memory)


@pytest.fixture
def rings(monkeypatch) -> list[tuple[Any, ...]]:
    """Messages to workers, kept instead of sent to a broker: ``(task, *arguments)``."""
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr(current_app, "send_task", _recorder(rung))
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    return rung


def _recorder(rung: list[tuple[Any, ...]]) -> Callable[..., None]:
    def send_task(name: str, args: tuple[Any, ...] = (), **_: Any) -> None:
        rung.append((name, *args))

    return send_task


@pytest.fixture(autouse=True)
def folders(settings, tmp_path: Path, media: Path) -> Path:
    """Uploads, answers and media of one test."""
    settings.DATA = tmp_path / "data"
    settings.UPLOADS = tmp_path / "data" / "uploads"
    settings.UPLOADS.mkdir(parents=True)
    return settings.DATA


@pytest.fixture
def server(db) -> Connection:
    connection = Connection(
        name="Engine", kind=Connection.Kind.ENGINE, base_url="http://speech.test"
    )
    connection.api_key = "secret"
    connection.save()
    return connection


@pytest.fixture
def project(server: Connection) -> Project:
    return Project.objects.create(connection=server, upstream_id="p-1", name="Interviews")


@pytest.fixture
def other_project(server: Connection) -> Project:
    """Eve's."""
    return Project.objects.create(connection=server, upstream_id="p-2", name="Elsewhere")


def member(name: str, project: Project, role: str) -> User:
    user = User.objects.create_user(f"{name}@example.test", "pass-word-1")
    Membership.objects.create(user=user, project=project, role=role)
    return user


@pytest.fixture
def ada(project: Project) -> User:
    return member("ada", project, Membership.Role.OWNER)


@pytest.fixture
def bob(project: Project) -> User:
    return member("bob", project, Membership.Role.MEMBER)


@pytest.fixture
def vera(project: Project) -> User:
    """A viewer."""
    return member("vera", project, Membership.Role.VIEWER)


@pytest.fixture
def eve(other_project: Project) -> User:
    """A stranger to the project."""
    return member("eve", other_project, Membership.Role.OWNER)


def add_recording(project: Project, audio: bytes | None = None, **facts: Any) -> Recording:
    """A recording whose audio is stored, without a run."""
    content = wav_bytes() if audio is None else audio
    number = Recording.objects.count()
    name = default_storage.save(f"recordings/test/{number}", ContentFile(content))
    facts = {"title": "Monday", "size_bytes": len(content), "file": name} | facts
    return Recording.objects.create(project=project, **facts)


@pytest.fixture
def recording(project: Project, ada: User) -> Recording:
    """A second of audio whose transcription is queued."""
    recording = add_recording(project, owner=ada)
    Transcription.objects.create(recording=recording, options=complete({}))
    return recording


@pytest.fixture
def queued(recording: Recording) -> Transcription:
    run = recording.transcription
    assert run is not None
    assert run.state == State.QUEUED
    return run


def read_json(response: Any) -> Any:
    return json.loads(response.content)
