"""Processes that are kept alive together: started, restarted with a back-off, stopped."""

import contextlib
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

CHILD = Path(__file__).with_name("child.py")
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
GRACE_SECONDS = 15.0
LOG_BYTES = 5 * 1024 * 1024


class LogFile(logging.handlers.RotatingFileHandler):
    """A log file whose lines are dropped when they cannot be written."""

    def handleError(self, record: logging.LogRecord) -> None:
        # Printing each failure, as logging does, would fill the terminal instead.
        if self.stream is not None:
            with contextlib.suppress(OSError):
                self.close()


@dataclass
class Process:
    """One long-running module, its log file and its present run."""

    name: str
    command: list[str]
    log: Path
    echo: bool = False
    environ: dict[str, str] = field(default_factory=dict)
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.5
    due: float = 0.0

    def start(self) -> None:
        environ = os.environ | self.environ | {"EARSHOT_PARENT": str(os.getpid())}
        # Its own lines only, unbuffered: a log that lags is no help after a crash.
        environ["PYTHONUNBUFFERED"] = "1"
        self.popen = subprocess.Popen(
            [sys.executable, str(CHILD), *self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
        )
        self.started = time.monotonic()
        assert self.popen.stdout is not None
        threading.Thread(target=self.copy, args=[self.popen.stdout], daemon=True).start()

    def copy(self, output: IO[bytes]) -> None:
        """Copy the process's output into its log, which is cut off at a few megabytes.

        It is read on while the disk is full: a process whose output nobody reads stands still.
        """
        handler = LogFile(self.log, maxBytes=LOG_BYTES, backupCount=1, delay=True)
        handler.setFormatter(logging.Formatter("%(message)s"))
        with output:
            for line in output:
                text = line.decode(errors="replace").rstrip("\n")
                handler.handle(logging.LogRecord(self.name, 20, "", 0, text, None, None))
                if self.echo:
                    print(f"{self.name:>6} | {text}", flush=True)  # noqa: T201
        handler.close()

    @property
    def running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None


class ProcessGroup:
    """Keeps every process of the group running until it is told to stop."""

    def __init__(self, processes: list[Process]) -> None:
        self.processes = processes

    def start(self) -> None:
        for process in self.processes:
            process.start()

    def restart_dead(self) -> list[Process]:
        """Restart what has died, each after a pause that doubles while it keeps dying.

        Returns the processes found dead by this call.
        """
        dead = []
        now = time.monotonic()
        for process in self.processes:
            if process.running:
                continue
            if not process.due:
                steady = now - process.started > STEADY_SECONDS
                process.pause = 0.5 if steady else min(process.pause * 2, LONGEST_PAUSE_SECONDS)
                process.due = now + process.pause
                dead.append(process)
            elif now >= process.due:
                process.due = 0.0
                process.start()
        return dead

    def restart(self, names: Collection[str]) -> list[Process]:
        """Stop the processes with these names, start them again and return them."""
        chosen = [process for process in self.processes if process.name in names]
        end(chosen, GRACE_SECONDS)
        for process in chosen:
            process.due = 0.0
            process.start()
        return chosen

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop every process, last started first."""
        end(self.processes, grace_seconds)


def end(processes: list[Process], grace_seconds: float) -> None:
    """Ask the processes to end, last started first; kill what runs after the grace time."""
    for process in reversed(processes):
        if process.running and process.popen:
            process.popen.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    for process in processes:
        if process.popen is None:
            continue
        try:
            process.popen.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.popen.kill()
            process.popen.wait()
