"""Messages of a conversation with a voice agent, without a socket."""

import json

import pytest

from speechclient import BadRequest, Denied, ServiceUnavailable
from speechclient.streams import agent
from speechclient.streams.agent import AgentSession
from speechclient.streams.live_speak import Audio
from speechclient.streams.session import StreamError, StreamWarning
from tests.contract.messages import SOCKETS
from tests.speechclient.test_streams import receive


def test_the_first_message_names_the_request():
    session = AgentSession()
    welcome = receive(session, type="Welcome", request_id="r-1")
    assert isinstance(welcome, agent.Welcome)
    assert session.request_id == "r-1"


def test_texts_of_both_sides_are_read():
    said = receive(
        AgentSession(),
        type="ConversationText",
        role="user",
        content="Hello?",
        languages=["en"],
        conversational_behavior="backchannel",
    )
    assert isinstance(said, agent.ConversationText)
    assert said.is_user
    assert (said.content, said.languages) == ("Hello?", ("en",))
    assert said.conversational_behavior == "backchannel"
    assert not receive(AgentSession(), type="ConversationText", role="assistant").is_user


def test_function_calls_are_read():
    called = {"id": "a", "name": "book", "arguments": '{"city": "London"}', "client_side": True}
    request = receive(AgentSession(), type="FunctionCallRequest", functions=[called, 5])
    (function,) = request.functions
    assert (function.id, function.name, function.client_side) == ("a", "book", True)
    assert json.loads(function.arguments) == {"city": "London"}
    done = receive(AgentSession(), type="FunctionCallResponse", id="a", name="book", content="ok")
    assert (done.id, done.name, done.content) == ("a", "book", "ok")
    gone = receive(AgentSession(), type="FunctionCallCancelled", functions=[called])
    assert [each.id for each in gone.functions] == ["a"]


def test_a_report_has_the_latencies_that_it_names():
    report = receive(AgentSession(), type="LatencyReport", total_latency=1.2, stt_latency="x")
    assert (report.total_latency, report.stt_latency, report.tts_latency) == (1.2, None, None)


def test_the_history_has_texts_or_calls_with_their_responses():
    text = receive(AgentSession(), type="History", role="user", content="Hello?")
    assert (text.role, text.content, text.function_calls) == ("user", "Hello?", ())
    calls = [{"id": "a", "name": "book", "arguments": "{}", "response": "done"}]
    (call,) = receive(AgentSession(), type="History", function_calls=calls).function_calls
    assert call.response == "done"


def test_a_message_of_an_unknown_type_survives_with_its_frame():
    raw = json.dumps({"type": "AgentYawned", "depth": 3})
    event = AgentSession().receive(raw)
    assert isinstance(event, agent.Other)
    assert (event.kind, event.raw) == ("AgentYawned", raw)
    unnamed = AgentSession().receive("{}")
    assert isinstance(unnamed, agent.Other)
    assert unnamed.kind == ""


def test_every_message_of_the_contract_has_its_event():
    _, shapes = SOCKETS["/v1/agent/converse"]
    for kind in shapes:
        event = AgentSession().receive(json.dumps({"type": kind}))
        assert not isinstance(event, agent.Other), kind
    updated = receive(AgentSession(), type="PromptUpdated")
    assert updated.kind == "PromptUpdated"
    assert receive(AgentSession(), type="InjectionRefused", message="no").reason == "no"


def test_a_binary_frame_is_the_sound_of_the_agent():
    event = AgentSession().receive(b"\x01\x00")
    assert isinstance(event, Audio)
    assert event.data == b"\x01\x00"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_SETTINGS", BadRequest),
        ("INVALID_AGENT_ID", Denied),
        ("MAXIMUM_SESSION_LENGTH_REACHED", ServiceUnavailable),
    ],
)
@pytest.mark.parametrize("close", [1000, 1005, 1008, 1011, None])
def test_a_fatal_error_is_the_reason_of_the_end(code, kind, close):
    session = AgentSession("r-1")
    error = receive(session, type="Error", code=code, description="because")
    assert isinstance(error, StreamError)
    failure = session.closed(close, "")
    assert type(failure) is kind
    assert (str(failure), failure.code, failure.request_id) == ("because", code, "r-1")


def test_an_error_that_the_conversation_survived_is_not_its_end():
    session = AgentSession()
    receive(session, type="Error", code="FAILED_TO_THINK", description="no model")
    assert isinstance(receive(session, type="Warning", code="X"), StreamWarning)
    assert session.closed(1000, "") is None
    assert session.closed(1005, "") is None
    lost = session.closed(None, "")
    assert isinstance(lost, ServiceUnavailable)
    assert str(lost) == "the connection was lost"


def test_every_message_of_the_client_is_written():
    session = AgentSession()
    frames = [
        session.settings({"type": "Other", "audio": {}, "agent": {}}),
        session.update_listen({"keyterms": ["x"]}),
        session.update_think({"prompt": "p"}),
        session.update_speak([{"provider": {}}]),
        session.update_prompt("more"),
        session.update_think_live({"provider": {}}),
        session.inject_user("Hi"),
        session.inject_agent("Well.", "interrupt"),
        session.respond("a", "book", "ok"),
        session.force_end_turn(),
        session.keep_alive(),
        session.custom({"a": 1}),
    ]
    assert [json.loads(frame) for frame in frames] == [
        {"type": "Settings", "audio": {}, "agent": {}},
        {"type": "UpdateListen", "listen": {"provider": {"keyterms": ["x"]}}},
        {"type": "UpdateThink", "think": {"prompt": "p"}},
        {"type": "UpdateSpeak", "speak": [{"provider": {}}]},
        {"type": "UpdatePrompt", "prompt": "more"},
        {"type": "UpdateThink_Live", "think_live": {"provider": {}}},
        {"type": "InjectUserMessage", "content": "Hi"},
        {"type": "InjectAgentMessage", "message": "Well.", "behavior": "interrupt"},
        {"type": "FunctionCallResponse", "id": "a", "name": "book", "content": "ok"},
        {"type": "ForceEndTurn"},
        {"type": "KeepAlive"},
        {"type": "__customToThinkProvider", "content": {"a": 1}},
    ]
    with pytest.raises(ValueError, match="behavior is 'loud'"):
        session.inject_agent("Well.", "loud")
