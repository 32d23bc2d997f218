"""Delivery of a stream's messages to its callback URL (docs/contract.md, 9.7)."""

from __future__ import annotations

import asyncio
import logging

import httpx

from engine.env import Reach
from engine.exchange import ApiRequest
from engine.inference.fetch import Unreachable, open_url
from engine.wire.shapes import Message, encode

logger = logging.getLogger("engine.inference.callbacks")

_PAUSES = (0.5, 1.0, 2.0)  # seconds between tries; the stream continues meanwhile
_MOST_WAITING = 1_000  # messages


class CallbackLost(Exception):
    """The callback does not take what it is sent: the stream ends."""


class Callback:
    """Sends each message as a request of its own, in order, and again when it is not taken."""

    def __init__(self, request: ApiRequest, url: str, method: str, reach: Reach) -> None:
        self._request = request
        self._url = httpx.URL(url)
        self._method = method
        self._reach = reach
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()

    def send(self, message: Message) -> None:
        """Queue a message; when too many wait, ``run`` ends."""
        self._waiting.put_nowait(message)

    async def run(self) -> None:
        """Send what comes until cancelled. Raises ``CallbackLost``."""
        while self._waiting.qsize() < _MOST_WAITING:
            await self._deliver(encode(await self._waiting.get()))
            self._waiting.task_done()
        raise CallbackLost

    async def wait_for_all(self) -> None:
        await self._waiting.join()

    async def _deliver(self, content: bytes) -> None:
        for pause in (*_PAUSES, None):
            problem = await self._try(content)
            if not problem:
                return
            logger.info("request_id=%s not delivered: %s", self._request.request_id, problem)
            if pause is not None:
                await asyncio.sleep(pause)
        raise CallbackLost

    async def _try(self, content: bytes) -> str:
        """Return the error of one attempt, "" if the message was accepted."""
        headers = {
            "content-type": "application/json",
            "dg-token": str(self._request.caller.api_key_id),
            "dg-request-id": self._request.request_id,
        }
        try:
            async with open_url(
                self._method, self._url, self._reach, content=content, headers=headers
            ) as response:
                return "" if response.is_success else f"status {response.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, Unreachable) as error:
            return type(error).__name__
