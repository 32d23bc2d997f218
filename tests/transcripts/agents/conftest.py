"""Agents of the project of the cast."""

from typing import Any

import pytest

from management.models import Project, User
from transcripts.agents.models import Agent


def configuration(**changes: Any) -> dict[str, Any]:
    """Return a small configuration, with ``changes``."""
    settings = {
        "greeting": "Hello, this is {{SHOP}}.",
        "listen": {"provider": {"type": "deepgram", "version": "v1", "model": "nova-3"}},
        "think": {"provider": {"type": "open_ai", "model": "small"}, "prompt": "Be brief."},
        "speak": {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}},
    }
    return {"settings": settings, "functions": [], "variables": {"SHOP": "Elm Street"}} | changes


@pytest.fixture
def agent(project: Project, ada: User) -> Agent:
    agent = Agent.objects.create(project=project, name="Orders", created_by=ada)
    agent.add_version(**configuration(), by=ada)
    return agent
