"""Exchanges of a conversation, and what makes a replay worse than its call."""

from transcripts.calls.record import AUDIO, DOWN, UP, Entry
from transcripts.replays.exchanges import Exchange, exchanges, pairs, problems, results


def entries(*messages: tuple) -> list[Entry]:
    """Return messages ``(time, direction, kind, body)`` as they are recorded."""
    return [
        Entry(number, at, direction, kind, body)
        for number, (at, direction, kind, body) in enumerate(messages, 1)
    ]


def said(at: float, role: str, content: str) -> tuple:
    return at, DOWN, "ConversationText", {"role": role, "content": content}


def called(at: float, call_id: str, name: str, arguments: str) -> tuple:
    function = {"id": call_id, "name": name, "arguments": arguments, "client_side": True}
    return at, DOWN, "FunctionCallRequest", {"functions": [function]}


def responded(at: float, call_id: str, content: str) -> tuple:
    return at, UP, "FunctionCallResponse", {"id": call_id, "name": "x", "content": content}


CALL = entries(
    said(0.5, "assistant", "Hello."),
    (0.6, DOWN, AUDIO, {"start": 0.6, "end": 1.0}),
    (2.0, DOWN, "UserStartedSpeaking", {}),
    said(4.0, "user", "Where is order seven?"),
    called(4.3, "f-1", "lookup_order", '{"id": 7}'),
    responded(5.0, "f-1", "on its way"),
    said(5.5, "assistant", "It is"),
    said(5.6, "assistant", "on its way."),
    (5.7, DOWN, AUDIO, {"start": 5.7, "end": 7.0}),
    (5.7, DOWN, "LatencyReport", {"total_latency": 1.61234}),
    (5.7, DOWN, "LatencyReport", {"ttt_token_latency": 0.4}),
    said(9.0, "user", "Thank you."),
)


def test_an_exchange_is_a_turn_with_all_that_follows_it():
    greeting, question, thanks = exchanges(CALL)
    assert (greeting.caller, greeting.reply, greeting.wait) == ("", "Hello.", 0.6)
    assert (question.caller, question.reply) == ("Where is order seven?", "It is on its way.")
    assert [(call.name, call.response) for call in question.calls] == [
        ("lookup_order", "on its way")
    ]
    assert question.latencies == {"total_latency": 1.612, "ttt_token_latency": 0.4}
    assert (question.wait, question.seconds) == (1.7, 1.612)
    assert (thanks.reply, thanks.seconds) == ("", None)


def test_a_replay_without_a_greeting_is_compared_from_its_first_turn():
    listed = pairs(exchanges(CALL), [Exchange("Where is order seven?", ["Gone."])])
    assert [(pair.before is not None, pair.after is not None) for pair in listed] == [
        (True, False),
        (True, True),
        (True, False),
    ]


def test_recorded_results_are_found_by_name_and_arguments():
    twice = [
        *CALL,
        *entries(called(9.1, "f-2", "lookup_order", '{"id":7}'), responded(9, "f-2", "?")),
    ]
    assert results(twice) == {("lookup_order", '{"id": 7}'): ["on its way", "?"]}


def test_results_of_the_server_are_not_ours_to_give():
    on_server = entries(
        said(1, "user", "Hi"),
        called(2, "f-1", "lookup", "{}"),
        (3, DOWN, "FunctionCallResponse", {"id": "f-1", "name": "lookup", "content": "7"}),
    )
    assert exchanges(on_server)[0].calls[0].response == "7"
    assert results(on_server) == {}


def test_the_same_conversation_has_no_problem():
    listed = exchanges(CALL)
    assert problems(listed, listed, ["on its way", "HELLO"]) == []


def test_a_lost_function_call_and_missing_words_are_told():
    after = [Exchange("Where is order seven?", ["I do not know."])]
    assert problems(exchanges(CALL), after, ["on its way"]) == [
        "The function lookup_order was not called.",
        "No reply has the words “on its way”.",
    ]


def test_a_function_that_was_called_less_often_is_told():
    once = exchanges(CALL)
    assert problems([*once, *once], once, []) == [
        "The function lookup_order was called 1 of 2 times."
    ]


def test_silence_of_either_side_is_told():
    assert problems(exchanges(CALL), [], []) == [
        "The function lookup_order was not called.",
        "The agent recognised nothing of the caller.",
        "The agent said nothing.",
    ]
