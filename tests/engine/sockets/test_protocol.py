"""The engine's WebSocket protocol under uvicorn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from engine.consumers.protocol import SCOPE_KEY, Protocol

pytestmark = pytest.mark.full


async def test_the_application_is_told_of_a_clients_pings():
    scopes: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    config = uvicorn.Config(application, log_config=None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(config, ServerState(), {}), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with connect(f"ws://127.0.0.1:{port}/", ping_interval=None) as socket:
        (scope,) = scopes
        assert scope[SCOPE_KEY].last == 0.0
        await (await socket.ping())
        assert scope[SCOPE_KEY].silence_seconds < 5
    server.close()
    await server.wait_closed()
