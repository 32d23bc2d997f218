"""The local language model of the extra that ``make think`` installs.

It runs in a child process with few threads at a low priority, so that recognition keeps its
cores, and is asked like any other OpenAI-compatible endpoint.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from engine.env import Environment
from engine.weights.errors import MissingWeights
from engine.weights.languagemodel import is_joined, language_model

logger = logging.getLogger("engine")

MODEL = "qwen2.5-coder-1.5b-instruct"
NAME = "Qwen2.5-Coder 1.5B: small, runs on the engine's machine"
COMMAND = (sys.executable, "-m", "engine.thinking.localserver")
NOT_INSTALLED = f"{MODEL} is not installed: run `make think`"
_CONTEXT_TOKENS = 8_192
_START_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]
_NICE = 10  # recognition and the voices have 5


class CannotStart(Exception):
    """The local model does not run; the message says why."""


@dataclass(frozen=True)
class Running:
    """A process that serves the model at ``url``."""

    process: Process
    url: str
    key: str


def is_extra_installed() -> bool:
    """Return whether `make think` has run; loads nothing."""
    return find_spec("xllamacpp") is not None and is_joined()


class LocalModel:
    """The child process: started when it is first needed, and again after it has ended."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        weights: Callable[[], Path] = language_model,
        is_installed: Callable[[], bool] = is_extra_installed,
    ) -> None:
        self._command = command
        self._weights = weights
        self.is_installed = is_installed
        self._running: Running | None = None
        self._starting = asyncio.Lock()

    async def start(self, environment: Environment) -> Running:
        """Return the running process. Raises ``CannotStart``."""
        if not self.is_installed():
            raise CannotStart(NOT_INSTALLED)
        async with self._starting:
            if self._running is None or self._running.process.returncode is not None:
                self._running = await self._start(environment)
            return self._running

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await _end(running.process)

    async def _start(self, environment: Environment) -> Running:
        key = secrets.token_urlsafe(24)
        try:
            weights = await asyncio.to_thread(self._weights)
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=_ROOT
            )
        except (MissingWeights, OSError) as error:
            raise CannotStart(f"{MODEL} cannot start: {error}") from error
        settings = {
            "model": str(weights),
            "key": key,
            "threads": environment.think_threads,
            "context": _CONTEXT_TOKENS,
            "idle_seconds": environment.idle_seconds,
            "nice": _NICE,
        }
        try:
            url = await asyncio.wait_for(_first_line(process, settings), _START_SECONDS)
        except (OSError, TimeoutError):
            url = ""
        if not url.startswith("http://"):
            await _end(process)
            raise CannotStart(f"{MODEL} cannot start: its process does not respond")
        logger.info("%s serves with %d threads", MODEL, environment.think_threads)
        return Running(process, url, key)


async def _first_line(process: Process, settings: dict[str, object]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(settings).encode() + b"\n")
    await process.stdin.drain()
    return (await process.stdout.readline()).decode().strip()


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
