"""A running engine and Deepgram's own SDK as its client."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from deepgram import DeepgramClient

from tests.engine.engine import Engine, run_errand, start_engine
from tests.speech import join, say, wav_bytes

__all__ = ["Engine", "Site", "run_errand", "start_engine"]


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
