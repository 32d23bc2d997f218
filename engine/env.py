"""Every environment variable of the engine, read once, typed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class Misconfigured(Exception):
    """The engine cannot start as it is set up; the message says what to set."""


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
    processing_seconds: int  # for one recording, then 504
    fetch_private_hosts: bool  # URLs and callbacks may lead inside the network
    callback_retry_seconds: float
    limits: Mapping[str, Limits]
    intelligence_url: str  # an OpenAI-compatible endpoint; "" for the local models
    intelligence_model: str
    intelligence_key: str

    @property
    def spool(self) -> Path:
        """Bodies of calls that are under way."""
        return self.data / "engine-spool"

    @property
    def jobs(self) -> Path:
        """Bodies and results of calls that are answered by a callback."""
        return self.data / "engine-jobs"

    @property
    def reach(self) -> Reach:
        return Reach(private=self.fetch_private_hosts, any_port=not self.strict)


# The voice behind the names that the documentation and the SDKs' examples use.
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


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Raises ``Misconfigured`` with one sentence that names the variable."""
    data = Path(environ.get("EARSHOT_DATA") or "var").absolute()
    if environ.get("INTELLIGENCE_URL") and not environ.get("INTELLIGENCE_MODEL"):
        raise Misconfigured("INTELLIGENCE_URL is set; set INTELLIGENCE_MODEL to a model there.")
    return Environment(
        data=data,
        host=environ.get("HOST") or "127.0.0.1",
        port=_integer(environ, "ENGINE_PORT", 8001, 1, 65535),
        database_url=environ.get("ENGINE_DATABASE_URL") or f"sqlite:///{data}/engine.sqlite3",
        secret_key=_secret(environ, "ENGINE_SECRET_KEY"),
        project_id=environ.get("ENGINE_PROJECT_ID") or "",
        request_days=_integer(environ, "ENGINE_REQUEST_DAYS", 90, 1, 36500),
        cors_origins=tuple((environ.get("ENGINE_CORS_ORIGINS") or "*").split()),
        strict=_flag(environ, "ENGINE_STRICT", False),
        prices=_file(environ, "ENGINE_PRICES"),
        model_cache=Path(environ.get("ENGINE_MODEL_CACHE") or data / "models").absolute(),
        english_model=environ.get("ENGINE_ENGLISH_MODEL") or "tiny.en",
        multilingual_model=environ.get("ENGINE_MULTILINGUAL_MODEL") or "base",
        allow_download=_flag(environ, "ENGINE_ALLOW_DOWNLOAD", False),
        threads=_integer(environ, "ENGINE_THREADS", max(2, os.cpu_count() or 2), 1, 256),
        warm_voices=tuple(environ.get("ENGINE_WARM_VOICES", DEFAULT_VOICE).split()),
        idle_seconds=_integer(environ, "ENGINE_IDLE_SECONDS", 600, 1, 86400),
        processing_seconds=_integer(environ, "ENGINE_PROCESSING_SECONDS", 7200, 1, 86400),
        fetch_private_hosts=_flag(environ, "ENGINE_FETCH_PRIVATE_HOSTS", False),
        callback_retry_seconds=_integer(environ, "ENGINE_CALLBACK_RETRY_SECONDS", 30, 1, 86400),
        intelligence_url=environ.get("INTELLIGENCE_URL") or "",
        intelligence_model=environ.get("INTELLIGENCE_MODEL") or "",
        intelligence_key=environ.get("INTELLIGENCE_KEY") or "",
        limits={kind: _limits(environ, kind, usual) for kind, usual in DEFAULT_LIMITS.items()},
    )


def _integer(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise Misconfigured(f"{name} is {text!r}; set it to a whole number from {least} to {most}.")
    return int(text)


def _secret(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name) or ""
    if text and (len(text) < 32 or len(set(text)) < 10):
        raise Misconfigured(
            f"{name} has {len(text)} characters, {len(set(text))} of them different; set it to "
            "at least 32 random characters."
        )
    return text


def _flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    text = (environ.get(name) or str(default)).lower()
    if text not in ("true", "false", "1", "0"):
        raise Misconfigured(f"{name} is {text!r}; set it to true or false.")
    return text in ("true", "1")


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    if not text:
        return None
    path = Path(text).absolute()
    if not os.access(path, os.R_OK):
        raise Misconfigured(f"{name} is {text!r}, which cannot be read; set it to a JSON file.")
    return path


def _limits(environ: Mapping[str, str], kind: str, usual: Limits) -> Limits:
    name = f"ENGINE_{kind.upper()}_LIMIT"
    return Limits(
        _integer(environ, name, usual.per_project, 1, 100_000),
        _integer(environ, f"{name}_TOTAL", usual.per_process, 1, 100_000),
    )
