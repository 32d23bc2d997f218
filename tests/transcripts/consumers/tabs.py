"""Browser tabs, without a browser: the sockets of pages over the ASGI application."""

import json
import struct
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from management.models import User
from webapp.asgi import application

AUDIO = bytes(range(100)) * 100


class Tab(ApplicationCommunicator):
    """A browser tab of a user's."""

    def __init__(self, path: str, user: User | None, query: str = "", **headers: str) -> None:
        given = {"host": "testserver", "origin": "http://testserver"} | headers
        if user is not None:
            client = Client()
            client.force_login(user)
            given["cookie"] = f"sessionid={client.cookies['sessionid'].value}"
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        super().__init__(application, scope)

    async def connect(self) -> dict[str, Any]:
        await self.send_input({"type": "websocket.connect"})
        message: dict[str, Any] = await self.receive_output(60)
        return message

    async def hears(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds, or the close."""
        while True:
            output = await self.receive_output(60)
            if output["type"] == "websocket.close":
                assert "close" in kinds, output
                return output
            message: dict[str, Any] = json.loads(output["text"])
            if message["type"] in kinds:
                return message

    async def speaks(self, offset: int, audio: bytes = AUDIO) -> None:
        frame = struct.pack("<Q", offset) + audio
        await self.send_input({"type": "websocket.receive", "bytes": frame})

    async def has_stored(self, size: int) -> None:
        while (await self.hears("Confirmed"))["bytes"] < size:
            pass

    async def asks(self, **message: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(message)})

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wait(60)


async def tab(*arguments: Any, **options: Any) -> Tab:
    return await sync_to_async(Tab)(*arguments, **options)


async def opened(*arguments: Any, **options: Any) -> Tab:
    made = await tab(*arguments, **options)
    assert (await made.connect())["type"] == "websocket.accept"
    return made
