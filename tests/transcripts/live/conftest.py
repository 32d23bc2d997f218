"""A session of Ada's, and a speech server that says what it is told."""

from typing import Any

import pytest

from management.models import Project, User
from tests.transcripts.live.server import FakeServer
from transcripts.live.models import LiveSession
from transcripts.live.serving import runs


def make_session(project: Project, owner: User, **facts: Any) -> LiveSession:
    options = {"model": "nova-3", "language": "en", "diarize": True}
    given = {"title": "Harbour talk", "options": options} | facts
    return LiveSession.objects.create(project=project, owner=owner, **given)


@pytest.fixture
def session(project: Project, ada: User) -> LiveSession:
    return make_session(project, ada)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    server = FakeServer()
    monkeypatch.setattr(runs, "opens", server.open)
    return server
