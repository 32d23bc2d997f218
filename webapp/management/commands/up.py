"""`manage.py up`: web server, worker, scheduler and engine as one process group."""

import fcntl
import logging
import signal
import socket
import sys
import time
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from transcripts import readiness
from webapp.running.data import tighten
from webapp.running.processes import Process, ProcessGroup
from webapp.running.reloading import Changes

# The engine joins and verifies its weights on the very first start.
READY_SECONDS = 180.0


class Command(BaseCommand):
    help = "Run Earshot: the web server, the worker, the scheduler and the engine in the box."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--logs", action="store_true", help="copy what the processes log to the terminal"
        )
        parser.add_argument(
            "--reload", action="store_true", help="restart a process when its files change"
        )

    def handle(self, *args: Any, logs: bool, reload: bool, **options: Any) -> None:
        env = settings.ENV
        changes = self.watch() if reload else None
        lock = self.lock(settings.DATA / "up.lock")
        self.reject_busy_ports()
        started = time.monotonic()
        tighten(settings.DATA, settings.MEDIA_FOLDER)
        self.migrate()
        # One screen: what is asked of the speech server is in the logs of those who ask.
        for name in ("speechclient", "watchfiles"):
            logging.getLogger(name).setLevel(logging.WARNING)
        group = ProcessGroup(processes(logs))
        signal.signal(signal.SIGTERM, self.interrupt)
        signal.signal(signal.SIGINT, self.interrupt)
        try:
            group.start()
            if env.uses_engine:
                self.wait(group, f"http://{local(env.host)}:{env.engine_port}/healthz")
            call_command("setup")
            self.wait(group, f"http://{local(env.host)}:{env.port}/healthz")
            self.show(time.monotonic() - started)
            while True:
                self.tend(group)
                if changes:
                    self.reload(group, changes)
                else:
                    time.sleep(0.3)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping…")
        finally:
            # A second Ctrl-C must not leave half of the group running.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            group.stop()
            lock.close()

    def migrate(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used ({str(error).strip()}). Restore it from a backup, or "
                "set DATABASE_URL to another one."
            ) from error

    def interrupt(self, *args: object) -> None:
        raise KeyboardInterrupt

    def lock(self, path: Path) -> IO[str]:
        """Hold ``path`` for as long as we run: two groups on one data folder would fight."""
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Earshot already runs on {settings.DATA}. Stop it, or set EARSHOT_DATA to "
                "another folder."
            ) from None
        return file

    def reject_busy_ports(self) -> None:
        env = settings.ENV
        ports = {"PORT": env.port} | ({"ENGINE_PORT": env.engine_port} if env.uses_engine else {})
        for name, port in ports.items():
            family = socket.AF_INET6 if ":" in env.host else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((env.host, port))
                except OSError as error:
                    raise CommandError(
                        f"Cannot listen on {env.host}:{port} ({error.strerror}). Set {name} to "
                        "a free port, or HOST to an address of this machine."
                    ) from error

    def wait(self, group: ProcessGroup, url: str, patience: float = READY_SECONDS) -> None:
        """Wait until ``url`` returns 200, restarting what dies meanwhile.

        After ``patience`` seconds say so, as often as they pass again: a slow machine needs longer.
        Raises CommandError when a process has died by then.
        """
        started = time.monotonic()
        due = started + patience
        has_died = False
        while not responds(url):
            has_died |= self.tend(group)
            if time.monotonic() >= due:
                seconds = time.monotonic() - started
                logs = f"see the logs in {settings.DATA / 'logs'}."
                if has_died:
                    raise CommandError(f"{url} did not respond; {logs}")
                self.stderr.write(
                    f"{url} has not responded for {seconds:.0f} s. Still waiting: {logs}"
                )
                due += patience
            time.sleep(0.1)

    def tend(self, group: ProcessGroup) -> bool:
        """Restart what has died; return whether anything had."""
        dead = group.restart_dead()
        for process in dead:
            code = process.popen.returncode if process.popen else None
            self.stderr.write(
                f"{process.name} ended with {code}; restarting it. See {process.log}."
            )
        return bool(dead)

    def watch(self) -> Changes:
        try:
            return Changes()
        except ImportError as error:
            raise CommandError(f"{error}. Run make dev, which installs it.") from error

    def reload(self, group: ProcessGroup, changes: Changes) -> None:
        """Restart the processes whose files changed within the next 0.3 s."""
        if names := changes.next():
            restarted = group.restart(names)
            self.stdout.write(f"Restarted {', '.join(process.name for process in restarted)}.")

    def show(self, seconds: float) -> None:
        env = settings.ENV
        speech = f"http://{local(env.host)}:{env.engine_port}"
        lines = [
            f"Earshot is up after {seconds:.0f} s.",
            "",
            f"  Open      http://{local(env.host)}:{env.port}",
            f"  Speech    {speech if env.uses_engine else env.deepgram_base_url}",
        ]
        if env.uses_engine:
            lines.append(f"  API key   in {settings.DATA / 'engine.key'}")
        lines += [
            f"  Data      {settings.DATA}",
            f"  Logs      {settings.DATA / 'logs'}",
            "",
            "  Ctrl-C stops it.",
        ]
        self.stdout.write("\n".join(lines))
        for problem in filter(None, readiness.problems().values()):
            self.stderr.write(f"  Not ready: {problem}.")
        sys.stdout.flush()


def responds(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310 our own http address
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def processes(echo: bool) -> list[Process]:
    """The group, in the order of starting."""
    env = settings.ENV
    logs = settings.DATA / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    worker = ["celery", "--app", "webapp", "--quiet", "worker", "--loglevel", "INFO"]
    worker += ["--without-gossip", "--without-mingle", "--hostname", "earshot@%h"]
    beat = ["celery", "--app", "webapp", "--quiet", "beat", "--loglevel", "INFO", "--pidfile="]
    web = ["uvicorn", "webapp.asgi:application", "--host", env.host, "--port", str(env.port)]
    web += ["--loop", "uvloop", "--http", "network.connections:HttpConnection"]
    web += ["--ws", "network.connections:WebSocketConnection"]
    # Compression of audio frames costs a core and saves nothing; frames are 64 KB at most.
    web += ["--ws-per-message-deflate", "false", "--ws-max-size", "65536"]
    web += ["--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "5"]
    commands = {"web": web, "worker": worker, "beat": beat}
    if env.uses_engine:
        commands = {"engine": ["engine"]} | commands
    environ = {"DJANGO_SETTINGS_MODULE": "webapp.settings"}
    return [
        Process(name, command, logs / f"{name}.log", echo, {} if name == "engine" else environ)
        for name, command in commands.items()
    ]


def local(host: str) -> str:
    """The address by which this machine reaches a server that listens on ``host``."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
