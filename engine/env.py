"""Every environment variable of the engine, read once, typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from network.environment import Misconfigured as Misconfigured
from network.environment import Reader


@dataclass(frozen=True)
class Limits:
    """Limits on simultaneous requests, for each kind of work.

    Simultaneous calls are counted, not calls per time (docs/contract.md, 4).
    """

    per_project: int
    per_process: int


@dataclass(frozen=True)
class Reach:
    """Addresses that the engine may fetch: private ones only if the operator allows them."""

    private: bool
    any_port: bool


@dataclass(frozen=True)
class Environment:
    data: Path
    host: str
    port: int
    database_url: str
    secret_key: str  # "" for the one kept in `data`
    project_id: str  # "" for a random one
    request_days: int  # how long the log of requests is kept; the daily sums stay
    cors_origins: tuple[str, ...]
    strict: bool  # the hosted service's rules where the engine is more lenient
    prices: Path | None
    model_cache: Path  # calibrations of the voices
    english_model: str
    multilingual_model: str
    allow_download: bool
    threads: int  # models at work at the same time
    warm_voices: tuple[str, ...]  # loaded and calibrated at the start, and never unloaded
    idle_seconds: int  # after which other models that no request needed are unloaded
    memory_mib: int  # above it, models that rest are unloaded before another is loaded
    processing_seconds: int  # for one recording, then 504
    fetch_private_hosts: bool  # URLs and callbacks may lead inside the network
    agent_hosts: tuple[str, ...]  # where agents may think and call functions although private
    callback_retry_seconds: float
    limits: Mapping[str, Limits]
    intelligence_url: str  # an OpenAI-compatible endpoint; "" for the local models
    intelligence_model: str
    intelligence_key: str
    think_threads: int  # of the local language model

    @property
    def spool(self) -> Path:
        """Bodies of calls that are under way."""
        return self.data / "engine-spool"

    @property
    def jobs(self) -> Path:
        """Bodies and results of requests whose response goes to a callback."""
        return self.data / "engine-jobs"

    @property
    def reach(self) -> Reach:
        return Reach(private=self.fetch_private_hosts, any_port=not self.strict)


# The voice of the names that the documentation and the SDKs' examples use.
DEFAULT_VOICE = "aura-2-thalia-en"
_LIVE = 2 * (os.cpu_count() or 2)
# The defaults of docs/contract.md, 4; those of the process are what its memory holds.
DEFAULT_LIMITS = {
    "listen": Limits(per_project=50, per_process=100),
    "speak": Limits(per_project=15, per_process=30),
    "read": Limits(per_project=10, per_process=20),
    "stream": Limits(per_project=150, per_process=300),
    # Listening sockets and agents: two streams of speech a core keep their lag (docs/live.md).
    "live": Limits(per_project=_LIVE, per_process=_LIVE),
}


SECRET_CHARACTERS = 32


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Read the whole environment; ``Misconfigured`` names the first variable that is wrong."""
    reader = Reader(environ)
    data = Path(reader.text("EARSHOT_DATA", "var")).absolute()
    intelligence_url = reader.url("INTELLIGENCE_URL", ("http", "https"))
    intelligence_model = reader.text("INTELLIGENCE_MODEL")
    if intelligence_url and not intelligence_model:
        raise Misconfigured("INTELLIGENCE_URL is set; set INTELLIGENCE_MODEL to a model there.")
    return Environment(
        data=data,
        host=reader.text("HOST", "127.0.0.1"),
        port=reader.whole("ENGINE_PORT", 8001, 1, 65535),
        database_url=reader.url(
            "ENGINE_DATABASE_URL",
            ("sqlite", "postgres", "postgresql"),
            f"sqlite:///{data}/engine.sqlite3",
        ),
        secret_key=reader.secret("ENGINE_SECRET_KEY", SECRET_CHARACTERS),
        project_id=reader.text("ENGINE_PROJECT_ID"),
        request_days=reader.whole("ENGINE_REQUEST_DAYS", 90, 1, 36500),
        cors_origins=reader.words("ENGINE_CORS_ORIGINS", None) or ("*",),
        strict=reader.flag("ENGINE_STRICT"),
        prices=reader.file("ENGINE_PRICES", "a JSON file"),
        model_cache=Path(reader.text("ENGINE_MODEL_CACHE", str(data / "models"))).absolute(),
        english_model=reader.text("ENGINE_ENGLISH_MODEL", "tiny.en"),
        multilingual_model=reader.text("ENGINE_MULTILINGUAL_MODEL", "base"),
        allow_download=reader.flag("ENGINE_ALLOW_DOWNLOAD"),
        threads=reader.whole("ENGINE_THREADS", max(2, os.cpu_count() or 2), 1, 256),
        # Set and empty is none, not the default.
        warm_voices=tuple(environ.get("ENGINE_WARM_VOICES", DEFAULT_VOICE).split()),
        idle_seconds=reader.whole("ENGINE_IDLE_SECONDS", 600, 1, 86400),
        memory_mib=reader.whole("ENGINE_MEMORY_MIB", 550, 1, 1_000_000),
        processing_seconds=reader.whole("ENGINE_PROCESSING_SECONDS", 7200, 1, 86400),
        fetch_private_hosts=reader.flag("ENGINE_FETCH_PRIVATE_HOSTS"),
        agent_hosts=reader.words("ENGINE_AGENT_HOSTS", None),
        callback_retry_seconds=reader.whole("ENGINE_CALLBACK_RETRY_SECONDS", 30, 1, 86400),
        intelligence_url=intelligence_url,
        intelligence_model=intelligence_model,
        intelligence_key=reader.text("INTELLIGENCE_KEY"),
        think_threads=reader.whole("ENGINE_THINK_THREADS", 1, 1, 256),
        limits={kind: _limits(reader, kind, usual) for kind, usual in DEFAULT_LIMITS.items()},
    )


def _limits(reader: Reader, kind: str, usual: Limits) -> Limits:
    name = f"ENGINE_{kind.upper()}_LIMIT"
    return Limits(
        reader.whole(name, usual.per_project, 1, 100_000),
        reader.whole(f"{name}_TOTAL", usual.per_process, 1, 100_000),
    )
