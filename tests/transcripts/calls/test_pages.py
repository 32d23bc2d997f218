"""Pages of calls: their start, their list, and the record of the messages."""

import json

import pytest
from django.test import Client

from management.models import User
from tests.pages.cast import MESSAGES
from tests.transcripts.agents.conftest import configuration
from tests.transcripts.calls.conftest import make_call
from transcripts.agents.models import Agent
from transcripts.agents.settings import settings_of
from transcripts.calls.models import Call

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("db")]


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


VARIABLES = {"SHOP": "Elm Street", "LIMIT": 3, "CITY": "Ely"}


def with_variables(project, **variables) -> Agent:
    """An agent that names SHOP, LIMIT and CITY."""
    agent = Agent.objects.create(project=project, name="Orders")
    settings = configuration()["settings"]
    settings["greeting"] = "Hello, this is {{SHOP}}. At most {{LIMIT}} items, {{ CITY }}."
    agent.add_version(**configuration(settings=settings, variables=variables))
    return agent


def values(agent: Agent, **typed: str) -> dict[str, str]:
    """Values that the page sends for an agent whose variables it has shown."""
    shown = {"agent": str(agent.pk), "shown": str(agent.version.pk)}
    return shown | {f"variable-{name}": value for name, value in typed.items()}


def test_variables_are_shown_with_their_values_before_a_call(ada, project):
    agent = with_variables(project, **VARIABLES, UNUSED="x")
    page = browser(ada)
    response = page.post("/calls/start/", {"agent": agent.pk})
    assert response["Location"] == f"/calls/?agent={agent.pk}"
    shown = page.get(response["Location"]).content.decode()
    assert 'name="variable-SHOP" value="Elm Street"' in shown
    assert 'name="variable-LIMIT" value="3"' in shown
    assert "UNUSED" not in shown
    assert "variable-" not in page.get("/calls/").content.decode()  # the librarian has none
    assert not Call.objects.exists()


def test_a_call_has_the_values_that_were_changed(ada, project):
    agent = with_variables(project, **VARIABLES)
    typed = values(agent, SHOP="Oak Lane", LIMIT="[1, 2]", CITY="Ely")
    response = browser(ada).post("/calls/start/", typed)
    call = Call.objects.get()
    assert response["Location"] == call.get_absolute_url()
    assert call.variables == {"SHOP": "Oak Lane", "LIMIT": [1, 2]}
    greeting = settings_of(call.version, call.variables)["agent"]["greeting"]
    assert greeting == "Hello, this is Oak Lane. At most [1, 2] items, Ely."
    assert agent.version.variables == VARIABLES


def test_a_number_and_a_truth_value_differ(ada, project):
    agent = with_variables(project, SHOP="", LIMIT=1, CITY="Ely")
    browser(ada).post("/calls/start/", values(agent, SHOP="", LIMIT="true", CITY="Ely"))
    assert Call.objects.get().variables == {"LIMIT": True}


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"LIMIT": "three"}, "{{LIMIT}}: “three” is not JSON"),
        ({"LIMIT": ""}, "{{LIMIT}} has no value."),
        ({"CITY": ""}, "{{CITY}} has no value."),
        ({"SHOP": "x" * 10_001}, "{{SHOP}} has more than 10000 characters."),
    ],
)
def test_an_error_names_the_variable_and_keeps_what_was_typed(ada, project, typed, problem):
    agent = with_variables(project, SHOP="Elm Street", LIMIT=3)
    given = {"SHOP": "Oak Lane", "LIMIT": "3", "CITY": "Ely"} | typed
    response = browser(ada).post("/calls/start/", values(agent, **given))
    assert response.status_code == 422
    page = response.content.decode()
    assert problem in page
    assert given["SHOP"] in page
    assert not Call.objects.exists()


def test_a_version_that_was_saved_meanwhile_is_shown_first(ada, project):
    agent = with_variables(project, **VARIABLES)
    before = values(agent, SHOP="Oak Lane", LIMIT="3", CITY="Ely")
    agent.add_version(**configuration(variables={"SHOP": "Birch Road"}))
    page = browser(ada)
    response = page.post("/calls/start/", before)
    assert "Birch Road" in page.get(response["Location"]).content.decode()
    assert not Call.objects.exists()


def test_the_record_of_a_call_has_its_values(ended, bob):
    Call.objects.filter(pk=ended.pk).update(variables={"SHOP": "Oak Lane"})
    page = browser(bob).get(ended.get_absolute_url()).content.decode()
    assert "Variables of this call" in page
    assert "Oak Lane" in page


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


def test_calls_are_listed_with_the_first_words_of_the_caller(ended, bob):
    listed = browser(bob).get("/calls/").content.decode()
    assert "“How dark was the road?”" in listed
    assert "Very dark" not in listed


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
