"""Real workers: processes that are killed, stopped and cut off from their broker."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.transcripts.conftest import found, transcript, wav_bytes

pytestmark = pytest.mark.full

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 120


class Server(http.server.ThreadingHTTPServer):
    """A speech server that answers a recording once ``gate`` is open, a text once ``reads`` is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.gate = threading.Event()
        self.gate.set()
        self.reads = threading.Event()
        self.reads.set()
        self.heard = 0
        self.read = 0
        self.left = threading.Event()
        threading.Thread(target=self.serve_forever, args=[0.01], daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Call(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        lists = {
            "/v1/projects": {"projects": [{"project_id": "p-1", "name": "Interviews"}]},
            "/v1/models": {"stt": [], "tts": []},
        }
        self.respond(json.dumps(lists[self.path]).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/v1/read"):
            self.server.read += 1
            gate, response = self.server.reads, found()
        else:
            self.server.heard += 1
            gate, response = self.server.gate, transcript("Good morning everyone.")
        while not gate.wait(0.05):
            if self.caller_left():
                self.server.left.set()
                return
        with contextlib.suppress(OSError):
            self.respond(response.content)

    def caller_left(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        return False

    def respond(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Installation:
    """A library of its own with workers that can be started and ended."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.environ |= {
            "EARSHOT_DATA": str(folder / "data"),
            "DEEPGRAM_API_KEY": "k-1",
            "DEEPGRAM_BASE_URL": url,
            "CELERY_BROKER_URL": "filesystem://",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def manage(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command[-1]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("-m", "celery", "--app", "webapp", "worker", "--without-mingle")

    def beat(self) -> subprocess.Popen[bytes]:
        return self.start("-m", "celery", "--app", "webapp", "beat")

    def transcribe(self, *features: str) -> subprocess.Popen[bytes]:
        """Start ``manage.py transcribe`` on a file."""
        (self.folder / "monday.wav").write_bytes(wav_bytes())
        chosen = [f"--feature={feature}" for feature in features]
        return self.start("manage.py", "transcribe", *chosen, str(self.folder / "monday.wav"))

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query of the database."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "earshot.sqlite3")) as rows:
            return rows.execute(query).fetchall()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def speech_server():
    server = Server()
    yield server
    server.gate.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a migrated database."""
    folder = tmp_path_factory.mktemp("migrated")
    Installation(folder, "http://127.0.0.1:9").manage("migrate", "-v0")
    return folder / "data"


@pytest.fixture
def installation(tmp_path: Path, speech_server: Server, migrated: Path):
    shutil.copytree(migrated, tmp_path / "data", dirs_exist_ok=True)
    installation = Installation(tmp_path, speech_server.url)
    installation.manage("setup")
    yield installation
    installation.close()


def until(fact, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_jobs_of_a_killed_worker_are_done_once_by_the_next(installation, speech_server):
    speech_server.reads.clear()
    installation.beat()
    first = installation.worker()
    # The transcript is finished and printed whatever becomes of the stage that follows.
    assert installation.transcribe("summarize").wait(PATIENCE_SECONDS) == 0
    until(lambda: speech_server.read == 1, "the first worker sent a text")
    speech_server.gate.clear()
    command = installation.transcribe()
    until(lambda: speech_server.heard == 2, "the first worker sent another recording")
    first.send_signal(signal.SIGKILL)
    first.wait()
    speech_server.gate.set()
    speech_server.reads.set()
    installation.worker()
    assert command.wait(PATIENCE_SECONDS) == 0
    insights = "SELECT state, attempt FROM transcripts_insight"
    until(lambda: installation.ask(insights) == [("done", 2)], "the text is read")
    assert (speech_server.heard, speech_server.read) == (3, 2)
    for table, count in {"utterance": 2, "rawresponse": 2, "rawinsight": 1}.items():
        assert installation.ask(f"SELECT count(*) FROM transcripts_{table}") == [(count,)]


def test_worker_that_is_told_to_stop_gives_its_job_back_at_once(installation, speech_server):
    speech_server.gate.clear()
    first = installation.worker()
    command = installation.transcribe()
    until(lambda: speech_server.heard == 1, "the worker sent the recording")
    first.send_signal(signal.SIGTERM)
    assert speech_server.left.wait(PATIENCE_SECONDS)  # the server need not continue it
    first.wait(PATIENCE_SECONDS)
    speech_server.gate.set()
    installation.worker()
    # No lease has to run out; without the scheduler only a ring or the sweep finds the job.
    installation.beat()
    assert command.wait(PATIENCE_SECONDS) == 0


def test_recording_is_taken_while_the_broker_is_down(installation, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
        (tmp_path / "a.wav").write_bytes(wav_bytes())
        installation.beat()
        installation.worker()
        done = installation.manage(
            "transcribe", str(tmp_path / "a.wav"), "--json", CELERY_BROKER_URL=nobody
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["transcript"], found["request_id"]) == ("Good morning everyone.", "r-1")
    assert found["utterances"][0]["words"][0]["word"] == "Good"
