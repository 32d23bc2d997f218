"""Pages without a browser: clients of the cast, and a recording that has a transcript."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from management.models import User
from tests.transcripts.conftest import add_recording
from tests.transcripts.search.conftest import add_utterances
from transcripts.models import Recording, State, Transcription

FRAGMENT = {"HX-Request": "true"}  # htmx asks for a part of a page


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(name: str, *arguments: Any) -> str:
    return reverse(name, args=[getattr(one, "pk", one) for one in arguments])


def add_run(recording: Recording, *texts: str, **facts: Any) -> Transcription:
    """A finished run that heard these utterances."""
    shown = {name: facts.pop(name) for name in ("speaker", "channel") if name in facts}
    run = Transcription.objects.create(recording=recording, state=State.DONE, **facts)
    add_utterances(run, *texts, **shown)
    return run


@pytest.fixture
def ada_client(ada: User) -> Client:
    return client_of(ada)


@pytest.fixture
def finished(project: Any, ada: User) -> Recording:
    """Two utterances of two speakers, ten seconds apart."""
    recording = add_recording(project, owner=ada, state=State.DONE, duration=20.0)
    run = add_run(recording, "Who is there?", "The harbour master.", request_id="r-1", speaker=0)
    run.utterances.filter(index=1).update(speaker=1)
    return recording
