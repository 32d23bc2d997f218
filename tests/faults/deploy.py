"""A rolling deploy: SIGTERM while twenty sockets are live and twenty jobs are running."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.engine.engine import Engine, start_engine
from tests.faults.fulldisk import stored
from tests.faults.kills import Speech, library
from tests.product import Product, until

JOBS = SOCKETS = 20
# 1001 going away and 1012 service restart (RFC 6455 section 7.4.1, IANA's registry): reconnect.
TOLD_TO_RECONNECT = {1001, 1012}
FRAME = bytes(3_200)  # a tenth of a second of silence at 16 kHz


def tried(environ: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Facts about jobs, which depend on the broker, with their outcomes and seconds."""
    started = time.monotonic()
    # One thread more than PostgreSQL connections: a job at work on the server holds none.
    environ = environ | {"EARSHOT_WORKER_THREADS": str(JOBS + 1)}
    with tempfile.TemporaryDirectory(prefix="earshot-deploy-") as name, Speech() as speech:
        speech.gate.clear()
        product = Product(Path(name), **environ, **speech.environ)
        product.start()
        try:
            member = product.member()
            recordings = [stored(member, f"{number:05d}.wav") for number in range(JOBS)]
            until(lambda: speech.at_work >= JOBS, 120, f"{JOBS} jobs are running")
            product.stop()
            speech.gate.set()
            product.start()
            member = product.member()
            for recording in recordings:
                member.transcript(recording, 300)
            rows = library(product)["rows"]
        finally:
            speech.gate.set()
            product.stop()
    seconds = time.monotonic() - started
    done = [row for row in rows if row[1:] == ["done", 1]]
    good = len(done) == len(rows) == JOBS
    yield (
        f"{JOBS} jobs that were running at SIGTERM are done once by the next worker",
        f"ok ({len(done)})" if good else f"FAILED: {[row for row in rows if row not in done][:3]}",
        seconds,
    )


def sockets() -> Iterator[tuple[str, str, float]]:
    """Facts about the engine's sockets."""
    started = time.monotonic()
    limits = ("ENGINE_LIVE_LIMIT", "ENGINE_LIVE_LIMIT_TOTAL", "ENGINE_STREAM_LIMIT")
    environ = {name: str(SOCKETS) for name in limits}
    with tempfile.TemporaryDirectory(prefix="earshot-deploy-") as name:
        for fact in ("closed with a code to reconnect", "accepted by the next engine"):
            engine = start_engine(Path(name), **environ)
            try:
                codes = asyncio.run(stopped(engine))
            finally:
                engine.stop()
            good = len(codes) == SOCKETS and set(codes) <= TOLD_TO_RECONNECT
            told = f"ok ({sorted(set(codes))})" if good else f"FAILED: {codes}"
            yield f"{SOCKETS} live sockets at SIGTERM are {fact}", told, time.monotonic() - started
        ended = engine.process.returncode
        yield "the engine ends by itself", "ok" if ended in (0, -15) else f"FAILED: {ended}", 0.0


async def stopped(engine: Engine) -> list[int | None]:
    """Return the close of each socket when the engine is told to stop."""
    url = f"{engine.socket_url}/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true"
    headers = {"authorization": f"Token {engine.key}"}
    opened = await asyncio.gather(
        *(connect(url, additional_headers=headers, compression=None) for _ in range(SOCKETS))
    )
    for socket in opened:
        await socket.send(FRAME)
        await socket.send(json.dumps({"type": "Finalize"}))
        await socket.recv()  # it is being read
    engine.process.terminate()
    return list(await asyncio.gather(*map(close_code, opened)))


async def close_code(socket: ClientConnection) -> int | None:
    try:
        async with asyncio.timeout(60):
            while True:
                await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    except TimeoutError:
        return None
