"""Start, housekeeping and shutdown of the engine."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from engine.accounts.credentials import Credentials
from engine.env import Environment, Misconfigured
from engine.gateway.operations import find_operation
from engine.inference.callbacks import Deliveries
from engine.inference.models import prepare, recognizer, synthesizer, unload_idle
from engine.models import Request
from engine.runtime.database import in_database
from engine.runtime.garbage import HEAP
from engine.runtime.loop_lag import PULSE
from engine.runtime.modelcache import MEMORY
from engine.runtime.priority import step_back
from engine.speech.errors import UnknownModel
from engine.speech.synthesis.voices import find_voice
from engine.thinking.providers import LOCAL
from engine.weights.errors import MissingWeights

logger = logging.getLogger("engine")

_SAVE_USE_SECONDS = 60
_PURGE_SECONDS = 24 * 3600
_UNLOAD_SECONDS = 60  # between looks for idle models
_RELIEVE_SECONDS = 10  # between looks at the memory


class Service:
    """Lives as long as the process serves; owns every task that no call owns."""

    def __init__(self, environment: Environment, credentials: Credentials) -> None:
        self._environment = environment
        self._credentials = credentials

    def warm(self) -> None:
        """Load the models, so that the first call is as fast as the next.

        Raises ``Misconfigured`` when their weights are not here or not converted, or a voice is
        none.
        """
        with ThreadPoolExecutor(1, "warm", step_back) as thread:  # the models' threads inherit it
            thread.submit(self._warm).result()

    def _warm(self) -> None:
        environment = self._environment
        try:
            prepare()
        except MissingWeights as error:
            raise Misconfigured(f"{error}.") from error
        find_operation("/healthz", "GET")  # loads every view
        try:
            recognizer().warm([environment.english_model, environment.multilingual_model])
        except MissingWeights as error:
            raise Misconfigured(
                f"{error}; set ENGINE_ENGLISH_MODEL and ENGINE_MULTILINGUAL_MODEL."
            ) from error
        try:
            synthesizer().warm(*map(find_voice, environment.warm_voices))
        except (UnknownModel, MissingWeights) as error:
            raise Misconfigured(f"{error}; set ENGINE_WARM_VOICES to names of voices.") from error

    async def live(self, receive: Any, send: Any) -> None:
        """The ASGI lifespan."""
        await receive()
        # Files that a killed process left belong to requests that have ended.
        shutil.rmtree(self._environment.spool, ignore_errors=True)
        self._environment.spool.mkdir(parents=True)
        deliveries = Deliveries(self._environment)
        await deliveries.prepare()
        relieve = partial(asyncio.to_thread, MEMORY.relieve)
        tasks = [
            asyncio.create_task(_repeat(_SAVE_USE_SECONDS, self._credentials.save_last_use)),
            asyncio.create_task(_repeat(_PURGE_SECONDS, self._purge)),
            asyncio.create_task(_repeat(_UNLOAD_SECONDS, self._unload)),
            asyncio.create_task(_repeat(_RELIEVE_SECONDS, relieve)),
            asyncio.create_task(deliveries.run()),
            asyncio.create_task(HEAP.keep()),
            asyncio.create_task(PULSE.beat()),
        ]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._credentials.save_last_use()
        await LOCAL.stop()
        await asyncio.to_thread(recognizer().close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _unload(self) -> None:
        unloaded = await asyncio.to_thread(unload_idle, self._environment.idle_seconds)
        if unloaded:
            logger.info("unloaded %s: idle", ", ".join(unloaded))

    async def _purge(self) -> None:
        deleted = await in_database(Request.objects.purge, self._environment.request_days)
        if deleted:
            logger.info("deleted %d requests from the log", deleted)


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            logger.exception("housekeeping failed; trying again in %d s", seconds)
        await asyncio.sleep(seconds)
