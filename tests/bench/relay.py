"""Live audio through the product, next to a direct connection and nginx, with an echo upstream.

Each session sends 50 frames of 640 bytes a second; the upstream responds to each frame with a
result. A round trip is from a frame to the first result that covers it. The load comes from
this process, which needs a core of its own: the figures of the three ways are compared with each
other, not with those of another machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.bench.echo import BYTES_PER_SECOND, STALL
from tests.bench.results import Result, at_least, at_most
from tests.product import ROOT, Member, Product, free_port, until

SESSIONS = 50
MANY_SESSIONS = 120
WARM_SESSIONS = 10  # whose memory is that of the first use of everything
VIEWERS = 200
STALLED = 20
STORED_CAPTIONS = 20_000  # 10 MB, which no buffer of a socket takes
STALLED_SECONDS = 90.0  # until a viewer that reads nothing is disconnected
UNHEARD_SECONDS = 60  # of audio for an upstream that reads nothing
REQUESTS, SOCKETS, TASKS = 1_000, 200, 1_000
WORKER_THREADS = 4
LIVE_THREADS = 4  # of ``transcripts/live/database.py``
TASKS_CODE = """
from transcripts.tasks import transcribe
for _ in range({count}):
    transcribe.delay(0)  # there is none: a query and nothing else
"""
FRAME_BYTES = 640
FRAMES_PER_SECOND = 50
WARM_SECONDS = 3.0
SECONDS = 15.0
REAL_TIME_SECONDS = 0.5  # a result that is later is not live
HEADER_BYTES = 44  # of a WAV file
SOON = f"{STALLED_SECONDS:g} s later"
OFFSET = struct.Struct("<Q")
CAPTIONS = """
from transcripts.live.models import Caption, LiveSession
session = LiveSession.objects.get(pk="{pk}")
Caption.objects.bulk_create(
    [
        Caption(session=session, index=n, sequence=n + 1, start=n, end=n + 1, text="word " * 100)
        for n in range({count})
    ],
    batch_size=500,
)
LiveSession.objects.filter(pk=session.pk).update(sequence={count})
"""
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


@dataclass
class Session:
    """One microphone: when each byte was sent, and how long its result took."""

    url: str
    headers: dict[str, str]
    is_ours: bool  # a page of the product, otherwise a speech server
    sent: list[tuple[int, float]] = field(default_factory=list)
    trips: list[float] = field(default_factory=list)

    @property
    def pk(self) -> str:
        return self.url.partition("/live/")[2].partition("/")[0]

    async def open(self, stack: AsyncExitStack) -> None:
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "open_timeout": 60}
        self.socket = await stack.enter_async_context(
            connect(self.url, additional_headers=self.headers, **options)
        )
        if self.is_ours:
            await self._wait_for(self.socket, "Session")

    async def run(self, seconds: float) -> None:
        reading = asyncio.create_task(self._read(self.socket))
        await self._send(self.socket, seconds)
        await asyncio.sleep(REAL_TIME_SECONDS)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def pour(self, size: int) -> None:
        """Send so much audio as fast as it is taken, and wait until it is on disk."""
        for offset in range(0, size, FRAME_BYTES):
            await self.socket.send(OFFSET.pack(offset) + bytes(FRAME_BYTES))
        async with asyncio.timeout(STALLED_SECONDS):
            async for text in self.socket:
                if json.loads(text).get("bytes") == size:
                    return

    async def _wait_for(self, socket: ClientConnection, kind: str) -> None:
        while json.loads(await socket.recv())["type"] != kind:
            pass

    async def _send(self, socket: ClientConnection, seconds: float) -> None:
        started = time.perf_counter()
        for number in range(round(seconds * FRAMES_PER_SECOND)):
            # A microphone gives a frame when it is full.
            due = started + number / FRAMES_PER_SECOND
            await asyncio.sleep(max(due - time.perf_counter(), 0.0))
            offset = number * FRAME_BYTES
            head = OFFSET.pack(offset) if self.is_ours else b""
            now = time.perf_counter()
            if number >= WARM_SECONDS * FRAMES_PER_SECOND:
                self.sent.append((offset + FRAME_BYTES, now))
            await socket.send(head + bytes(FRAME_BYTES))

    async def _read(self, socket: ClientConnection) -> None:
        place = 0
        async for text in socket:
            now = time.perf_counter()
            covered = self._covered(json.loads(text))
            while place < len(self.sent) and self.sent[place][0] <= covered:
                self.trips.append(now - self.sent[place][1])
                place += 1

    def _covered(self, message: dict[str, Any]) -> int:
        """Return the bytes that a result covers, 0 for any other message."""
        match message:
            case {"type": "Results", "channel": {"alternatives": [{"transcript": text}]}}:
                return int(text)
            case {"type": "Interim", "parts": [{"text": text}, *_]}:
                return int(text)
            case {"type": "Caption", "text": text}:
                return int(text or 0)
        return 0


@dataclass
class Run:
    """Round trips in seconds of all sessions, sorted, and the processor time of the relay."""

    trips: np.ndarray[Any, Any]
    sent: int
    cpu_percent: float  # of a core, for each session
    memory_bytes: int  # of the relay with all sessions open

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.trips, share)) * 1_000

    @property
    def on_time(self) -> float:
        """Per cent of the frames whose result came in time."""
        return 100 * float((self.trips < REAL_TIME_SECONDS).sum()) / self.sent


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(sessions: Sequence[Session], relay: list[psutil.Process]) -> Run:
    used, memory = 0.0, 0

    async def run() -> None:
        nonlocal used, memory

        # Spread over a frame, as microphones are.
        async def later(session: Session, number: int) -> None:
            await asyncio.sleep(number / len(sessions) / FRAMES_PER_SECOND)
            await session.run(WARM_SECONDS + SECONDS)

        async with AsyncExitStack() as stack:
            for session in sessions:
                await session.open(stack)
            before, started = cpu_seconds(relay), time.perf_counter()
            await asyncio.gather(*(later(each, number) for number, each in enumerate(sessions)))
            used = (cpu_seconds(relay) - before) / (time.perf_counter() - started)
            memory = sum(process.memory_info().rss for process in relay)

    uvloop.run(run())
    trips = np.sort(np.concatenate([np.array(each.trips) for each in sessions]))
    sent = sum(len(each.sent) for each in sessions)
    return Run(trips, sent, 100 * used / len(sessions), memory)


@contextmanager
def echoing() -> Iterator[int]:
    """Start the echo server; its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.echo", str(port)], cwd=ROOT)
    try:
        until(lambda: is_listening(port), 30, "the echo server listens")
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[tuple[int, list[psutil.Process]]]:
    """Start nginx in front of ``upstream``; its port and processes."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstream=upstream))
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
    try:
        until(lambda: is_listening(port), 30, "nginx listens")
        yield port, psutil.Process(process.pid).children()
    finally:
        process.terminate()
        process.wait()


def is_listening(port: int) -> bool:
    return any(
        each.laddr.port == port for each in psutil.net_connections("tcp") if each.status == "LISTEN"
    )


def direct_sessions(port: int, count: int) -> list[Session]:
    url = f"ws://127.0.0.1:{port}/v1/listen?encoding=linear16&sample_rate=16000"
    return [Session(url, {}, is_ours=False) for _ in range(count)]


def product_sessions(member: Member, count: int, **options: str) -> list[Session]:
    """Start live sessions of ``member``."""
    cookies = "; ".join(f"{name}={value}" for name, value in member.http.cookies.items())
    base = str(member.http.base_url).rstrip("/")
    headers = {"Origin": base, "Cookie": cookies}
    sessions = []
    for number in range(count):
        response = member.http.post(
            "/live/start/",
            headers=member.headers,
            data={
                "project": member.project, "title": f"Relay {number}", "source": "microphone",
                "mode": "captions", "language": "en", "model": "nova-3", "endpointing": "300",
                **options,
            },
            follow_redirects=False,
        )  # fmt: skip
        path = re.match(r"(/live/[0-9a-f-]+/)", response.headers.get("Location", ""))
        assert path, f"a session was not started: {response.status_code} {response.text[:500]}"
        url = f"{base.replace('http', 'ws', 1)}{path[1]}listen?tab=t{number}"
        sessions.append(Session(url, headers, is_ours=True))
    return sessions


def run() -> Iterator[Result]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        echo = stack.enter_context(echoing())
        direct = measure(direct_sessions(echo, SESSIONS), [])
        yield Result("direct, round trip p50", direct.percentile(50), "ms")
        yield Result("direct, round trip p99", direct.percentile(99), "ms")

        with nginx(folder, echo) as (port, processes):
            plain = measure(direct_sessions(port, SESSIONS), processes)
        yield from added("nginx", plain, direct)
        yield Result("nginx, processor time of a session", plain.cpu_percent, "% of a core")

        product = Product(
            folder,
            DEEPGRAM_API_KEY="echo",
            DEEPGRAM_BASE_URL=f"http://127.0.0.1:{echo}",
        )
        product.start()
        stack.callback(product.stop)
        member = product.member()
        web = psutil.Process(product.processes()["web"])
        yield from ours(product, member, web, direct, plain)


def ours(
    product: Product, member: Member, web: psutil.Process, direct: Run, plain: Run
) -> Iterator[Result]:
    measure(product_sessions(member, WARM_SESSIONS), [])
    before = web.memory_info().rss
    relayed = measure(product_sessions(member, SESSIONS), [web])
    memory = (relayed.memory_bytes - before) / SESSIONS / 1_000
    p50, p99 = (relayed.percentile(share) - direct.percentile(share) for share in (50, 99))
    yield at_most("Earshot, added round trip p50", p50, 0.7, "ms")
    yield at_most("Earshot, added round trip p99", p99, 4.0, "ms")
    cpu = relayed.cpu_percent
    yield at_most("Earshot, processor time of a session", cpu, 0.7, "% of a core")
    yield at_most("Earshot / nginx, processor time", cpu / plain.cpu_percent, 6.0, "")
    yield at_most("Earshot, memory of a session", memory, 150, "kB")
    with database_work(product):
        beside = measure(product_sessions(member, SESSIONS), [])
    added_p99 = beside.percentile(99) - relayed.percentile(99)
    yield at_most("Earshot, added p99 beside database work of 0.5 s", added_p99, 4.0, "ms")
    many = measure(product_sessions(member, MANY_SESSIONS), [web])
    name = f"Earshot, {MANY_SESSIONS} sessions, results within {REAL_TIME_SECONDS:g} s"
    yield at_least(name, many.on_time, 99.0, "%")
    yield from watched(member)
    yield from stalled_viewers(product, member, web)
    yield from stalled_upstream(product, member, web)
    yield from connections(product, member, web)


@contextmanager
def database_work(product: Product) -> Iterator[None]:
    """Write to the database for half a second again and again, as a slow page does."""
    is_over = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(product.data / "earshot.sqlite3", timeout=30)) as database:
            database.isolation_level = None
            while not is_over.wait(0.5):
                database.execute("BEGIN IMMEDIATE")
                is_over.wait(0.5)
                database.execute("ROLLBACK")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def watched(member: Member) -> Iterator[Result]:
    """One session, alone and with many viewers."""
    (alone,) = product_sessions(member, 1)
    before = measure([alone], [])
    (session,) = product_sessions(member, 1)
    followed = Followed(session, link_of(member, session), VIEWERS)
    beside = measure([followed], [])
    p99 = beside.percentile(99) - before.percentile(99)
    yield at_most(f"Earshot, added p99 of a session with {VIEWERS} viewers", p99, 20.0, "ms")
    behind = min(followed.seen) / max(followed.captions, 1)
    yield at_least("captions that the slowest viewer has", 100 * behind, 100, "%")


def link_of(member: Member, session: Session) -> str:
    """Return the address of the captions of a session, for its members."""
    page = member.get(f"/live/{session.pk}/link/")
    found = re.search(r"/captions/[\w-]+/", page)
    assert found, "the page has no link to the captions"
    return session.url.partition("/live/")[0] + found[0]


class Followed(Session):
    """A session that many pages watch."""

    def __init__(self, session: Session, link: str, viewers: int) -> None:
        super().__init__(session.url, session.headers, is_ours=True)
        self.link, self.viewers = link, viewers
        self.seen: list[int] = [0] * viewers
        self.captions = 0

    async def open(self, stack: AsyncExitStack) -> None:
        await super().open(stack)
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "open_timeout": 60}
        sockets = [
            await stack.enter_async_context(
                connect(f"{self.link}watch", additional_headers=self.headers, **options)
            )
            for _ in range(self.viewers)
        ]
        for number, each in enumerate(sockets):
            task = asyncio.create_task(self._watch(number, each))
            stack.callback(task.cancel)

    async def _watch(self, number: int, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                self.seen[number] += json.loads(text)["type"] == "Caption"

    def _covered(self, message: dict[str, Any]) -> int:
        self.captions += message["type"] == "Caption"
        return super()._covered(message)


def stalled_viewers(product: Product, member: Member, web: psutil.Process) -> Iterator[Result]:
    """Viewers of a long session that read nothing."""
    (session,) = product_sessions(member, 1)
    made = product.manage("shell", "-c", CAPTIONS.format(pk=session.pk, count=STORED_CAPTIONS))
    assert made.returncode == 0, made.stderr
    link = link_of(member, session)
    held, left = 0.0, STALLED

    async def watch() -> None:
        nonlocal held, left
        async with AsyncExitStack() as stack:
            before = web.memory_info().rss
            ports = {await open_stalled(stack, f"{link}watch", session) for _ in range(STALLED)}
            await asyncio.sleep(WARM_SECONDS)
            held = (web.memory_info().rss - before) / STALLED / 1_000
            deadline = time.perf_counter() + STALLED_SECONDS
            while left and time.perf_counter() < deadline:
                await asyncio.sleep(1)
                left = connected(web, ports)

    uvloop.run(watch())
    yield at_most("memory of a stalled viewer", held, 1_049, "kB")
    yield at_most(f"of {STALLED} stalled viewers, connected {SOON}", left, 0, "")


async def open_stalled(stack: AsyncExitStack, url: str, session: Session) -> int:
    """Open a socket that is never read; its port."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    address = urlsplit(url)
    plain.connect((address.hostname, address.port))
    port: int = plain.getsockname()[1]
    plain.setblocking(False)
    opening = connect(
        url, sock=plain, additional_headers=session.headers, compression=None,
        ping_interval=None, max_queue=1, close_timeout=0.1,
    )  # fmt: skip
    await stack.enter_async_context(opening)
    return port


def connected(web: psutil.Process, ports: set[int]) -> int:
    return sum(bool(each.raddr) and each.raddr.port in ports for each in web.net_connections())


def stalled_upstream(product: Product, member: Member, web: psutil.Process) -> Iterator[Result]:
    """Sessions whose speech server reads nothing any more."""
    sessions = product_sessions(member, STALLED, keyterm=STALL)
    audio = UNHEARD_SECONDS * BYTES_PER_SECOND
    held = 0.0

    async def speak() -> None:
        nonlocal held
        async with AsyncExitStack() as stack:
            for session in sessions:
                await session.open(stack)
            before = web.memory_info().rss
            await asyncio.gather(*(each.pour(audio) for each in sessions))
            held = (web.memory_info().rss - before) / STALLED / 1_000

    uvloop.run(speak())
    stored = sum((product.data / "live" / f"{each.pk}.wav").stat().st_size for each in sessions)
    name = f"memory of a session whose upstream reads nothing of {UNHEARD_SECONDS} s"
    yield at_most(name, held, 1_049, "kB")
    kept = 100 * stored / (audio + HEADER_BYTES) / STALLED
    yield at_least("its audio on disk", kept, 100, "%")


def connections(product: Product, member: Member, web: psutil.Process) -> Iterator[Result]:
    """Open database connections after many requests, sockets and tasks."""
    for _ in range(REQUESTS):
        member.get("/library/")
    sessions = product_sessions(member, SOCKETS)

    async def open_all() -> None:
        async with AsyncExitStack() as stack:
            for session in sessions:
                await session.open(stack)

    uvloop.run(open_all())
    name = f"database connections after {REQUESTS} requests and {SOCKETS} sockets"
    # SQLite has no pool, but a connection for each thread that does database work at one time: of
    # asyncio, of live sessions, and that of a request. While one is open it keeps the files of
    # closed ones, so this counts the most that were open at once.
    threads = min(32, (os.cpu_count() or 1) + 4) + LIVE_THREADS + 1
    yield at_most(name, held_by(web, product), threads, "")

    sent = product.manage("shell", "-c", TASKS_CODE.format(count=TASKS))
    assert sent.returncode == 0, sent.stderr
    queue = product.data / "broker" / "queue"
    until(lambda: not any(queue.iterdir()), 300, "the worker has taken every task", every=0.5)
    worker = psutil.Process(product.processes()["worker"])
    name = f"database connections of the worker after {TASKS} tasks"
    yield at_most(name, held_by(worker, product), WORKER_THREADS + 1, "")


def held_by(process: psutil.Process, product: Product) -> int:
    """Return the connections of a process to the database."""
    database = str(product.data / "earshot.sqlite3")
    return sum(each.path == database for each in process.open_files())


def added(name: str, measured: Run, direct: Run) -> Iterator[Result]:
    for share in (50, 99):
        difference = measured.percentile(share) - direct.percentile(share)
        yield Result(f"{name}, added round trip p{share}", difference, "ms")
