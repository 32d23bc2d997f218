"""The client reads all messages of the engine."""

import io
import json
from collections.abc import Iterator

import pytest

from speechclient import BadRequest, Denied, ListenOptions, ReadOptions, SpeakOptions, SpeechClient
from speechclient.account import RequestFilter
from tests.engine.rest.conftest import Engine, start_engine
from tests.speech import join, say, wav_bytes

TEXT = """
Good morning and thank you for calling. My order has not arrived, and I am quite angry about it.
It was promised for Monday, and today is Thursday. I would like to cancel the order and get my
money back. I am sorry to hear that. I will cancel the order and refund the payment to your card.
That is wonderful, thank you very much for the quick help.
"""


@pytest.fixture(scope="module")
def engine(full_lane, tmp_path_factory) -> Iterator[Engine]:
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def client(engine) -> Iterator[SpeechClient]:
    with SpeechClient(engine.url, engine.key) as client:
        yield client


@pytest.fixture
def account(client, engine):
    return client.account(engine.project_id)


@pytest.fixture(scope="module")
def speech(full_lane) -> bytes:
    return wav_bytes(
        join(say("Good morning everyone."), 1.5, say("The meeting is on Friday.")), 16_000
    )


def test_every_part_of_a_transcript_is_read(client, speech):
    options = ListenOptions(
        smart_format=True,
        paragraphs=True,
        utterances=True,
        utt_split=0.8,
        detect_language=True,
        tag=("demo",),
        extra={"order": "a:1"},
        measurements=True,
    )
    response = client.transcribe(io.BytesIO(speech), options, size_bytes=len(speech))

    emitted = json.loads(response.raw)
    assert response.request_id == emitted["metadata"]["request_id"]
    assert response.duration == emitted["metadata"]["duration"]
    assert response.sha256 == emitted["metadata"]["sha256"]
    assert response.created is not None
    assert (response.tags, response.extra) == (("demo",), {"order": "a:1"})
    assert response.model_names
    assert response.detected_language == "en"
    assert len(response.warnings) == len(emitted["metadata"].get("warnings", []))

    (channel,) = emitted["results"]["channels"]
    alternative = channel["alternatives"][0]
    assert response.transcript == alternative["transcript"]
    words = response.channels[0].alternatives[0].words
    assert [(w.word, w.start, w.end, w.confidence, w.punctuated_word) for w in words] == [
        (w["word"], w["start"], w["end"], w["confidence"], w["punctuated_word"])
        for w in alternative["words"]
    ]
    assert [(u.id, u.start, u.end, u.transcript) for u in response.utterances] == [
        (u["id"], u["start"], u["end"], u["transcript"]) for u in emitted["results"]["utterances"]
    ]
    assert len(response.utterances) == 2
    assert [[s.text for s in p.sentences] for p in response.paragraphs] == [
        [s["text"] for s in p["sentences"]] for p in alternative["paragraphs"]["paragraphs"]
    ]


def test_speech_and_its_facts_are_read(client):
    options = SpeakOptions(model="aura-2-thalia-en", encoding="linear16", container="none")
    with client.speak("Good morning.", options) as speech:
        pieces = list(speech)
    assert sum(map(len, pieces)) > 24_000
    assert speech.info.content_type.startswith("audio/l16")
    assert (speech.info.request_id != "", speech.info.char_count) == (True, 13)
    assert speech.info.model_name
    with pytest.raises(BadRequest, match="sample_rate"):
        client.speak("Hello.", SpeakOptions(encoding="mp3", sample_rate=16000))


def test_insights_are_read(client):
    options = ReadOptions(summarize=True, topics=True, intents=True, sentiment=True)
    response = client.read(TEXT, options)
    emitted = json.loads(response.raw)["results"]
    insights = response.insights
    assert response.request_id
    assert (response.language, insights.summary) == ("en", emitted["summary"]["text"])
    assert [[label.name for label in segment.labels] for segment in insights.topics] == [
        [topic["topic"] for topic in segment["topics"]] for segment in emitted["topics"]["segments"]
    ]
    assert [segment.text for segment in insights.intents] == [
        segment["text"] for segment in emitted["intents"]["segments"]
    ]
    assert [segment.score for segment in insights.sentiments] == [
        segment["sentiment_score"] for segment in emitted["sentiments"]["segments"]
    ]
    assert insights.average_sentiment == emitted["sentiments"]["average"]["sentiment"]


def test_projects_and_models_are_read(client):
    (project,) = client.projects()
    assert client.project(project.project_id).name == project.name == "Earshot"
    for models in (client.models(), client.models(project.project_id)):
        assert all(model.uuid and model.languages and model.version for model in models.stt)
        assert all(voice.metadata.accent and voice.uuid for voice in models.tts)
        assert client.model(models.tts[0].uuid) == models.tts[0]


def test_keys_and_people_are_read(client, account, engine):
    made = account.create_key("CI", ["member"], tags=["ci"], time_to_live_seconds=600)
    assert SpeechClient(engine.url, made.key).projects() == client.projects()
    record = account.key(made.api_key_id).api_key
    assert (record.comment, record.scopes, record.tags) == ("CI", ("member",), ("ci",))
    assert record.created < record.expiration_date == made.expiration_date
    assert made.api_key_id in {key.api_key.api_key_id for key in account.keys("active")}
    account.delete_key(made.api_key_id)
    with pytest.raises(Denied):
        SpeechClient(engine.url, made.key).projects()

    (owner,) = account.members()
    assert "@" in owner.email
    assert account.member_scopes(owner.member_id) == owner.scopes == ("owner",)
    account.invite("bob+x@example.test", "member")
    (invite,) = account.invites()
    assert (invite.email, invite.scope) == ("bob+x@example.test", "member")
    account.delete_invite(invite.email)
    assert account.invites() == ()


def test_the_log_and_the_sums_of_a_request_are_read(client, account, speech):
    response = client.transcribe(io.BytesIO(speech), ListenOptions(tag=("sums",)))
    page = account.requests(RequestFilter(request_id=response.request_id))
    (request,) = page.requests
    assert (request.request_id, request.code) == (response.request_id, 200)
    assert account.request(response.request_id) == request
    usage = account.usage_breakdown(grouping="endpoint")
    assert usage.resolution.units == "day"
    (listen,) = [row for row in usage.results if row.grouping.endpoint == "listen"]
    assert listen.requests >= 1
    assert listen.hours > 0
    assert account.usage().start == usage.start
    assert "sums" in account.usage_fields().tags
    assert account.billing_breakdown().results[0].dollars == 0.0
    assert account.billing_fields().line_items
    assert account.balances() == account.purchases() == ()


def test_agents_variables_and_credentials_are_read(client, account):
    agent = account.create_agent({"greeting": "Hi"}, {"team": "a"})
    assert (agent.config, agent.metadata) == ({"greeting": "Hi"}, {"team": "a"})
    assert account.update_agent(agent.agent_id, {"team": "b"}).metadata == {"team": "b"}
    assert [stored.agent_id for stored in account.agents()] == [agent.agent_id]
    account.delete_agent(agent.agent_id)

    variable = account.create_agent_variable("DG_NAME", ["a", 1])
    assert account.update_agent_variable(variable.variable_id, "b").value == "b"
    assert account.agent_variables()[0].key == "DG_NAME"
    account.delete_agent_variable(variable.variable_id)

    made = account.create_distribution_credentials("ours")
    identifier = made.distribution_credentials.distribution_credentials_id
    assert account.distribution_credential(identifier) == made
    assert account.distribution_credentials() == (made,)
    account.delete_distribution_credentials(identifier)
    assert [each.id for each in client.think_models()] == ["librarian"]


def test_a_grant_opens_what_it_is_for(client, engine, speech):
    token = client.grant(60).access_token
    with SpeechClient(engine.url, access_token=token) as guest:
        assert guest.transcribe(io.BytesIO(speech), ListenOptions()).transcript
        with pytest.raises(Denied):
            guest.projects()


def test_every_refusal_has_its_kind_and_request_id(client, engine):
    stranger = SpeechClient(engine.url, "nobody")
    unknown = "0b168604-b334-4984-8bc7-78135a5b7c49"
    refused = [
        (Denied, lambda: stranger.projects()),
        (Denied, lambda: client.project(unknown)),
        (Denied, lambda: client.project("not-an-id")),
        (Denied, lambda: client.model(unknown)),
        (BadRequest, lambda: client.transcribe(io.BytesIO(b""), ListenOptions())),
        (BadRequest, lambda: client.transcribe(io.BytesIO(b"text"), ListenOptions(model="nope"))),
        (BadRequest, lambda: client.grant(0)),
    ]
    for kind, call in refused:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.request_id
