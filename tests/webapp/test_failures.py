"""A full disk and a locked database: 507 and 503 with a page of ours, on every write."""

import errno
import logging
import sqlite3

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from management.models import Connection, Membership, Project, User
from transcripts.media.storage import DiskFull
from transcripts.models import Recording, State
from webapp.http.errors import PAGES
from webapp.http.failures import BUSY, FULL, failure_of
from webapp.logs import BURST, WINDOW_SECONDS, Flood

PASSWORD = "a long pass phrase"
WRITES = {
    "sign_in": {"login": "ada@example.test", "password": PASSWORD},
    "recording_rename": {"title": "Tuesday"},
    "recording_retry": {},
    "recording_delete": {},
    "upload_by_url": {"url": "https://example.test/a.wav"},
}
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def recording(db):
    server = Connection(name="Engine", kind=Connection.Kind.ENGINE, base_url="http://speech.test")
    server.api_key = "secret"
    server.save()
    project = Project.objects.create(connection=server, upstream_id="p", name="Interviews")
    ada = User.objects.create_user("ada@example.test", PASSWORD)
    Membership.objects.create(user=ada, project=project, role=Membership.Role.OWNER)
    return Recording.objects.create(project=project, owner=ada, title="Monday", state=State.FAILED)


def write(name: str, recording: Recording, **headers: str):
    """Return what a browser gets for a write; the exception is not passed on."""
    client = Client(raise_request_exception=False, headers=headers)
    if name != "sign_in":
        client.force_login(recording.owner)
    args = [recording.pk] if name.startswith("recording_") else []
    fields = WRITES[name] | {"project": recording.project_id}
    with Failing():
        return client.post(reverse(name, args=args), fields)


class Failing:
    """Every INSERT, UPDATE and DELETE fails like that."""

    error: Exception = OperationalError("database is locked")

    def __enter__(self):
        self.wrapper = connection.execute_wrapper(self.fail)
        self.wrapper.__enter__()

    def __exit__(self, *facts):
        self.wrapper.__exit__(*facts)

    def fail(self, execute, sql, params, many, context):
        if sql.split()[0] in ("INSERT", "UPDATE", "DELETE"):
            raise self.error
        return execute(sql, params, many, context)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    ("error", "failure"),
    [("database is locked", BUSY), ("database or disk is full", FULL)],
    ids=["locked", "full"],
)
def test_write_that_the_machine_cannot_do_is_told(recording, monkeypatch, name, error, failure):
    monkeypatch.setattr(Failing, "error", OperationalError(error))
    response = write(name, recording)
    assert response.status_code == failure.status
    assert response["Retry-After"] == str(failure.retry_after)
    page = response.content.decode()
    assert PAGES[failure.status][0] in page
    assert "css/shell" in page
    assert response["X-Request-Id"] in page
    recording.refresh_from_db()
    assert recording.title == "Monday"


@pytest.mark.parametrize("headers", [{"tus-resumable": "1.0.0"}, {"accept": "application/json"}])
def test_program_gets_json(recording, headers):
    response = write("recording_rename", recording, **headers)
    assert response.status_code == 503
    assert response.json()["error"].startswith("The server is busy.")


@pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3",
    reason="PostgreSQL has no lock of the whole",
)
def test_lock_of_another_writer_is_a_503(recording):
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    client = Client(raise_request_exception=False)
    fields = {"login": "ada@example.test", "password": PASSWORD}
    try:
        response = client.post(reverse("sign_in"), fields)
    finally:
        other.close()
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_failure_is_found_behind_other_exceptions():
    for error in (DiskFull("full"), OSError(errno.ENOSPC, "x"), OSError(errno.EDQUOT, "x")):
        assert failure_of(error) is FULL
        outer = ValueError("while saving")
        outer.__cause__ = error
        assert failure_of(outer) is FULL
    assert failure_of(OperationalError("server closed the connection")) is BUSY
    assert failure_of(OSError(errno.ENOENT, "x")) is None
    assert failure_of(ValueError("x")) is None
    assert failure_of(None) is None


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    facts = (type(error), error, None) if error else None
    return logging.LogRecord("a", logging.WARNING, "a.py", 7, message, (), facts)


def test_log_is_not_flooded_by_one_failure():
    now = [0.0]
    flood = Flood(lambda: now[0])
    assert sum(flood.filter(record(f"lease {n}")) for n in range(1_000)) == BURST
    now[0] += WINDOW_SECONDS
    last = record("lease again")
    assert flood.filter(last)
    assert last.getMessage() == f"lease again (and {1_000 - BURST} more like it)"


def test_other_messages_are_not_held_back():
    flood = Flood()
    for _ in range(100):
        flood.filter(record("lease"))
    other = record("unlike")
    other.lineno = 8
    assert flood.filter(other)
    quiet = record("each request")
    quiet.levelno = logging.INFO
    assert all(flood.filter(quiet) for _ in range(100))


def test_failure_of_the_machine_is_one_line_without_a_traceback():
    line = record("Internal Server Error", OperationalError("database is locked"))
    assert Flood().filter(line)
    assert line.getMessage() == "Internal Server Error (database is locked)"
    assert line.exc_info is None
    mistake = record("Internal Server Error", ValueError("x"))
    Flood().filter(mistake)
    assert mistake.exc_info
