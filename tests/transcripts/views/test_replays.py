"""Pages of replays."""

import pytest
from django.urls import reverse

from tests.transcripts.replays.conftest import ended_call as ended_call
from tests.transcripts.replays.conftest import make_call as make_call
from tests.transcripts.replays.conftest import version as version
from tests.transcripts.replays.test_replaying import run
from tests.transcripts.views.test_agents import signed_in
from transcripts.agents.models import Agent
from transcripts.queue.leases import State
from transcripts.replays.models import Expectation, Replay, order_replay

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def agent_of():
    """Make an agent of a project and return its version."""

    def make(project):
        return Agent.objects.default_of(project).version

    return make


def test_a_replay_is_started_from_the_page_of_its_call(ended_call, version, ada, rings):
    client = signed_in(ada)
    page = client.get(reverse("call_replays", args=[ended_call.pk]))
    assert "Orders, version 1" in page.content.decode()
    response = client.post(
        reverse("call_replay", args=[ended_call.pk]), {"version": version.pk, "speed": "2"}
    )
    row = Replay.objects.get()
    assert response["Location"] == row.get_absolute_url()
    assert (row.version, row.speed, row.created_by) == (version, 2, ada)
    assert ("transcripts.replay", row.pk) in rings
    text = client.get(row.get_absolute_url()).content.decode()
    assert 'hx-trigger="every 1s" hx-swap="outerHTML" data-poll' in text


def test_call_and_replay_are_side_by_side(ended_call, version, ada):
    row = run(order_replay(ended_call, version, ada, expected=["soon"]))
    text = signed_in(ada).get(row.get_absolute_url()).content.decode()
    assert "Where is it?" in text
    assert "Spoken." in text
    assert "1 problem" in text
    assert "No reply has the words “soon”." in text
    assert "every 1s" not in text


def test_words_that_a_reply_must_have_are_added_and_removed(ended_call, ada):
    client, address = signed_in(ada), reverse("call_expect", args=[ended_call.pk])
    client.post(address, {"words": "it is here"})
    client.post(address, {"words": "it is here"})
    assert Expectation.objects.get().words == "it is here"
    response = client.post(address, {"words": ""}, follow=True)
    assert "Enter words that a reply must have." in response.content.decode()
    client.post(address, {"remove": "it is here"})
    assert not Expectation.objects.exists()


def test_a_version_of_another_project_is_not_replayed(ended_call, other_project, ada, agent_of):
    other = agent_of(other_project)
    response = signed_in(ada).post(
        reverse("call_replay", args=[ended_call.pk]), {"version": other.pk}, follow=True
    )
    assert "This version does not exist." in response.content.decode()
    assert not Replay.objects.exists()


def test_a_server_elsewhere_gets_audio_as_spoken(ended_call, version, ada, server):
    server.kind = server.Kind.HOSTED
    server.save()
    fields = {"version": version.pk, "speed": "4"}
    response = signed_in(ada).post(
        reverse("call_replay", args=[ended_call.pk]), fields, follow=True
    )
    assert "“4” cannot be used" in response.content.decode()
    assert not Replay.objects.exists()


def test_viewers_read_and_strangers_do_not(ended_call, version, ada, vera, eve):
    row = order_replay(ended_call, version, ada)
    addresses = (row.get_absolute_url(), reverse("call_replays", args=[ended_call.pk]))
    assert [signed_in(vera).get(each).status_code for each in addresses] == [200, 200]
    assert [signed_in(eve).get(each).status_code for each in addresses] == [404, 404]
    for name, pk in (
        ("call_replay", ended_call.pk),
        ("call_expect", ended_call.pk),
        ("replay_cancel", row.pk),
    ):
        assert signed_in(vera).post(reverse(name, args=[pk])).status_code == 404


def test_a_replay_is_stopped(ended_call, version, ada):
    row = order_replay(ended_call, version, ada)
    signed_in(ada).post(reverse("replay_cancel", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == State.CANCELLED
