"""A running engine and Deepgram's own SDK as its client."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from tests.speech import join, say, wav_bytes

ROOT = Path(__file__).resolve().parents[3]
# Joined weights are kept between runs; everything else of an engine is new each time.
MODELS = ROOT / "var" / "tests" / "models"


@dataclass
class Engine:
    """One engine process and what is needed to call it."""

    process: subprocess.Popen[bytes]
    data: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return (self.data / "engine.key").read_text().strip()

    def client(self, key: str | None = None, **credentials: str) -> DeepgramClient:
        """The official SDK, pointed here: the contract's section 15.1."""
        environment = DeepgramClientEnvironment(
            base=self.url,
            agent_rest=self.url,
            production=self.url.replace("http", "ws"),
            agent=self.url.replace("http", "ws"),
        )
        if not credentials:
            credentials = {"api_key": key or self.key}
        return DeepgramClient(environment=environment, timeout=120, **credentials)

    def http(self, key: str | None = None) -> httpx.Client:
        headers = {"authorization": f"Token {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    @property
    def project_id(self) -> str:
        with self.http() as http:
            return http.get("/v1/projects").json()["projects"][0]["project_id"]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_engine(data: Path, **settings: str) -> Engine:
    """Start ``python -m engine`` and wait until it answers."""
    port = free_port()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")
    } | {
        "EARSHOT_DATA": str(data),
        "ENGINE_PORT": str(port),
        "ENGINE_MODEL_CACHE": str(MODELS),
        **settings,
    }
    data.mkdir(parents=True, exist_ok=True)
    with (data / "engine.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine"], cwd=ROOT, env=environ, stdout=log, stderr=log
        )
    engine = Engine(process, data, port)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((data / "engine.log").read_text())
        try:
            httpx.get(f"{engine.url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return engine
    engine.stop()
    raise RuntimeError("the engine did not answer within two minutes")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for the whole run; tests that change it for others start their own."""
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def recording() -> bytes:
    """A few seconds of speech in two utterances."""
    said = say("The quick brown fox jumps over the lazy dog."), say("She sells sea shells.")
    return wav_bytes(join(0.3, said[0], 1.0, said[1], 0.3))


@pytest.fixture
def client(engine: Engine) -> DeepgramClient:
    """The SDK with the owner's key."""
    return engine.client()


@pytest.fixture(scope="session")
def project_id(engine: Engine) -> str:
    return engine.project_id


@pytest.fixture(scope="session")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that reaches inside its network, retries soon and has little room."""
    running = start_engine(
        tmp_path_factory.mktemp("lenient"),
        ENGINE_FETCH_PRIVATE_HOSTS="true",
        ENGINE_CALLBACK_RETRY_SECONDS="1",
        ENGINE_LISTEN_LIMIT="2",
    )
    yield running
    running.stop()


@dataclass
class Arrival:
    """One request that reached the test's own server."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Site:
    """A server of the test's: it serves ``pages`` and keeps what is sent to it."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.arrivals: queue.Queue[Arrival] = queue.Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(length)
                site.arrivals.put(Arrival(self.command, self.path, headers, body))
                status, answer_headers, page = site.pages.get(self.path, (200, {}, b""))
                self.send_response(status)
                for name, value in answer_headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()
