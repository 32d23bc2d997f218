"""Twenty live sessions while one of two web processes is restarted."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.relay import is_listening
from tests.processes import end_with_parent
from tests.product import ROOT, Product, free_port, until
from tests.wordserver import Page, WordServer, speech, start_pages

pytestmark = pytest.mark.full

SESSIONS = 20
SECONDS = 6
WORDS = [str(second) for second in range(SECONDS)]
PIECE_SECONDS = 0.03  # a few times as fast as speech


@pytest.fixture
def product(full_lane: None, tmp_path: Path) -> Iterator[Product]:
    """Earshot with a speech server that knows made-up speech."""
    server = WordServer()
    product = Product(tmp_path, **server.environ)
    product.start()
    yield product
    product.stop()
    server.close()


@pytest.fixture
def second_port(product: Product) -> Iterator[int]:
    """Start another web process of the same Earshot; its port."""
    port = free_port()
    options = ["--loop", "uvloop", "--http", "network.connections:HttpConnection"]
    options += ["--ws", "network.connections:WebSocketConnection", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "webapp.asgi:application", *options],
        cwd=ROOT,
        env=product.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings"},
        preexec_fn=end_with_parent,
    )
    until(lambda: is_listening(port), 120, "the second web process listens")
    yield port
    process.terminate()
    process.wait(30)


async def served_in_turn(page: Page, ports: list[int]) -> None:
    speaking = asyncio.create_task(page.speak())
    for port in ports:
        await page.serve(port)
    await speaking


def is_half_way(page: Page) -> bool:
    return page.spoken > len(page.audio) / 2 and bool(page.captions)


async def restart(pages: list[Page], ports: list[int], web: int) -> None:
    """Stop the first web process while every page has spoken half of its words."""
    serving = [asyncio.create_task(served_in_turn(page, ports)) for page in pages]
    while not all(map(is_half_way, pages)):  # noqa: ASYNC110 no event reports it
        await asyncio.sleep(0.05)
    os.kill(web, signal.SIGTERM)
    await asyncio.gather(*serving)


def test_a_rolling_restart_under_twenty_sessions_loses_nothing(product, second_port):
    member, audio = product.member(), speech(SECONDS)
    pages = start_pages(member, SESSIONS, audio, PIECE_SECONDS)
    ports = [product.port, second_port]
    asyncio.run(restart(pages, ports, product.processes()["web"]))

    first_closes = [page.closes[0] for page in pages]
    assert {code for code, _ in first_closes} == {1012}
    waits = [re.search(r"retry in ([\d.]+) s", reason) for _, reason in first_closes]
    times = {float(wait[1]) for wait in waits if wait}
    assert len(times) > 1
    assert all(0.5 <= seconds <= 3 for seconds in times)
    for page in pages:
        assert page.texts == WORDS
        assert page.stored(second_port) == audio
