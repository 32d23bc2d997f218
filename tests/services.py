"""PostgreSQL, Redis and RabbitMQ for a test run: real servers in folders of their own.

Each fixture starts its server when first asked for, on a free port of 127.0.0.1, and stops it
with the session; benchmarks use the context managers behind them.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from redis import ConnectionError as RedisAway
from redis import Redis

from tests import debian
from tests.debian import found, is_root

START_SECONDS = 60
STOP_SECONDS = 20
PACKAGES = {
    "PostgreSQL": "postgresql",
    "Redis": "redis-server",
    "RabbitMQ": "rabbitmq-server",
}


@pytest.fixture(scope="session")
def postgresql_url(full_lane: None) -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(full_lane: None) -> Iterator[str]:
    with redis() as url:
        yield url


@pytest.fixture(scope="session")
def rabbitmq_url(full_lane: None) -> Iterator[str]:
    with rabbitmq() as url:
        yield url


@contextmanager
def postgresql() -> Iterator[str]:
    """An empty database whose owner may make others, and nothing more: no superuser."""
    with cluster() as server:
        yield server.url


@contextmanager
def cluster(*, fsync: bool = False) -> Iterator["Cluster"]:
    """The same with its server, which can be restarted."""
    programs = needed("PostgreSQL", postgresql_programs)
    with folder("postgres" if is_root() else None) as path:
        server = Cluster(programs, path, fsync=fsync)
        # fmt: off
        initdb = [programs / "initdb", "--pgdata", server.data, "--auth=trust", "--username=admin",
                  "--encoding=UTF8", "--locale=C", "--no-sync"]
        # fmt: on
        subprocess.run(
            ["setpriv", *server.account, *map(str, initdb)],
            check=True,
            capture_output=True,
            cwd=path,
        )
        with server:
            with psycopg.connect(server.admin_url, autocommit=True) as connection:
                connection.execute("CREATE ROLE earshot LOGIN CREATEDB")
                connection.execute("CREATE DATABASE earshot OWNER earshot")
            yield server


class Cluster:
    """A PostgreSQL server on a data directory, ``path / "data"``; runs as a context."""

    def __init__(self, programs: Path, path: Path, *, fsync: bool) -> None:
        self.programs, self.path, self.port = programs, path, free_port()
        self.data = path / "data"
        # PostgreSQL does not run as root.
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        self.account = user if is_root() else []
        self.fsync = "on" if fsync else "off"
        self.running = ExitStack()

    @property
    def admin_url(self) -> str:
        return f"postgresql://admin@127.0.0.1:{self.port}/postgres"

    @property
    def url(self) -> str:
        return f"postgresql://earshot@127.0.0.1:{self.port}/earshot"

    def __enter__(self) -> "Cluster":
        command = [self.programs / "postgres", "-D", self.data, "-p", self.port, "-k", self.path]
        command += ["-h", "127.0.0.1", "-c", f"fsync={self.fsync}"]
        self.process = self.running.enter_context(
            running(command, self.path, self.account, stop=signal.SIGINT)
        )
        wait(
            self.process, lambda: psycopg.connect(self.admin_url).close(), psycopg.OperationalError
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.running.close()

    def stop(self, how: signal.Signals) -> None:
        """End it: SIGINT disconnects everybody, SIGQUIT leaves the recovery to the next start."""
        self.process.send_signal(how)
        self.process.wait(START_SECONDS)
        self.running.close()


@contextmanager
def redis() -> Iterator[str]:
    """A server that keeps nothing on disk."""
    program = needed("Redis", lambda: found("redis-server"))
    with folder() as path:
        port = free_port()
        url = f"redis://127.0.0.1:{port}/0"
        # fmt: off
        command = [program, "--port", port, "--bind", "127.0.0.1", "--dir", path,
                   "--save", "", "--appendonly", "no"]
        # fmt: on
        with running(command, path) as process:
            wait(process, Redis.from_url(url).ping, RedisAway)
            yield url


@contextmanager
def rabbitmq() -> Iterator[str]:
    """A broker without plugins, for its guest."""
    # Debian's command of the same name changes to an account that may not read our folder.
    program = needed("RabbitMQ", lambda: found("/usr/lib/rabbitmq/bin/rabbitmq-server"))
    ctl = program.with_name("rabbitmqctl")
    with folder() as path:
        port, distribution, names = free_port(), free_port(), free_port()
        plugins = path / "enabled_plugins"
        plugins.write_text("[].")
        environ = {
            "HOME": str(path),  # for the cookie that rabbitmqctl and the server share
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"earshot-tests-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(path / "mnesia"),
            "RABBITMQ_LOG_BASE": str(path / "log"),
            "RABBITMQ_PID_FILE": str(path / "server.pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONF_ENV_FILE": str(path / "none"),
            "RABBITMQ_CONFIG_FILE": str(path / "none"),
        }
        # Erlang's name server is ours too: one that the broker starts would outlive it.
        with (
            running([found("epmd")], path, environ=environ, log="epmd"),
            running([program], path, environ=environ) as process,
        ):

            def started() -> None:
                subprocess.run(
                    [ctl, "--quiet", "await_startup", "--timeout", "5"],
                    env=os.environ | environ,
                    cwd=path,
                    check=True,
                    capture_output=True,
                )

            wait(process, started, subprocess.CalledProcessError)
            yield f"amqp://guest:guest@127.0.0.1:{port}//"


def needed(server: str, find: Callable[[], Path]) -> Path:
    if shutil.which("setpriv") is None:
        pytest.skip(f"{server} is started with setpriv: install util-linux 2.33 or newer.")
    return debian.needed(server, PACKAGES[server], find)


def postgresql_programs() -> Path:
    """The folder of the newest PostgreSQL, which Debian keeps off the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    if folders:
        return folders[-1].parent
    return found("initdb").resolve().parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def folder(owner: str | None = None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="earshot-", ignore_cleanup_errors=True) as name:
        if owner is not None:
            shutil.chown(name, owner, owner)
        yield Path(name)


@contextmanager
def running(
    command: list[object],
    path: Path,
    account: list[str] | None = None,
    *,
    stop: int = signal.SIGTERM,
    environ: Mapping[str, str] | None = None,
    log: str = "server",
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that ends with this block, or with the test run if that is killed."""
    with open(path / f"{log}.log", "wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", *(account or []), *map(str, command)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=path,
            env=os.environ | (environ or {}),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(
    process: subprocess.Popen[bytes], ready: Callable[[], object], not_yet: type[Exception]
) -> None:
    """Try ``ready`` until it no longer raises ``not_yet``."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
        except not_yet as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{process.args!r} did not start") from error
            time.sleep(0.1)
        else:
            return
