"""Copies of PostgreSQL's files at moments of a writer's work: each opens with every row.

All of the server's processes are held while its directory is copied, so that a copy is what a
power cut leaves of it when the disk keeps what the system was given.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import psycopg

from tests.product import until
from tests.services import Cluster, cluster

CUTS = 100
ROWS = "CREATE TABLE rows (number integer PRIMARY KEY, text text)"


class Writer(threading.Thread):
    """Commits rows one by one; ``acknowledged`` is the number of the newest."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute(ROWS)
        self.acknowledged = -1
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            number = self.acknowledged + 1
            text = "x" * (number % 5_000)
            self.connection.execute("INSERT INTO rows VALUES (%s, %s)", (number, text))
            self.acknowledged = number
        self.connection.close()

    def has_acknowledged(self, rows: int) -> bool:
        return self.acknowledged >= rows


def tried(environ: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Facts with their outcomes and seconds; SQLite's copies are made by a test of the rows."""
    if "DATABASE_URL" not in environ:
        return
    started = time.monotonic()
    chance = Random(7)
    wrong = []
    with cluster(fsync=True) as server:
        writer = Writer(server.url)
        writer.start()
        try:
            for cut in range(CUTS):
                rows = writer.acknowledged + chance.randrange(1, 60)
                until(partial(writer.has_acknowledged, rows), 120, f"{rows} rows", 0.001)
                if problem := problem_of_copy(server, writer):
                    wrong.append(f"{cut}: {problem}")
        finally:
            writer.ended.set()
            writer.join()
    fact = f"each of {CUTS} copies opens, is whole and has every acknowledged row"
    outcome = f"ok ({writer.acknowledged + 1} rows)" if not wrong else f"FAILED: {wrong[:3]}"
    yield fact, outcome, time.monotonic() - started


def problem_of_copy(server: Cluster, writer: Writer) -> str:
    """Copy the server's files at this moment and start another on them; "" when all is there."""
    other = Cluster(server.programs, server.path / "copy", fsync=True)
    other.path.mkdir()
    held = hold(server)
    try:
        acknowledged = writer.acknowledged
        shutil.copytree(server.data, other.data, copy_function=shutil.copyfile)
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    (other.data / "postmaster.pid").unlink()
    own(other.path, server.data)
    try:
        with other, psycopg.connect(other.admin_url.replace("/postgres", "/earshot")) as opened:
            opened.execute("CREATE EXTENSION amcheck")
            opened.execute("SELECT bt_index_check('rows_pkey', true)")
            numbers = opened.execute("SELECT number FROM rows ORDER BY number").fetchall()
    except (AssertionError, psycopg.Error) as error:
        return str(error).splitlines()[0]
    finally:
        shutil.rmtree(other.path)
    missing = set(range(acknowledged + 1)) - {number for (number,) in numbers}
    return f"{len(missing)} acknowledged rows are missing" if missing else ""


def hold(server: Cluster) -> list[int]:
    """Stop the server and each of its processes; return their ids."""
    # First the parent: it starts no other process then.
    os.kill(server.process.pid, signal.SIGSTOP)
    listed = subprocess.run(
        ["ps", "--ppid", str(server.process.pid), "-o", "pid="],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    children = [int(pid) for pid in listed.split()]
    for pid in children:
        os.kill(pid, signal.SIGSTOP)
    return [*children, server.process.pid]


def own(path: Path, like: Path) -> None:
    """Give a copy to the account of the original, readable to it alone."""
    facts = like.stat()
    for each in (path, *path.rglob("*")):
        os.chown(each, facts.st_uid, facts.st_gid)
        each.chmod(0o700 if each.is_dir() else 0o600)
