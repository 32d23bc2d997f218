"""A call of Ada's with an agent of her project, and a server that says what it is told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from management.models import Project, User
from tests.transcripts.agents.conftest import configuration
from tests.transcripts.calls.agent import FakeAgent
from transcripts.agents.models import Agent, AgentVersion
from transcripts.calls import relay
from transcripts.calls.models import Call
from transcripts.consumers import sockets

FUNCTIONS = [
    {"name": "search_library", "answered_by": "search_library"},
    {"name": "weather", "description": "The weather of a city", "answered_by": "hand"},
    {"name": "book", "answered_by": "hand", "changes": True},
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "STORE_SECONDS", 0.01)
    monkeypatch.setattr(sockets, "ACCESS_SECONDS", 0.05)


@pytest.fixture
def version(project: Project, ada: User) -> AgentVersion:
    agent = Agent.objects.create(project=project, name="Orders", created_by=ada)
    return agent.add_version(**configuration(functions=FUNCTIONS), by=ada)


def make_call(version: AgentVersion, owner: User, **facts: Any) -> Call:
    agent = version.agent
    return Call.objects.create(
        project=agent.project, owner=owner, version=version, name=agent.name, **facts
    )


@pytest.fixture
def call(version: AgentVersion, ada: User) -> Call:
    return make_call(version, ada)


@pytest.fixture
async def upstream(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FakeAgent]:
    agent = FakeAgent()
    monkeypatch.setattr(relay.runs, "opens", agent.open)
    yield agent
    await relay.runs.close()
