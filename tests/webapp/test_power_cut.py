"""A power cut at any moment leaves every acknowledged row, and a database that opens."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from random import Random

import pytest
from django.conf import settings

pytestmark = pytest.mark.full

OPTIONS = settings.DATABASES["default"].get("OPTIONS", {})
CUTS = int(os.environ.get("EARSHOT_TEST_CUTS", "20"))
# Each number is printed, which acknowledges it, once its transaction is committed.
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript(sys.argv[2])
connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)")
for number in range(1_000_000):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO rows VALUES (?, ?)", (number, "x" * (number % 5_000)))
    connection.execute("COMMIT")
    print(number, flush=True)
"""


@pytest.mark.skipif("init_command" not in OPTIONS, reason="PostgreSQL keeps its own log")
def test_every_acknowledged_row_is_in_a_copy_of_any_moment(tmp_path):
    database = tmp_path / "library.sqlite3"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database), OPTIONS["init_command"]],
        stdout=subprocess.PIPE,
        text=True,
    )
    chance = Random(7)
    try:
        for cut in range(CUTS):
            for _ in range(chance.randrange(1, 60)):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGSTOP)
            copy = tmp_path / f"copy-{cut}"
            copy.mkdir()
            for path in tmp_path.glob("library.sqlite3*"):
                if not path.name.endswith("-shm"):  # shared memory does not survive a power cut
                    shutil.copy(path, copy)
            writer.send_signal(signal.SIGCONT)
            with sqlite3.connect(copy / "library.sqlite3") as opened:
                assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                rows = opened.execute("SELECT number FROM rows ORDER BY number").fetchall()
            assert [number for (number,) in rows][: acknowledged + 1] == list(
                range(acknowledged + 1)
            )
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
