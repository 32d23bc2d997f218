"""Template tags that find recordings and their costs, for the person who looks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from management.models import Project, Request, User
from tests.transcripts.conftest import add_recording
from transcripts.models import Recording, State, Transcription
from transcripts.templatetags.recordings import cost_of, recording_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def transcribed(project: Project) -> Recording:
    recording = add_recording(project, b"RIFF")
    for number in (1, 2):
        Transcription.objects.create(
            recording=recording, state=State.DONE, request_id=f"r-{number}"
        )
    return recording


def context(user: User) -> dict[str, Any]:
    request = RequestFactory().get("/")
    request.user = user
    return {"request": request}


@pytest.mark.parametrize("request_id", ["r-1", "r-2"])
def test_a_request_leads_to_the_recording_of_any_of_its_runs(
    transcribed: Recording, bob: User, vera: User, request_id: str
):
    for user in (bob, vera):
        assert recording_of(context(user), request_id) == transcribed


@pytest.mark.parametrize("request_id", ["", "r-3"])
def test_a_request_without_a_transcript_leads_nowhere(
    transcribed: Recording, ada: User, request_id: str
):
    Transcription.objects.filter(request_id="r-2").update(request_id="")
    assert recording_of(context(ada), request_id) is None


def test_a_stranger_is_led_nowhere(transcribed: Recording, eve: User):
    assert recording_of(context(eve), "r-1") is None


def charge(project: Project, request_id: str, dollars: float | None) -> None:
    Request.objects.create(
        project=project, request_id=request_id, created=timezone.now(), dollars=dollars
    )


def test_a_cost_is_that_of_the_request_in_its_project(
    transcribed: Recording, project: Project, other_project: Project
):
    assert cost_of(transcribed, "r-1") is None  # until the log is mirrored
    charge(other_project, "r-1", 9.0)
    charge(project, "r-1", 0.25)
    charge(project, "r-2", None)
    assert cost_of(transcribed, "r-1") == 0.25
    assert cost_of(transcribed, "r-2") is None
    assert cost_of(transcribed, "") is None
