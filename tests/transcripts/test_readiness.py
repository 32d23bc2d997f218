"""Liveness and readiness: what is told to a load balancer, to a command and to a person."""

import shutil
import sqlite3
from collections import namedtuple
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from management.models import Connection, Project
from management.servers import speech
from transcripts import readiness
from transcripts.models import Transcription
from transcripts.queue.leases import State

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def engine(server, settings):
    """The engine in the box is the server of this installation, and has not been asked yet."""
    settings.QUEUE = settings.DATA
    readiness.CHECKS["speech"] = readiness.ServerProbe()
    return server


def ready(client) -> tuple[int, dict[str, str]]:
    response = client.get("/readyz")
    return response.status_code, response.json()


def problems(client) -> dict[str, str]:
    status, found = ready(client)
    assert (status, found.pop("status")) == (503, "not ready")
    return {name: problem for name, problem in found.items() if problem != "ok"}


def test_server_that_serves_is_alive_whatever_is_missing(client, monkeypatch):
    monkeypatch.setattr(readiness, "CHECKS", {"database": lambda: "gone"})
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_installation_with_all_it_needs_is_ready(client, engine, project, service):
    status, found = ready(client)
    assert (status, found.pop("status")) == (200, "ready")
    assert set(found.values()) == {"ok"}


def test_engine_that_is_still_loading_is_told(client, engine, project, service):
    service.is_well = None
    assert problems(client) == {"speech": "the engine does not respond; it may be starting"}


def test_missing_project_and_server_are_told(client, service, settings):
    settings.QUEUE = settings.DATA
    assert problems(client) == {
        "project": "there is no project yet; run manage.py setup",
        "speech": "there is no speech server yet; run manage.py setup",
    }


def test_missing_queue_folder_is_told(client, engine, project, service, settings, tmp_path):
    settings.CELERY_BROKER_URL = "filesystem://"
    settings.QUEUE = tmp_path / "gone"
    assert problems(client) == {"broker": "the queue folder is missing"}


def test_full_disk_is_told(client, engine, project, service, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 3 * 2**20))
    assert problems(client) == {
        "disk": "the disk is full: 3 MiB are left, and uploads are rejected"
    }


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no lock of the whole")
def test_database_that_another_writer_has_locked_is_told(client, engine, project, service):
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    try:
        found = problems(client)
    finally:
        other.close()
    assert found == {"database": "the database cannot be written (database is locked)"}


def test_database_that_does_not_respond_is_told_without_its_message():
    def check() -> str:
        raise DatabaseError("password of host db-7 refused")

    assert readiness.problem_of(check) == "the database does not respond"


def test_jobs_that_nobody_takes_are_told(client, engine, queued, service):
    assert ready(client)[0] == 200
    Transcription.objects.update(not_before=Now() - timedelta(minutes=2))
    assert problems(client) == {"jobs": "1 jobs are waiting and no worker is running"}


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30)], ids=str)
def test_jobs_from_a_clock_ahead_are_told_too(client, engine, queued, service, ahead):
    Transcription.objects.update(not_before=Now() + ahead)
    assert "jobs" in problems(client)


def test_jobs_that_wait_behind_others_are_no_problem(client, engine, queued, service):
    Transcription.objects.update(
        state=State.RUNNING, lease_until=Now() + timedelta(seconds=10), attempt=1
    )
    assert ready(client)[0] == 200


def test_jobs_of_a_dead_worker_that_are_not_taken_up_are_told(client, engine, queued, service):
    Transcription.objects.update(
        state=State.RUNNING, lease_until=Now() - timedelta(minutes=5), attempt=1
    )
    assert problems(client) == {"jobs": "1 jobs of a stopped worker are not resumed"}


def test_command_waits_until_there_is_a_project(engine, service):
    told: list[str] = []

    def start_up(_: float) -> None:
        Project.objects.create(connection=engine, upstream_id="p-1", name="Interviews")

    problem = readiness.wait_until_ready(told.append, 60, readiness.LIBRARY, start_up)
    assert (problem, len(told)) == ("", 1)
    assert "Waiting until Earshot is ready: there is no project yet" in told[0]


def test_command_says_what_is_missing_when_it_has_waited(engine, service):
    said = StringIO()
    with pytest.raises(CommandError, match="not ready: there is no project yet"):
        call_command("transcribe", "a.wav", "--wait", "0", stderr=said)


def test_engine_is_asked_at_most_every_few_seconds(client, engine, project, service, monkeypatch):
    asked = []

    def probe(server: Any, seconds: float) -> int:
        asked.append(server)
        return 200

    monkeypatch.setattr(speech, "probe", probe)
    for _ in range(5):
        ready(client)
    assert len(asked) == 1


def test_pause_of_another_server_is_told(client, engine, project, service, settings):
    settings.ENV = replace(settings.ENV, deepgram_api_key="k")
    Connection.objects.update(kind=Connection.Kind.HOSTED)
    assert ready(client)[0] == 200
    engine.pause(OSError("the server cannot be reached"))
    assert problems(client) == {
        "speech": "the speech server is not available: the server cannot be reached"
    }
