"""Pages of calls: their start, their list, and the record of the messages."""

import json

import pytest
from django.test import Client

from management.models import User
from tests.pages.cast import MESSAGES
from tests.transcripts.agents.conftest import configuration
from tests.transcripts.calls.conftest import make_call
from transcripts.agents.models import Agent
from transcripts.calls.models import Call

pytestmark = pytest.mark.usefixtures("db")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ended(call, recording) -> Call:
    for sequence, (at, direction, kind, body) in enumerate(MESSAGES, start=1):
        call.events.create(sequence=sequence, at=at, direction=direction, kind=kind, body=body)
    Call.objects.filter(pk=call.pk).update(
        state=Call.State.ENDED, recording=recording, started_at=call.created_at
    )
    call.refresh_from_db()
    return call


def test_every_project_has_an_agent_to_talk_to(ada, project):
    page = browser(ada)
    assert "Librarian" in page.get("/calls/").content.decode()
    agent = Agent.objects.get(project=project, is_default=True)
    response = page.post("/calls/start/", {"agent": agent.pk})
    call = Call.objects.get()
    assert response["Location"] == call.get_absolute_url()
    assert (call.owner, call.project, call.version) == (ada, project, agent.version)
    assert call.state == Call.State.PREPARED
    assert "Start talking" in page.get(call.get_absolute_url()).content.decode()


def test_an_agent_without_the_value_of_a_variable_is_not_called(ada, project):
    agent = Agent.objects.create(project=project, name="Orders")
    agent.add_version(**configuration(variables={}))
    response = browser(ada).post("/calls/start/", {"agent": agent.pk})
    assert response.status_code == 422
    assert "{{SHOP}} has no value" in response.content.decode()
    assert not Call.objects.exists()


def test_an_agent_of_another_project_is_not_called(eve, version):
    response = browser(eve).post("/calls/start/", {"agent": version.agent.pk})
    assert response.status_code == 422
    assert not Call.objects.exists()


def test_a_viewer_reads_calls_and_starts_none(vera, ended):
    page = browser(vera)
    listed = page.get("/calls/").content.decode()
    assert "Orders" in listed
    assert 'action="/calls/start/"' not in listed
    assert "Transcript" in page.get(ended.get_absolute_url()).content.decode()


def test_a_stranger_gets_nothing(eve, ended):
    page = browser(eve)
    assert "Orders" not in page.get("/calls/").content.decode()
    for address in (ended.get_absolute_url(), f"{ended.get_absolute_url()}messages/"):
        assert page.get(address).status_code == 404


def test_an_open_call_is_a_record_for_everybody_but_its_user(ada, bob, call):
    address = call.get_absolute_url()
    assert "Start talking" in browser(ada).get(address).content.decode()
    seen = browser(bob).get(address).content.decode()
    assert "Start talking" not in seen
    assert "still open" in seen


def test_the_messages_are_downloaded_as_json_lines(bob, ended):
    response = browser(bob).get(f"{ended.get_absolute_url()}messages/?download")
    assert response["Content-Disposition"].endswith(f'"call-{ended.pk}.jsonl"')
    lines = [json.loads(line) for line in response.content.decode().splitlines()]
    assert [(each["at"], each["direction"], each["kind"]) for each in lines] == [
        (at, direction, kind) for at, direction, kind, _ in MESSAGES
    ]
    assert lines[-1]["sequence"] == len(MESSAGES)


def test_the_recording_leads_to_its_call(bob, ended):
    page = browser(bob).get(ended.recording.get_absolute_url()).content.decode()
    assert f'href="{ended.get_absolute_url()}"' in page


def test_a_call_moves_with_its_recording(ended, ada, server):
    other = ended.project.__class__.objects.create(
        connection=server, upstream_id="p-3", name="Archive"
    )
    ended.recording.cancel()
    assert ended.recording.move_to(other)
    ended.refresh_from_db()
    assert ended.project == other


def test_a_call_of_a_deleted_agent_keeps_its_name(version, ada):
    call = make_call(version, ada)
    version.agent.delete()
    call.refresh_from_db()
    assert (call.version, str(call)) == (None, "Call with Orders")
