"""The data folder: private from the first start, and never started over by accident."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.env import Misconfigured
from webapp.running.data import check_database, prepare, tighten

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def library(path: Path) -> Path:
    """A database with a table."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recordings (id)")
    connection.commit()
    connection.close()
    return path


def media(folder: Path) -> Path:
    """A media folder with one recording."""
    (folder / "media" / "recordings" / "2026").mkdir(parents=True)
    (folder / "media" / "recordings" / "2026" / "a").write_bytes(b"RIFF")
    return folder / "media"


def start(**environ: str) -> subprocess.CompletedProcess[str]:
    """Start a command of the web application as a user would."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": ""} | environ,  # SQLite, whatever this run is on
        capture_output=True,
        text=True,
        check=False,
    )


def test_folder_and_what_is_made_in_it_are_private(tmp_path):
    prepare(tmp_path / "data")
    (tmp_path / "data" / "note").write_text("x")
    (tmp_path / "data" / "logs").mkdir()
    assert [mode(tmp_path / "data" / name) for name in (".", "note", "logs")] == [
        0o700,
        0o600,
        0o700,
    ]


def test_folder_of_an_earlier_version_is_tightened(tmp_path):
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    (data / "logs" / "web.log").write_text("x")
    (data / "link").symlink_to("/etc/passwd")
    (data / "logs").chmod(0o755)
    (data / "logs" / "web.log").chmod(0o644)
    passwd = mode(Path("/etc/passwd"))
    prepare(data)
    tighten(data)
    assert [mode(data / name) for name in (".", "logs", "logs/web.log")] == [0o700, 0o700, 0o600]
    assert mode(Path("/etc/passwd")) == passwd
    assert tighten(data) == 0


@pytest.mark.full
def test_every_process_makes_private_files(tmp_path):
    done = start(EARSHOT_DATA=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    made = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert [path for path in made if mode(path) & 0o077] == []


@pytest.mark.full
def test_data_path_that_is_a_file_stops_the_start_with_a_sentence(tmp_path):
    (tmp_path / "data").write_text("x")
    done = start(EARSHOT_DATA=str(tmp_path / "data"))
    assert done.returncode != 0
    assert done.stderr.startswith("Earshot cannot start: ")
    assert done.stderr.count("\n") == 1
    assert "it is a file" in done.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("django.key", b""),
        ("django.key", b"\0\1\2" * 30),
        ("encryption.key", b""),
        ("encryption.key", b"x" * 30),
    ],
)
def test_damaged_key_file_stops_the_start_with_a_sentence(tmp_path, name, content):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / name).write_bytes(content)
    done = start(EARSHOT_DATA=str(tmp_path))
    assert done.returncode != 0
    assert done.stderr.startswith("Earshot cannot start: ")
    assert (name in done.stderr, done.stderr.count("\n")) == (True, 1)


def test_empty_database_beside_recordings_never_opens_as_an_empty_library(tmp_path):
    for state in ("missing", "empty", "no tables"):
        database = tmp_path / f"{state}.sqlite3"
        if state == "empty":
            database.touch()
        if state == "no tables":
            sqlite3.connect(database).execute("PRAGMA journal_mode=WAL").connection.close()
        folder = tmp_path / state
        check_database(database, folder / "media")  # a first start
        with pytest.raises(Misconfigured, match=r"missing or empty, but .* holds recordings"):
            check_database(database, media(folder))


def test_database_with_its_tables_opens_beside_recordings(tmp_path):
    check_database(library(tmp_path / "a.sqlite3"), media(tmp_path))


@pytest.mark.parametrize("damage", ["other file", "overwritten page"])
def test_damaged_database_is_named(tmp_path, damage):
    database = library(tmp_path / "a.sqlite3")
    content = bytearray(database.read_bytes())
    if damage == "other file":
        content[:16] = b"not a database!!"
    else:
        content[100:4096] = b"\xa5" * 3996
    database.write_bytes(content)
    with pytest.raises(Misconfigured, match="is damaged; restore it from a backup"):
        check_database(database, tmp_path / "media")


@pytest.mark.full
def test_start_with_a_lost_database_is_stopped_before_it_makes_a_new_one(tmp_path):
    media(tmp_path)
    done = start(EARSHOT_DATA=str(tmp_path))
    assert done.returncode != 0
    assert "holds recordings" in done.stderr
    assert not (tmp_path / "earshot.sqlite3").exists()
