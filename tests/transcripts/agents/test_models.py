"""Agents, who may see and change them, and their versions."""

import pytest
from django.db import IntegrityError, transaction

from management.models import Project
from tests.transcripts.agents.conftest import configuration
from transcripts.agents.models import Agent, AgentVersion, Immutable

pytestmark = pytest.mark.django_db


def test_an_agent_is_seen_by_its_project_and_changed_by_its_writers(agent, ada, bob, vera, eve):
    assert [Agent.objects.visible_to(user).count() for user in (ada, bob, vera, eve)] == [
        1, 1, 1, 0,
    ]  # fmt: skip
    assert [Agent.objects.writable_by(user).count() for user in (ada, bob, vera, eve)] == [
        1, 1, 0, 0,
    ]  # fmt: skip


def test_the_agents_of_an_archived_project_are_not_changed(agent, ada):
    agent.project.set_archived(True)
    assert not Agent.objects.writable_by(ada).exists()


def test_an_archived_agent_is_not_active(agent):
    agent.set_archived(True)
    assert not Agent.objects.active().exists()
    agent.set_archived(False)
    assert Agent.objects.active().get() == agent


def test_versions_are_numbered_and_the_newest_counts(agent, bob):
    agent.add_version(**configuration(variables={"SHOP": "Oak Street"}), note="Moved", by=bob)
    assert [each.number for each in agent.versions.all()] == [2, 1]
    assert (agent.version.number, agent.version.created_by) == (2, bob)
    assert agent.version.variables == {"SHOP": "Oak Street"}


def test_a_saved_version_never_changes(agent):
    version = agent.version
    version.note = "Other"
    with pytest.raises(Immutable):
        version.save()
    with pytest.raises(Immutable):
        AgentVersion.objects.filter(pk=version.pk).update(note="Other")


def test_two_versions_never_have_one_number(agent):
    with pytest.raises(IntegrityError), transaction.atomic():
        AgentVersion.objects.create(agent=agent, number=1, settings={})


def test_versions_outlive_the_account_of_their_author(agent, bob):
    agent.add_version(**configuration(), by=bob)
    bob.delete()
    assert agent.version.created_by is None


def test_every_project_has_one_default_agent_that_searches_the_library(project, other_project, ada):
    Agent.objects.add_defaults(Project.objects.all())
    Agent.objects.add_defaults(Project.objects.all())
    assert Agent.objects.count() == 2
    default = Agent.objects.visible_to(ada).get()
    assert default.version.function("search_library") is not None
    assert default.version.settings["think"]["provider"]["model"] == "librarian"


def test_an_archived_default_agent_is_not_made_again(project):
    Agent.objects.default_of(project).set_archived(True)
    Agent.objects.add_defaults(Project.objects.all())
    assert Agent.objects.get().archived_at is not None
