"""The web server as it is started, by `up` and by the manual, bounds what a connection may hold."""

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from network.connections import HEADS_AT_ONCE
from tests.product import free_port, until
from webapp.env import ROOT
from webapp.management.commands.up import processes

pytestmark = pytest.mark.full

PATIENCE_SECONDS = 120.0
HALF = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
MIB = 1024 * 1024


def started_by_up() -> list[str]:
    """The command of `up`, without the address."""
    (web,) = (each.command for each in processes(echo=False) if each.name == "web")
    for name in ("--host", "--port"):
        del web[web.index(name) : web.index(name) + 2]
    return web


def started_by_the_manual() -> list[str]:
    text = (ROOT / "docs" / "running.md").read_text().replace("\\\n", " ")
    (command,) = re.findall(r"^ +\.venv/bin/(uvicorn webapp\.asgi.*)$", text, re.MULTILINE)
    return shlex.split(command)


def options(command: list[str]) -> dict[str, str]:
    return dict(pairwise(command))


def test_the_manual_has_the_limits_of_up(settings, tmp_path):
    settings.DATA = tmp_path
    ours, manuals = options(started_by_up()), options(started_by_the_manual())
    for name in ("--http", "--ws", "--ws-max-size", "--ws-per-message-deflate"):
        assert ours[name] == manuals[name], name


@pytest.fixture(params=[started_by_up, started_by_the_manual])
def port(request, settings, tmp_path: Path) -> Iterator[int]:
    settings.DATA = tmp_path
    port = free_port()
    environ = os.environ | {"EARSHOT_DATA": str(tmp_path / "data"), "PORT": str(port)}
    command = [sys.executable, "-m", *request.param(), "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: responds(port), PATIENCE_SECONDS, "the server responds")
        yield port
    finally:
        server.kill()
        server.wait()


def responds(port: int) -> bool:
    try:
        found = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_SECONDS)
    except httpx.TransportError:
        return False
    return found.status_code == 200


def opened(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    connection.sendall(sent)
    return connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    found = b""
    try:
        while data := connection.recv(65_536):
            found += data
    except ConnectionError:
        pass
    return found


def test_endless_and_unfinished_heads_are_rejected(port: int):
    with opened(port, HALF + b"x-long: ") as connection:
        sent = 0
        try:
            while sent < 128 * MIB:
                sent += connection.send(b"x" * MIB)
        except ConnectionError:
            pass
        assert sent < 64 * MIB  # what the kernel's buffers took
    with opened(port, HALF + b"x-long: " + b"x" * 70_000) as connection:
        assert received(connection).startswith(b"HTTP/1.1 431 ")
    with ExitStack() as stack:
        halves = [stack.enter_context(opened(port, HALF)) for _ in range(HEADS_AT_ONCE + 44)]
        assert responds(port)
        for connection in halves[:44]:
            assert b" 200 " not in received(connection)
        assert responds(port)
