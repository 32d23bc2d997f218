"""A running engine, REST and sockets, with Deepgram's own SDK as its client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from tests.processes import end_with_parent

ROOT = Path(__file__).resolve().parents[2]
# Calibrations of voices are kept between runs; everything else of an engine is new each time.
MODELS = ROOT / "var" / "tests" / "models"


@dataclass
class Engine:
    """One engine process and what is needed to call it."""

    process: subprocess.Popen[bytes]
    data: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def key(self) -> str:
        return (self.data / "engine.key").read_text().strip()

    def client(self, key: str | None = None, **facts: Any) -> DeepgramClient:
        """The official SDK with this engine as its server (docs/contract.md, 15.1)."""
        if "access_token" not in facts:
            facts["api_key"] = key or self.key
        return DeepgramClient(environment=self._sdk_environment, timeout=120, **facts)

    def async_client(self) -> AsyncDeepgramClient:
        return AsyncDeepgramClient(environment=self._sdk_environment, timeout=120, api_key=self.key)

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws")

    @property
    def _sdk_environment(self) -> DeepgramClientEnvironment:
        return DeepgramClientEnvironment(
            base=self.url,
            agent_rest=self.url,
            production=self.socket_url,
            agent=self.socket_url,
        )

    def http(self, key: str | None = None) -> httpx.Client:
        headers = {"authorization": f"Token {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=120)

    @property
    def project_id(self) -> str:
        with self.http() as http:
            return http.get("/v1/projects").json()["projects"][0]["project_id"]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_engine(data: Path, port: int | None = None, /, **settings: str) -> Engine:
    """Start ``python -m engine`` and wait until it responds."""
    port = port or free_port()
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")
    } | {
        "EARSHOT_DATA": str(data),
        "ENGINE_PORT": str(port),
        "ENGINE_MODEL_CACHE": str(MODELS),
        "ENGINE_WARM_VOICES": "",  # most tests say nothing
        **settings,
    }
    data.mkdir(parents=True, exist_ok=True)
    with (data / "engine.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "engine"],
            cwd=ROOT, env=environ, stdout=log, stderr=log, preexec_fn=end_with_parent,
        )  # fmt: skip
    engine = Engine(process, data, port)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((data / "engine.log").read_text())
        try:
            httpx.get(f"{engine.url}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return engine
    engine.stop()
    raise RuntimeError("the engine did not respond within two minutes")


def run_errand(engine: Engine, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        env={"EARSHOT_DATA": str(engine.data), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
