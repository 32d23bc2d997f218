"""A thousand uploads while processes are killed: none is lost, none is transcribed twice.

The speech server is a program of ours that answers at once; everything else is the product as
`manage.py up` starts it. A client resumes an upload as the page does.
"""

import contextlib
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx
import psycopg

from tests.product import ROOT, Member, Product, until

VICTIMS = ("web", "worker", "beat", "group", "broker")
CLIENTS = 4
PATIENCE_SECONDS = 900
POOL = 20  # EARSHOT_DATABASE_CONNECTIONS
CHUNK = "application/offset+octet-stream"


def tried(environ: dict[str, str], uploads: int, count: int) -> Iterator[tuple[str, str, float]]:
    """Facts with their outcomes and seconds."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="earshot-kills-") as name, Speech() as speech:
        data = Path(name) / "data"
        data.mkdir()
        product = Product(data, **environ, **speech.environ)
        product.start()
        try:
            acknowledged = upload_under(product, uploads, strikes(product, count))
            yield from outcomes(product, acknowledged, uploads, f"{count} kills", started)
            yield connections(product, environ)
        finally:
            product.stop()


def outcomes(
    product: Product, acknowledged: dict[str, int], uploads: int, faults: str, started: float
) -> Iterator[tuple[str, str, float]]:
    def finished() -> dict[str, list[Any]] | None:
        stored = library(product)
        done = [name for name, state, _ in stored["rows"] if state == "done"]
        return stored if len(set(done)) >= uploads else None

    try:
        stored = until(finished, PATIENCE_SECONDS, "every upload is transcribed", every=5)
    except AssertionError:
        stored = library(product)
    names = [name for name, _, _ in stored["rows"]]
    lost = [name for name in acknowledged if names.count(name) == 0]
    open_or_failed = [name for name, state, _ in stored["rows"] if state != "done"]
    doubled = [name for name in set(names) if names.count(name) > 1]
    twice = [name for name, _, transcripts in stored["rows"] if transcripts > 1]
    seconds = time.monotonic() - started
    facts = {
        f"of {uploads} uploads under {faults} lost": lost,
        "without a transcript": open_or_failed,
        "made into two recordings": doubled,
        "transcribed twice": twice,
    }
    for fact, wrong in facts.items():
        outcome = "ok (0)" if not wrong else f"FAILED: {len(wrong)}, such as {wrong[:3]}"
        yield fact, outcome, seconds
    missing = uploads - len(acknowledged)
    yield "acknowledged", f"ok ({uploads})" if not missing else f"FAILED: {missing} not", seconds


def connections(product: Product, environ: dict[str, str]) -> tuple[str, str, float]:
    """Open connections to the database after thousands of requests and tasks."""
    fact = "open connections of web and worker to the database afterwards are at most the pool's"
    if url := environ.get("DATABASE_URL"):
        found = connections_to_server(url)
        # Each process has a pool of its own: web, worker, scheduler.
        most = 3 * POOL
    else:
        found, most = connections_to_file(product), POOL
    good = all(count <= most for count in found.values())
    return fact, f"{'ok' if good else 'FAILED:'} ({found}, at most {most})", 0.0


def connections_to_server(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchone() or (0,)
    return {"PostgreSQL": count}


def connections_to_file(product: Product) -> dict[str, int]:
    found = {}
    for name, pid in product.processes().items():
        if name in ("web", "worker"):
            folder = Path(f"/proc/{pid}/fd")
            targets = [os.readlink(path) for path in folder.iterdir() if path.is_symlink()]
            found[name] = targets.count(str(product.data / "earshot.sqlite3"))
    return found


def upload_under(
    product: Product,
    uploads: int,
    faults: Sequence[Callable[[], None]],
    clients: int = CLIENTS,
    watch: Callable[[httpx.Response], None] | None = None,
) -> dict[str, int]:
    """Upload from several clients while this thread makes faults; name of each to its recording.

    ``watch`` sees every response.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
    for number in range(uploads):
        waiting.put(f"{number:05d}.wav")
    acknowledged: dict[str, int] = {}

    def work() -> None:
        member = patiently(product.member)
        if watch is not None:
            member.http.event_hooks["response"].append(watch)
        while True:
            try:
                name = waiting.get_nowait()
            except Empty:
                return
            acknowledged[name] = Uploading(member, name).run()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for done, fault in enumerate(faults):
        # Spread over the uploads, so that every fault finds some under way.
        due = uploads * (done + 1) // (len(faults) + 1)
        while len(acknowledged) < due and any(t.is_alive() for t in threads):
            time.sleep(0.05)
        fault()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return acknowledged


def strikes(product: Product, count: int) -> list[Callable[[], None]]:
    """Kills of a victim by chance, each with a pause of up to a second after it."""
    chance = random.Random(11)

    def kill() -> None:
        strike(product, chance.choice(VICTIMS))
        time.sleep(chance.uniform(0, 1))

    return [kill] * count


def strike(product: Product, victim: str) -> None:
    # Only this thread starts processes: they end with the thread that started them.
    if victim == "group":
        product.stop(signal.SIGKILL)
        product.start()
    elif victim == "broker":
        wipe_broker(product)
    else:
        pid = until(lambda: product.processes().get(victim), 120, f"{victim} runs")
        os.kill(pid, signal.SIGKILL)


def wipe_broker(product: Product) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celery", "--app", "webapp", "purge", "--force"],
        cwd=ROOT,
        env=product.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"the broker was not wiped: {done.stderr[-500:]}"


def library(product: Product) -> dict[str, list[Any]]:
    """Every recording as name, state and how many transcripts it has."""
    code = (
        "import json; from transcripts.models import *; from django.db.models import Count, Q; "
        "done = Count('transcriptions', filter=Q(transcriptions__state='done')); "
        "rows = Recording.objects.annotate(done=done); "
        "print(json.dumps({'rows': list(rows.values_list('original_name', 'state', 'done'))}))"
    )
    done = product.manage("shell", "-v0", "-c", code)
    return json.loads(done.stdout.splitlines()[-1])


def patiently(act: Any) -> Any:
    """Do it again while the server is away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except (httpx.TransportError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


class Uploading:
    """One file on its way in, resumed where the server stands."""

    def __init__(self, member: Member, name: str) -> None:
        self.member, self.name = member, name
        self.content = wav(name)

    def run(self) -> int:
        """Return the recording that the server acknowledged."""
        address = patiently(self.create)
        while True:
            recording = patiently(lambda: self.send(address))
            if recording is not None:
                return recording

    def create(self) -> str:
        response = self.member.create_upload(self.name, len(self.content))
        assert response.status_code == 201, response.text[:200]
        return response.headers["Location"]

    def send(self, address: str) -> int | None:
        http, headers = self.member.http, self.member.headers
        head = http.head(address, headers=headers)
        assert head.status_code == 200, head.status_code
        offset = int(head.headers["Upload-Offset"])
        sent = http.patch(
            address,
            content=self.content[offset:],
            headers=headers | {"Upload-Offset": str(offset), "Content-Type": CHUNK},
        )
        assert sent.status_code < 500, sent.status_code
        return sent.json()["recording"] if sent.status_code == 200 else None


def wav(name: str) -> bytes:
    """Half a second of a tone of its own, as a 16-bit WAV: no two files have the same bytes."""
    import io
    import wave

    number = int(name.split(".")[0])
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        period = 20 + number % 50
        samples = [(step * 50 + number) % 8_000 for step in range(period)]
        frames = b"".join(sample.to_bytes(2, "little") for sample in samples)
        writer.writeframes((frames * (4_000 // period + 1))[:8_000])
    return file.getvalue()


class Speech(http.server.ThreadingHTTPServer):
    """A speech server that has heard "Good morning." in whatever it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.gate = threading.Event()  # responses wait while it is cleared
        self.gate.set()
        self.at_work = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def environ(self) -> dict[str, str]:
        return {
            "DEEPGRAM_API_KEY": "k-1",
            "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{self.server_port}",
        }

    def __exit__(self, *facts: Any) -> None:
        self.shutdown()
        super().__exit__(*facts)


class Call(http.server.BaseHTTPRequestHandler):
    server: Speech

    def do_GET(self) -> None:
        lists = {
            "/v1/projects": {"projects": [{"project_id": "p-1", "name": "Interviews"}]},
            "/v1/models": {"stt": [], "tts": []},
        }
        self.respond(lists.get(self.path))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.at_work += 1
        self.server.gate.wait()
        with self.server.lock:
            self.server.at_work -= 1
        words = [
            {"word": word, "start": index / 5, "end": index / 5 + 0.2, "confidence": 0.9}
            for index, word in enumerate(("good", "morning"))
        ]
        alternative = {"transcript": "good morning", "confidence": 0.9, "words": words}
        self.respond(
            {
                "metadata": {"request_id": "r-1", "duration": 0.5, "channels": 1},
                "results": {"channels": [{"alternatives": [alternative]}]},
            }
        )

    def respond(self, value: object) -> None:
        body = json.dumps(value).encode()
        with contextlib.suppress(OSError):  # the client has gone
            self.send_response(200 if value is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
