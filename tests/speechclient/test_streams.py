import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import BadRequest, InvalidOption, ServiceUnavailable, SpeechError
from speechclient.fields import read_json
from speechclient.streams import flux, live_listen, live_speak
from speechclient.streams.flux import FluxSession, TurnInfo
from speechclient.streams.live_listen import ListenSession, Results, SpeechStarted, UtteranceEnd
from speechclient.streams.live_speak import (
    Audio,
    Flushed,
    FluxSpeakSession,
    SpeakSession,
    TurnSpoken,
)
from speechclient.streams.session import StreamError, StreamWarning
from tests.speechclient.responses import MODEL, word
from tests.speechclient.test_listen import any_json

SESSIONS = [ListenSession, FluxSession, SpeakSession, FluxSpeakSession]

RESULTS = {
    "type": "Results",
    "channel_index": [1, 2],
    "duration": 1.98,
    "start": 0.5,
    "is_final": True,
    "speech_final": False,
    "from_finalize": True,
    "channel": {
        "alternatives": [{"transcript": "hello", "confidence": 0.97, "words": [word("hello")]}]
    },
    "metadata": {"request_id": "r-1", "model_uuid": MODEL},
    "entities": [{"label": "NAME", "value": "Ada", "start_word": 0, "end_word": 1}],
}


def receive(session, **members):
    return session.receive(json.dumps(members))


def test_a_result_says_where_it_stands_and_whether_it_can_change():
    raw = json.dumps(RESULTS)
    event = ListenSession().receive(raw)
    assert isinstance(event, Results)
    assert (event.channel_index, event.channels) == (1, 2)
    assert (event.start, event.duration) == (0.5, 1.98)
    assert (event.is_final, event.speech_final, event.from_finalize) == (True, False, True)
    assert event.transcript == "hello"
    assert event.alternatives[0].words[0].start == 0.08
    assert event.entities[0].label == "NAME"
    assert event.raw == raw


def test_marks_between_results_are_read():
    session = ListenSession()
    started = receive(session, type="SpeechStarted", channel=[0, 1], timestamp=1.5)
    assert isinstance(started, SpeechStarted)
    assert started.timestamp == 1.5
    ended = receive(session, type="UtteranceEnd", channel=[0, 1], last_word_end=2.5)
    assert isinstance(ended, UtteranceEnd)
    assert ended.last_word_end == 2.5
    assert receive(session, type="UtteranceEnd", last_word_end=-1).last_word_end is None


def test_metadata_closes_a_stream():
    session = ListenSession()
    info = {MODEL: {"name": "nova-3", "version": "1", "arch": "nova-3"}}
    event = receive(session, type="Metadata", request_id="r-1", duration=3, model_info=info)
    assert (event.request_id, event.duration, event.models[0].name) == ("r-1", 3.0, "nova-3")
    assert session.request_id == "r-1"


def test_a_turn_is_read_whole():
    event = receive(
        FluxSession(),
        type="TurnInfo",
        event="EndOfTurn",
        sequence_id=11,
        turn_index=2,
        audio_window_start=0.0,
        audio_window_end=2.4,
        transcript="What is it?",
        words=[{"word": "What", "confidence": 0.99}],
        end_of_turn_confidence=0.86,
        trigger="model",
    )
    assert isinstance(event, TurnInfo)
    assert (event.event, event.sequence_id, event.turn_index) == ("EndOfTurn", 11, 2)
    assert (event.audio_window_start, event.audio_window_end) == (0.0, 2.4)
    assert (event.words[0].word, event.words[0].start) == ("What", 0.0)
    assert (event.end_of_turn_confidence, event.trigger) == (0.86, "model")


def test_what_holds_after_configure_is_read():
    event = receive(
        FluxSession(),
        type="ConfigureSuccess",
        thresholds={"eot_threshold": 0.8, "eot_timeout_ms": 3000},
        keyterms=["Earshot"],
    )
    assert isinstance(event, flux.Configured)
    assert (event.eot_threshold, event.eager_eot_threshold) == (0.8, None)
    assert event.keyterms == ("Earshot",)
    refused = receive(ListenSession(), type="ConfigureFailure", code="C", description="no")
    assert isinstance(refused, live_listen.ConfigureFailed)


def test_binary_frames_are_audio_where_audio_comes():
    assert SpeakSession().receive(b"pcm") == Audio(raw=b"pcm")
    event = FluxSpeakSession().receive(b"pcm")
    assert isinstance(event, Audio)
    assert event.data == b"pcm"
    assert ListenSession().receive(b"pcm") is None
    assert FluxSession().receive(b"pcm") is None


def test_speech_is_acknowledged():
    assert receive(SpeakSession(), type="Flushed", sequence_id=3).sequence_id == 3
    assert isinstance(receive(SpeakSession(), type="Flushed"), Flushed)
    assert isinstance(receive(SpeakSession(), type="Cleared"), live_speak.Cleared)
    spoken = receive(
        FluxSpeakSession(), type="SpeechMetadata", speech_id="dg_sp_1", audio_duration_ms=9
    )
    assert isinstance(spoken, TurnSpoken)
    assert (spoken.speech_id, spoken.audio_duration_ms) == ("dg_sp_1", 9.0)


@pytest.mark.parametrize("session", SESSIONS)
def test_unknown_kinds_are_ignored(session):
    assert receive(session(), type="LatencyReport", ms=5) is None
    assert receive(session(), type=5) is None
    assert receive(session()) is None


@pytest.mark.parametrize("session", SESSIONS)
def test_text_that_is_no_json_is_the_servers_fault(session):
    for frame in ("", "[]", "{", '"Results"'):
        with pytest.raises(ServiceUnavailable, match="no JSON object") as broken:
            session("r-1").receive(frame)
        assert broken.value.request_id == "r-1"


@given(st.sampled_from(SESSIONS), st.data())
@pytest.mark.slow
def test_no_message_is_too_odd(session, data):
    kind = data.draw(st.sampled_from(list(session.events)))
    names = ["channel", "channel_index", "alternatives", "words", "start", "thresholds", "event"]
    names += session.events[kind].kinds
    members = data.draw(st.dictionaries(st.sampled_from(names), any_json))
    event = session().receive(json.dumps({**members, "type": kind}))
    assert isinstance(event, session.events[kind])
    if isinstance(event, Results):
        assert 0 <= event.channel_index < event.channels
        event.transcript.encode()


@given(st.sampled_from(SESSIONS), st.text(st.characters(exclude_categories=[])))
def test_no_text_is_too_odd(session, frame):
    try:
        assert session().receive(frame) is None
    except SpeechError:
        return


def test_client_messages_are_those_of_the_contract():
    said = [
        ListenSession().keep_alive(),
        ListenSession().finalize(),
        ListenSession().finalize(0),
        ListenSession().close_stream(),
        ListenSession().configure(["Earshot"]),
        FluxSession().force_end_turn(),
        FluxSession().configure(eot_threshold=0.8, keyterms=[]),
        FluxSession().configure(numerals=True),
        FluxSession().close_stream(),
        SpeakSession().speak("Hi."),
        SpeakSession().flush(),
        SpeakSession().clear(),
        SpeakSession().close_stream(),
        FluxSpeakSession().interrupt(1200),
        FluxSpeakSession().interrupt(),
        FluxSpeakSession().configure(1.1),
        FluxSpeakSession().close_stream(),
    ]
    assert [json.loads(text) for text in said] == [
        {"type": "KeepAlive"},
        {"type": "Finalize"},
        {"type": "Finalize", "channel": 0},
        {"type": "CloseStream"},
        {"type": "Configure", "keyterms": ["Earshot"]},
        {"type": "ForceEndTurn"},
        {"type": "Configure", "thresholds": {"eot_threshold": 0.8}, "keyterms": []},
        {"type": "Configure", "numerals": True},
        {"type": "CloseStream"},
        {"type": "Speak", "text": "Hi."},
        {"type": "Flush"},
        {"type": "Clear"},
        {"type": "Close"},
        {"type": "Interrupt", "playback_offset": {"type": "time_ms", "value": 1200}},
        {"type": "Interrupt"},
        {"type": "Configure", "speed": 1.1},
        {"type": "Close"},
    ]


def test_a_close_after_an_error_tells_what_the_error_said():
    session = FluxSession("r-1")
    event = receive(session, type="Error", code="DATA-0000", description="not audio")
    assert isinstance(event, StreamError)
    failure = session.closed(1008, "see https://dpgr.am/data0000")
    assert isinstance(failure, BadRequest)
    assert (str(failure), failure.code, failure.request_id) == ("not audio", "DATA-0000", "r-1")


@pytest.mark.parametrize("session", SESSIONS)
@pytest.mark.parametrize(
    "members",
    [
        {"code": "C-1", "description": "not so"},
        {"warn_code": "C-1", "warn_msg": "not so"},
        {"warning_code": "C-1", "message": "not so"},
        {"code": "", "warn_code": "C-1", "description": None, "warn_msg": "not\nso"},
    ],
)
def test_a_warning_is_read_in_every_spelling(session, members):
    event = receive(session(), type="Warning", **members)
    assert isinstance(event, StreamWarning)
    assert (event.code, event.description) == ("C-1", "not so")


@pytest.mark.parametrize("session", [ListenSession, FluxSession])
def test_each_configure_has_one_response(session):
    live = session()
    live.configure(keyterms=["Ada"])
    live.configure(keyterms=[" Earshot "])
    assert live.awaits_configure
    receive(live, type="ConfigureSuccess")
    assert live.awaits_configure
    receive(live, type="ConfigureFailure", code="CONFIGURE_KEYTERM_LIMIT_EXCEEDED")
    assert not live.awaits_configure
    receive(live, type="ConfigureSuccess")
    assert not live.awaits_configure


@pytest.mark.parametrize("session", [ListenSession, FluxSession])
@pytest.mark.parametrize("terms", [["a", " "], ["a"] * 101, ["a b c d e f"] * 84, "Ada"])
def test_key_terms_that_no_server_takes_are_not_sent(session, terms):
    live = session()
    with pytest.raises(InvalidOption, match="keyterm"):
        live.configure(keyterms=terms)
    assert not live.awaits_configure


def test_an_open_turn_is_ended_before_the_stream():
    session = FluxSession()
    receive(session, type="TurnInfo", event="StartOfTurn", transcript="so")
    assert json.loads(session.finish()) == {"type": "ForceEndTurn"}
    assert session.due() is None
    receive(session, type="TurnInfo", event="Update", transcript="so it")
    assert session.due() is None
    receive(session, type="TurnInfo", event="EndOfTurn", transcript="so it is")
    assert json.loads(session.due()) == {"type": "CloseStream"}
    assert session.due() is None
    assert session.closed(1005, "") is None  # no status code


def test_a_turn_whose_end_never_comes_does_not_hold_the_stream():
    session = FluxSession()
    receive(session, type="TurnInfo", event="StartOfTurn", transcript="so")
    session.finish()
    assert json.loads(session.overdue()) == {"type": "CloseStream"}
    assert session.overdue() is None


def test_without_an_open_turn_the_stream_is_closed_at_once():
    session = FluxSession()
    receive(session, type="TurnInfo", event="Update", transcript="")
    assert json.loads(session.finish()) == {"type": "CloseStream"}
    assert session.due() is None


@pytest.mark.parametrize("session", SESSIONS)
def test_a_close_without_a_code_is_normal_only_where_it_was_asked_for(session):
    live = session()
    assert isinstance(live.closed(1005, ""), ServiceUnavailable)
    live.finish()
    assert live.closed(1005, "") is None
    assert isinstance(live.closed(None, ""), ServiceUnavailable)


def test_a_pause_on_a_socket_is_the_callers_fault():
    session = FluxSpeakSession("r-1")
    receive(session, type="Error", code="DATA-0002", description="pauses are for REST")
    failure = session.closed(1008, "DATA-0002")
    assert isinstance(failure, BadRequest)
    assert failure.code == "DATA-0002"


def test_an_error_that_is_not_followed_by_one_is_forgotten():
    session = ListenSession()
    event = receive(session, type="Error", variant="SchemaError", description="unknown type")
    assert (event.code, event.description) == ("SchemaError", "unknown type")
    assert session.closed(1000, "") is None


WORD = {
    "word": "good", "start": 0.5, "end": 0.75, "confidence": 0.9, "punctuated_word": "Good",
    "speaker": 1, "speaker_confidence": 0.5, "language": "en",
}  # fmt: skip
BEST = {"transcript": "Good", "confidence": 0.9, "words": [WORD], "languages": ["en"]}
PLAIN = {
    "type": "Results", "channel_index": [0, 1], "start": 0.5, "duration": 1, "is_final": True,
    "speech_final": True, "from_finalize": False, "channel": {"alternatives": [BEST]},
    "metadata": {"request_id": "r-1"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("results", "best", "word"),
    [
        ({}, {}, {}),
        ({"is_final": False, "start": 0}, {"words": [], "languages": []}, {}),
        ({}, {"confidence": 1}, {"speaker": None, "language": None}),
    ],
)
def test_plain_results_are_read_as_with_care(results, best, word):
    frame = frame_of(results, best, word)
    event = ListenSession().read_plain(frame)
    assert event is not None
    assert event == Results.received(frame, read_json(frame))


@pytest.mark.parametrize(
    ("results", "best", "word"),
    [
        ({"channel_index": [1, 2]}, {}, {}),
        ({"start": -1.0}, {}, {}),
        ({"start": float("nan")}, {}, {}),
        ({"duration": 1e300}, {}, {}),
        ({"is_final": None}, {}, {}),
        ({"is_final": 1}, {}, {}),
        ({"entities": [{"label": "NAME", "value": "Ada", "start_word": 0, "end_word": 1}]}, {}, {}),
        ({"channel": {"alternatives": []}}, {}, {}),
        ({"channel": {"alternatives": [BEST] * 101}}, {}, {}),
        ({}, {"transcript": None}, {}),
        ({}, {"transcript": "No\0thing"}, {}),
        ({}, {"transcript": "\ud800"}, {}),
        ({}, {"transcript": "a" * 20_000}, {}),
        ({}, {"confidence": 1.5}, {}),
        ({}, {"paragraphs": [{}]}, {}),
        ({}, {"words": None}, {}),
        ({}, {"words": [WORD, 7]}, {}),
        ({}, {}, {"word": "a" * 1_001}),
        ({}, {}, {"punctuated_word": ""}),
        ({}, {}, {"punctuated_word": "a" * 1_001}),
        ({}, {}, {"start": 0.8}),
        ({}, {}, {"end": 1e300}),
        ({}, {}, {"start": "0.5"}),
        ({}, {}, {"confidence": -1}),
        ({}, {}, {"speaker": -1}),
        ({}, {}, {"speaker": 10_001}),
        ({}, {}, {"speaker_confidence": 2.0}),
        ({}, {}, {"language": ""}),
    ],
)
def test_other_results_are_left_to_the_careful_reader(results, best, word):
    frame = frame_of(results, best, word)
    assert ListenSession().read_plain(frame) is None
    assert ListenSession().receive(frame) == Results.received(frame, read_json(frame))


def frame_of(results: dict, best: dict, word: dict) -> str:
    alternative = BEST | {"words": [WORD | word]} | best
    return json.dumps(PLAIN | {"channel": {"alternatives": [alternative]}} | results)
