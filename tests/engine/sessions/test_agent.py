"""The agent's session: messages and events in, messages and actions out, on a clock of the test."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.agent import steps
from engine.sessions.agent.conversation import MOST_CONVERSATION
from engine.sessions.agent.interruptions import Meaning, meaning_of
from engine.sessions.agent.modelresponses import MOST_REPLY
from engine.sessions.agent.playback import Playback, Sentence
from engine.sessions.agent.session import AgentSession
from engine.sessions.agent.settings import ThinkRules
from engine.sessions.agent.thoughts import (
    Call,
    Custom,
    Done,
    Reasoning,
    Text,
    Tokens,
    Unfinished,
    latest,
)
from engine.sessions.turns import Event
from engine.wire.agent_messages import ErrorCode, History, WarningCode
from tests.contract.messages import misfits

PATH = "/v1/agent/converse"
FLUX = {"type": "deepgram", "version": "v2", "model": "flux-general-en"}
LOOKUP = {"name": "lookup_order", "parameters": {"type": "object"}}
WEBHOOK = {"name": "book", "endpoint": {"url": "https://example.com/book"}}
SENTENCE = (
    "Your order was sent on Monday and it arrives tomorrow."  # 3.6 s at 15 characters a second
)


def settings(**agent: Any) -> dict[str, Any]:
    return {"type": "Settings", "audio": {}, "agent": {"listen": {"provider": FLUX}} | agent}


def thinking(*functions: dict[str, Any], model: str = "m", **fields: Any) -> dict[str, Any]:
    provider = {"type": "open_ai", "model": model}
    return {"provider": provider, "functions": list(functions)} | fields


class Conversation:
    """A session with a clock; what it does is kept in order, messages as JSON values."""

    def __init__(self, **agent: Any) -> None:
        self.now = 0.0
        calls = (f"call-{number}" for number in itertools.count(1))
        moods = {"This is terrible.": -0.8}
        self.session = AgentSession(
            "c0ffee00-1111-4222-8333-444455556666", 0.0, calls, lambda text: moods.get(text, 0.0)
        )
        self.steps: list[steps.Step] = []
        self.sent: list[dict[str, Any]] = []
        self.follow(self.session.start())
        if agent:
            self.read(settings(**agent))
            self.follow(self.session.applied(self.now))

    def follow(self, taken: Sequence[steps.Step]) -> list[Any]:
        """Keep ``taken`` and return them: messages as JSON values."""
        shown: list[Any] = []
        for step in taken:
            if isinstance(step, steps.Tell):
                message = msgspec.to_builtins(step.message)
                assert misfits(PATH, message) == []
                self.sent.append(message)
                shown.append(message)
            else:
                self.steps.append(step)
                shown.append(step)
        return shown

    def read(self, message: dict[str, Any]) -> list[Any]:
        return self.follow(self.session.read(message, self.now))

    def turn(self, event: Event, text: str) -> list[Any]:
        return self.follow(self.session.hear_turn(event, text, self.now))

    def ask(self, text: str = "Where is my order?") -> list[Any]:
        """A whole turn of the user."""
        return [*self.turn(Event.START, text), *self.turn(Event.END, text)]

    def think(self, *parts: Any) -> list[Any]:
        number = self.newest(steps.Think).thought.number
        return [
            one
            for part in parts
            for one in self.follow(self.session.thought(number, part, self.now))
        ]

    def speak(self, seconds: float = 4.0, number: int = 0) -> list[Any]:
        """The voice makes a sentence and all of it is sent."""
        self.session.made(number, seconds, self.now, is_last=True)
        return self.follow(self.session.sent(seconds, self.now))

    def say(self, text: str = SENTENCE, seconds: float = 4.0) -> None:
        """The agent says one sentence in response to a question."""
        self.ask()
        self.think(Text(text), Done())
        self.speak(seconds)
        self.follow(self.session.all_sent(self.now))

    def wait(self, seconds: float) -> list[Any]:
        self.now += seconds
        return self.follow(self.session.tick(self.now))

    def newest(self, kind: type) -> Any:
        return [step for step in self.steps if isinstance(step, kind)][-1]

    def kinds(self) -> list[str]:
        return [one.get("code", one["type"]) for one in self.sent]

    def history(self) -> list[Any]:
        return [one for one in self.sent if one["type"] == "History"]


def kinds(shown: Sequence[Any]) -> list[str]:
    return [
        one.get("code", one["type"]) if isinstance(one, dict) else type(one).__name__
        for one in shown
    ]


def test_settings_come_first_and_once():
    talk = Conversation()
    assert kinds(talk.read({"type": "KeepAlive"})) == ["NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"]
    assert not talk.session.is_listening
    assert kinds(talk.read(settings())) == ["Apply"]
    assert kinds(talk.follow(talk.session.applied(0.0))) == ["SettingsApplied"]
    assert talk.session.is_listening
    assert kinds(talk.read(settings())) == ["SETTINGS_ALREADY_APPLIED"]
    assert talk.read({"type": "KeepAlive"}) == []


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ({"listen": {"provider": {"version": "v2"}}}, "INVALID_SETTINGS"),
        ({"listen": {"provider": FLUX | {"language": "en"}}}, "INVALID_SETTINGS"),
        ({"listen": {"provider": {"model": "nova-3", "eot_threshold": 0.6}}}, "INVALID_SETTINGS"),
        ({"listen": {"provider": FLUX | {"eager_eot_threshold": 0.8}}}, "INVALID_SETTINGS"),
        ({"think": []}, "INVALID_SETTINGS"),
        ({"think": thinking(context_length=5_000)}, "INVALID_SETTINGS"),
        ({"think": thinking(LOOKUP, LOOKUP)}, "INVALID_SETTINGS"),
        ({"think": thinking(LOOKUP | {"initial_agent_filler": True})}, "INVALID_SETTINGS"),
        ({"speak": {"provider": {"language": "en"}}}, "UNPARSABLE_CLIENT_MESSAGE"),
        ({"think": {"provider": {"type": "abacus", "model": "m"}}}, "UNPARSABLE_CLIENT_MESSAGE"),
        ({"greeting": 7}, "UNPARSABLE_CLIENT_MESSAGE"),
    ],
)
def test_settings_that_cannot_be_are_an_error(agent: dict[str, Any], code: str):
    talk = Conversation()
    shown = talk.read(settings(**agent))
    assert kinds(shown)[0] == code
    # What cannot be read is not applied, and may be sent again.
    assert kinds(shown)[1:] == (["Close"] if code == "INVALID_SETTINGS" else [])


def test_a_stored_configuration_is_loaded_and_one_that_is_not_there_ends_the_session():
    talk = Conversation()
    load = talk.read({"type": "Settings", "audio": {}, "agent": "some-id"})[0]
    assert load == steps.Load("some-id")
    assert kinds(talk.follow(talk.session.loaded({"agent": {"greeting": "Hi."}}))) == ["Apply"]
    other = Conversation()
    other.read({"type": "Settings", "audio": {}, "agent": "some-id"})
    assert kinds(other.follow(other.session.loaded(None))) == ["INVALID_AGENT_ID", "Close"]


def test_the_codes_are_those_of_the_contract():
    section = Path("docs/contract.md").read_text().split("### 13.5 Codes")[1].split("| code |")[0]
    errors, warnings = (
        set(re.findall(r"`([A-Z0-9_]{9,})`", part)) for part in section.split("Warnings:")
    )
    # Every caller of the engine has a project, whose configurations have ids.
    assert errors - set(get_args(ErrorCode)) == {"AGENT_ID_NOT_SUPPORTED"}
    assert set(get_args(ErrorCode)) < errors
    assert set(get_args(WarningCode)) == warnings


@pytest.mark.parametrize("message", [{}, {"type": "Sing"}, {"type": "InjectUserMessage"}])
def test_a_message_that_cannot_be_read_is_an_error(message: dict[str, Any]):
    talk = Conversation(greeting="")
    assert kinds(talk.read(message)) == ["UNPARSABLE_CLIENT_MESSAGE"]


def test_a_greeting_is_said():
    talk = Conversation(greeting="Hi, how can I help?")
    assert talk.kinds() == ["Welcome", "SettingsApplied", "ConversationText"]
    assert [type(step) for step in talk.steps[1:]] == [
        *(steps.Say, steps.Release, steps.Finish),
    ]
    talk.speak(1.2)
    assert kinds(talk.follow(talk.session.all_sent(talk.now))) == ["AgentAudioDone"]
    talk.wait(1.3)
    assert talk.history() == [
        {"type": "History", "role": "assistant", "content": "Hi, how can I help?"}
    ]


def test_a_turn_is_answered_sentence_by_sentence():
    talk = Conversation(think=thinking())
    asked = talk.ask()
    assert kinds(asked) == ["UserStartedSpeaking", "ConversationText", "History", "Think"]
    shown = talk.think(Text("It was sent on Monday. It "), Text("arrives tomorrow."), Done())
    assert kinds(shown) == [
        *("Say", "ConversationText", "Release", "Say", "ConversationText", "Finish"),
    ]
    texts = [one["content"] for one in talk.sent if one["type"] == "ConversationText"]
    assert texts == ["Where is my order?", "It was sent on Monday.", "It arrives tomorrow."]


def test_the_probable_end_of_a_turn_prepares_a_reply_that_the_end_releases():
    talk = Conversation(think=thinking())
    talk.turn(Event.START, "Where is")
    shown = talk.turn(Event.EAGER, "Where is my order?")
    assert kinds(shown) == ["Think"]
    assert kinds(talk.think(Text("It was sent."), Done())) == ["Say", "Finish"]
    shown = talk.turn(Event.END, "Where is my order?")
    assert kinds(shown) == ["ConversationText", "History", "ConversationText", "Release"]


def test_a_turn_that_resumes_discards_the_prepared_reply():
    talk = Conversation(think=thinking())
    talk.turn(Event.START, "Where is")
    talk.turn(Event.EAGER, "Where is my order?")
    talk.think(Text("It was sent."))
    assert kinds(talk.turn(Event.RESUMED, "Where is my order?")) == ["StopThinking", "Silence"]
    talk.turn(Event.EAGER, "Where is my order from Monday?")
    thought = talk.newest(steps.Think).thought
    assert [one.content for one in thought.conversation] == ["Where is my order from Monday?"]


def test_an_end_with_other_punctuation_than_the_probable_one_keeps_the_reply():
    talk = Conversation(think=thinking())
    talk.turn(Event.START, "where is")
    talk.turn(Event.EAGER, "where is my order")
    shown = talk.turn(Event.END, "Where is my order?")
    assert kinds(shown) == ["ConversationText", "History"]
    assert shown[0]["content"] == "Where is my order?"


def discarded(end: Event, text: str) -> Conversation:
    """A reply that is prepared with everything a model can send, and discarded."""
    functions = (WEBHOOK | {"defer_until_eot": True}, LOOKUP)
    talk = Conversation(think=[thinking(*functions, model="first"), thinking(*functions)])
    talk.turn(Event.START, "Where is")
    talk.turn(Event.EAGER, "Where is my order?")
    number = talk.newest(steps.Think).thought.number
    talk.follow(talk.session.think_failed(number, "it is away", talk.now))
    talk.think(Reasoning("Hm."), Text("One moment. "), Custom([1]), Tokens(100, 20))
    talk.think(Call("lookup_order", "{}", "a"), Call("fly", "{}"), Done())
    response = {"type": "FunctionCallResponse", "id": "a", "name": "lookup_order", "content": "x"}
    talk.read(response)
    talk.think(Call("book", "{}", "b"), Unfinished(), Done())
    talk.turn(end, text)
    return talk


@pytest.mark.parametrize(
    ("end", "text"),
    [(Event.RESUMED, "Where is my order?"), (Event.END, "Where is my order now?")],
)
def test_nothing_of_a_discarded_reply_is_told_recorded_or_counted(end: Event, text: str):
    talk = discarded(end, text)
    assert talk.session.tokens == (0, 0)
    assert talk.session.characters == 0
    assert not [step for step in talk.steps if isinstance(step, steps.Run | steps.Release)]
    told = [kind for kind in talk.kinds() if kind not in ("Welcome", "SettingsApplied")]
    # Only a function that does not wait for the end of the turn has been called.
    assert told[:2] == ["UserStartedSpeaking", "FunctionCallRequest"]
    assert told[2:] == ([] if end is Event.RESUMED else ["ConversationText", "History"])
    if end is Event.RESUMED:
        talk.turn(Event.END, "Where is my order now?")
    thought = talk.newest(steps.Think).thought
    assert [one.content for one in thought.conversation] == ["Where is my order now?"]


def test_everything_of_a_prepared_reply_follows_the_end_of_the_turn_in_order():
    talk = discarded(Event.END, "Where is my order?")
    told = talk.kinds()
    assert told[told.index("ConversationText") :] == [
        *("ConversationText", "History", "THINK_REQUEST_FAILED", "AgentThinking"),
        *("__customFromThinkProvider", "NON_EXISTENT_FUNCTION_CALLED", "History"),
        *("GPT_4O_STREAM_END_ERROR", "FunctionCallRequest", "ConversationText"),
    ]
    assert talk.session.tokens == (100, 20)
    assert talk.session.characters == len("One moment.")


def test_an_end_with_other_words_than_the_probable_one_thinks_again():
    talk = Conversation(think=thinking())
    talk.turn(Event.START, "Where")
    talk.turn(Event.EAGER, "Where is my order?")
    shown = talk.turn(Event.END, "Where is my order now?")
    assert kinds(shown) == [
        *("StopThinking", "Silence", "ConversationText", "History", "Think"),
    ]


def test_a_report_of_times_comes_with_the_first_audio():
    talk = Conversation(think=thinking())
    talk.turn(Event.START, "Where")
    talk.now = 2.0
    talk.follow(talk.session.hear_turn(Event.END, "Where is it?", 2.0, speech_end=1.2))
    talk.now = 2.3
    talk.think(Text("It is here."), Done())
    talk.now = 2.5
    (report,) = talk.speak(1.0)
    assert report == {
        "type": "LatencyReport",
        "stt_latency": 0.8,
        "ttt_token_latency": 0.3,
        "ttt_text_latency": 0.3,
        "tts_latency": 0.2,
        "total_latency": 1.3,
    }
    assert talk.speak(1.0) == []


def test_a_short_voice_does_not_stop_the_agent():
    talk = Conversation(think=thinking())
    talk.say()
    assert talk.follow(talk.session.hear_voice(0.12, talk.now)) == []


def test_a_cough_pauses_the_agent_who_resumes_where_it_fell_silent():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.5)
    shown = talk.follow(talk.session.hear_voice(0.16, talk.now))
    assert kinds(shown) == ["UserStartedSpeaking", "Hold"]
    talk.wait(0.6)
    shown = talk.follow(talk.session.hear_quiet(talk.now))
    assert shown == [steps.Release(1.5)]
    talk.follow(talk.session.sent(2.5, talk.now))
    assert kinds(talk.follow(talk.session.all_sent(talk.now))) == ["AgentAudioDone"]
    talk.wait(2.6)
    assert talk.history()[-1]["content"] == SENTENCE


def test_a_backchannel_does_not_end_the_reply():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    talk.follow(talk.session.hear_voice(0.2, talk.now))
    talk.turn(Event.START, "Mm-hmm.")
    shown = talk.turn(Event.END, "Mm-hmm.")
    assert kinds(shown) == ["ConversationText", "History", "Release"]
    assert shown[0]["conversational_behavior"] == "backchannel"
    assert not [step for step in talk.steps if isinstance(step, steps.Silence)]


def test_a_guess_of_few_words_pauses_the_agent_until_the_words_are_certain():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    assert kinds(talk.turn(Event.START, "I'm home.")) == ["UserStartedSpeaking", "Hold"]
    talk.turn(Event.UPDATE, "I'm home.")
    assert kinds(talk.turn(Event.END, "Mm-hmm.")) == ["ConversationText", "History", "Release"]
    talk.wait(0.5)
    talk.turn(Event.START, "Stop.")
    assert "Silence" in kinds(talk.turn(Event.END, "Stop."))


def test_a_yes_at_the_end_of_a_question_is_a_response():
    talk = Conversation(think=thinking())
    talk.say("Your order was sent to the old address so shall I change it?")
    talk.wait(3.5)
    talk.follow(talk.session.hear_voice(0.2, talk.now))
    talk.turn(Event.START, "Yes.")
    assert kinds(talk.turn(Event.END, "Yes."))[-1] == "Think"


def test_the_agents_own_words_are_no_interruption_and_from_then_on_only_words_are_one():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    talk.follow(talk.session.hear_voice(0.2, talk.now))
    assert kinds(talk.turn(Event.START, "order was sent on Monday")) == ["Release"]
    talk.turn(Event.END, "order was sent on Monday")
    assert talk.follow(talk.session.hear_voice(0.5, talk.now)) == []
    assert kinds(talk.turn(Event.START, "Wait, stop there."))[:2] == [
        *("UserStartedSpeaking", "Silence"),
    ]


def test_an_interruption_ends_the_reply_and_the_history_keeps_what_was_heard():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)  # of 4 s: a quarter of the sentence
    talk.follow(talk.session.hear_voice(0.2, talk.now))
    shown = talk.turn(Event.START, "No, the other order.")
    assert kinds(shown) == ["Silence", "History"]
    heard = shown[-1]["content"]
    assert SENTENCE.startswith(heard)
    assert 0.15 < len(heard) / len(SENTENCE) < 0.4
    talk.turn(Event.END, "No, the other order.")
    conversation = talk.newest(steps.Think).thought.conversation
    assert [one.content for one in conversation] == [
        *("Where is my order?", heard, "No, the other order."),
    ]


def test_sound_without_words_does_not_hold_the_agent_up():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(0.5)
    talk.follow(talk.session.hear_voice(0.2, talk.now))
    assert talk.wait(2.0) == []
    assert kinds(talk.wait(0.6)) == ["Release"]
    assert talk.follow(talk.session.hear_voice(3.0, talk.now)) == []


def test_a_function_is_called_by_the_client_and_its_response_is_thought_about():
    talk = Conversation(think=thinking(LOOKUP))
    talk.ask()
    call = Call("lookup_order", '{"id": "7"}', "abc")
    (request,) = talk.think(call, Done())
    assert request["functions"] == [
        {"id": "abc", "name": "lookup_order", "arguments": '{"id": "7"}', "client_side": True}
    ]
    shown = talk.read(
        {"type": "FunctionCallResponse", "id": "abc", "name": "lookup_order", "content": "sent"}
    )
    assert kinds(shown) == ["History", "Think"]
    made = shown[1].thought.conversation[-1].function_calls[0]
    assert (made.response, made.client_side) == ("sent", True)
    assert kinds(talk.think(Text("It was sent."), Done()))[:2] == ["Say", "ConversationText"]


def test_a_function_with_an_endpoint_is_called_by_the_server():
    talk = Conversation(think=thinking(WEBHOOK))
    talk.ask()
    request, run = talk.think(Call("book", "{}"), Done())
    assert request["functions"][0]["client_side"] is False
    shown = talk.follow(talk.session.called(run.id, "", talk.now, problem="it is away"))
    assert kinds(shown) == ["FUNCTION_CALL_FAILED", "FunctionCallResponse", "History", "Think"]
    assert shown[1]["content"] == "Error: it is away"


def test_a_deferred_function_waits_until_the_turn_is_certain():
    talk = Conversation(think=thinking(WEBHOOK | {"defer_until_eot": True}, LOOKUP))
    talk.turn(Event.START, "Book it")
    talk.turn(Event.EAGER, "Book it.")
    shown = talk.think(Call("book", "{}"), Call("lookup_order", "{}"), Done())
    assert [one["functions"][0]["name"] for one in shown] == ["lookup_order"]
    shown = talk.turn(Event.END, "Book it.")
    assert kinds(shown) == ["ConversationText", "History", "FunctionCallRequest", "Run"]


def test_a_deferred_function_of_a_turn_that_resumes_is_never_called():
    talk = Conversation(think=thinking(WEBHOOK | {"defer_until_eot": True}))
    talk.turn(Event.START, "Book it")
    talk.turn(Event.EAGER, "Book it.")
    talk.think(Call("book", "{}"), Done())
    assert kinds(talk.turn(Event.RESUMED, "Book it.")) == ["Silence"]


def test_calls_are_cancelled_when_the_user_continues():
    talk = Conversation(think=thinking(WEBHOOK, LOOKUP))
    talk.turn(Event.START, "Book it")
    talk.turn(Event.EAGER, "Book it.")
    talk.think(Call("book", "{}", "a"), Call("lookup_order", "{}", "b"), Done())
    shown = talk.turn(Event.RESUMED, "Book it.")
    assert kinds(shown) == ["StopRunning", "FunctionCallCancelled", "Silence"]
    assert shown[1]["functions"] == [
        *({"id": "a", "name": "book"}, {"id": "b", "name": "lookup_order"}),
    ]
    # The client's response was on its way.
    late = {"type": "FunctionCallResponse", "id": "b", "name": "lookup_order", "content": "x"}
    assert talk.read(late) == []
    assert kinds(talk.read(late | {"id": "c"})) == ["NON_EXISTENT_FUNCTION_CALLED"]


def test_a_function_that_is_not_there_is_an_error_for_the_model():
    talk = Conversation(think=thinking())
    talk.ask()
    shown = talk.think(Call("fly", "{}"), Done())
    assert kinds(shown) == ["NON_EXISTENT_FUNCTION_CALLED", "History", "Think"]


def test_a_client_that_never_responds_to_a_call_is_not_waited_for():
    talk = Conversation(think=thinking(LOOKUP))
    talk.ask()
    talk.think(Call("lookup_order", "{}", "a"), Done())
    assert kinds(talk.wait(61)) == ["FUNCTION_CALL_FAILED", "History", "Think"]


def test_a_model_that_only_calls_functions_comes_to_an_end():
    talk = Conversation(think=thinking())
    talk.ask()
    for _ in range(20):
        shown = talk.think(Call("fly", "{}"), Done())
        if "Think" not in kinds(shown):
            break
    assert kinds(shown) == ["FUNCTION_CALL_FAILED"]
    assert kinds(talk.ask("Hello?"))[-1] == "Think"


def test_a_provider_that_fails_is_followed_by_the_next():
    talk = Conversation(think=[thinking(model="first"), thinking(model="second")])
    talk.ask()
    number = talk.newest(steps.Think).thought.number
    shown = talk.follow(talk.session.think_failed(number, "it is away", talk.now))
    assert kinds(shown) == ["THINK_REQUEST_FAILED", "Think"]
    assert shown[1].thought.think.provider.model == "second"
    number = shown[1].thought.number
    assert kinds(talk.follow(talk.session.think_failed(number, "it is away", 0.0))) == [
        "FAILED_TO_THINK"
    ]
    assert kinds(talk.ask("Hello?"))[-1] == "Think"


def test_a_slow_provider_is_warned_about():
    talk = Conversation(think=thinking())
    talk.ask()
    assert talk.wait(4.9) == []
    assert kinds(talk.wait(0.2)) == ["SLOW_THINK_REQUEST"]
    assert kinds(talk.wait(5.0)) == ["SLOW_THINK_REQUEST"]


def test_a_slow_voice_is_warned_about():
    talk = Conversation(think=thinking())
    talk.ask()
    talk.think(Text("It was sent."), Done())
    assert talk.wait(4.9) == []
    assert kinds(talk.wait(0.2)) == ["SLOW_SPEAK_REQUEST"]
    talk.speak(2.0)
    assert kinds(talk.wait(5.0)) == ["History"]


@pytest.mark.parametrize(
    ("listen", "patch", "code"),
    [
        ({}, {"version": "v1", "model": "nova-3"}, "ListenUpdated"),
        ({"model": "nova-3"}, {"version": "v1"}, "ListenUpdated"),
        (FLUX, {"model": "flux-general-en"}, "ListenUpdated"),
        ({}, {"version": "v2"}, "INVALID_SETTINGS"),
        (FLUX, {"version": "v1"}, "INVALID_SETTINGS"),
        ({}, {"model": "nova-2"}, "INVALID_SETTINGS"),
    ],
)
def test_an_update_of_listening_may_name_the_provider_and_not_change_it(
    listen: dict[str, Any], patch: dict[str, Any], code: str
):
    talk = Conversation(think=thinking(), listen={"provider": {"type": "deepgram"} | listen})
    update = {"type": "UpdateListen", "listen": {"provider": {"type": "deepgram"} | patch}}
    assert kinds(talk.read(update))[-1] == code


def test_a_voice_that_fails_is_followed_by_the_next():
    voices = [{"provider": {"model": name}} for name in ("aura-2-thalia-en", "aura-2-luna-en")]
    talk = Conversation(think=thinking(), speak=voices)
    talk.ask()
    talk.think(Text("It was sent."), Done())
    shown = talk.follow(talk.session.speak_failed(0, talk.now))
    assert kinds(shown) == ["SPEAK_REQUEST_FAILED", "Respeak", "Say", "Finish"]
    assert kinds(talk.follow(talk.session.speak_failed(0, talk.now))) == [
        *("FAILED_TO_SPEAK", "Silence"),
    ]


def test_a_reply_whose_last_voice_fails_ends_with_what_was_made():
    talk = Conversation(think=thinking(LOOKUP))
    talk.ask()
    talk.think(Text("It was sent. It arrives tomorrow. Anything else?"))
    talk.speak(1.0)
    talk.session.made(1, 0.7, talk.now, is_last=False)
    shown = talk.follow(talk.session.speak_failed(1, talk.now))
    assert kinds(shown) == ["FAILED_TO_SPEAK", "StopThinking", "Finish"]
    talk.follow(talk.session.sent(0.7, talk.now))
    talk.follow(talk.session.all_sent(talk.now))
    talk.wait(2.0)
    heard = [one["content"] for one in talk.history()]
    assert heard == ["Where is my order?", "It was sent.", "It arrives tomorrow."[:10]]


def test_an_interruption_is_told_after_a_reply_that_ended_in_the_pause_for_a_cough():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    assert kinds(talk.follow(talk.session.hear_voice(0.2, talk.now)))[0] == "UserStartedSpeaking"
    talk.read({"type": "InjectUserMessage", "content": "In writing."})
    talk.follow(talk.session.hear_quiet(talk.now))
    talk.think(Text(SENTENCE), Done())
    talk.speak()
    talk.wait(1.0)
    assert kinds(talk.follow(talk.session.hear_voice(0.2, talk.now)))[0] == "UserStartedSpeaking"


def test_a_sentence_without_audio_was_not_heard():
    talk = Conversation(think=thinking())
    talk.ask()
    talk.think(Text("It was sent. "))
    talk.speak(4.0)
    talk.think(Text("It arrives tomorrow. "))
    talk.wait(3.0)
    talk.read({"type": "InjectUserMessage", "content": "Stop."})
    assert [one["content"] for one in talk.history()][1:] == ["It was sent.", "Stop."]


def test_other_providers_than_those_of_the_present_request_are_counted_from_the_first():
    talk = Conversation(think=[thinking(LOOKUP), thinking(LOOKUP, model="other")])
    talk.ask()
    talk.follow(
        talk.session.think_failed(talk.newest(steps.Think).thought.number, "broken", talk.now)
    )
    talk.read({"type": "UpdateThink", "think": thinking(LOOKUP, model="third")})
    talk.think(Call("lookup_order", "{}"), Done())
    talk.read(
        {"type": "FunctionCallResponse", "id": "call-1", "name": "lookup_order", "content": ""}
    )
    assert talk.newest(steps.Think).thought.think.provider.model == "third"


@pytest.mark.parametrize(
    ("behavior", "while_speaking", "while_spoken_to"),
    [
        (
            "default",
            ["InjectionRefused", "INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH"],
            ["InjectionRefused", "INJECT_AGENT_MESSAGE_DURING_USER_SPEECH"],
        ),
        ("queue", [], ["InjectionRefused", "INJECT_AGENT_MESSAGE_DURING_USER_SPEECH"]),
        (
            "interrupt",
            ["UserStartedSpeaking", "Silence", "Say", "ConversationText", "Release", "Finish"],
            ["Say", "ConversationText", "Release", "Finish"],
        ),
    ],
)
def test_an_injection_depends_on_who_speaks(
    behavior: str, while_speaking: list[str], while_spoken_to: list[str]
):
    message = {"type": "InjectAgentMessage", "message": "One thing.", "behavior": behavior}
    idle = Conversation(think=thinking())
    assert kinds(idle.read(message)) == ["Say", "ConversationText", "Release", "Finish"]
    speaking = Conversation(think=thinking())
    speaking.say()
    assert kinds(speaking.read(message)) == while_speaking
    spoken_to = Conversation(think=thinking())
    spoken_to.turn(Event.START, "Well")
    assert kinds(spoken_to.read(message)) == while_spoken_to


def test_a_queued_message_follows_the_reply():
    talk = Conversation(think=thinking())
    talk.say()
    talk.read({"type": "InjectAgentMessage", "message": "One thing.", "behavior": "queue"})
    assert kinds(talk.wait(4.1)) == ["History"]
    assert kinds(talk.wait(0.1)) == ["Say", "ConversationText", "Release", "Finish"]


def test_a_written_turn_of_the_user_is_treated_as_a_spoken_one():
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    shown = talk.read({"type": "InjectUserMessage", "content": "And the other?"})
    assert kinds(shown) == [
        *("UserStartedSpeaking", "Silence", "History", "ConversationText", "History", "Think"),
    ]


def test_updates_are_applied_and_confirmed():
    talk = Conversation(think=thinking(prompt="Be brief."))
    assert kinds(talk.read({"type": "UpdatePrompt", "prompt": "Be kind."})) == ["PromptUpdated"]
    talk.ask()
    assert talk.newest(steps.Think).thought.prompt == "Be brief.\n\nBe kind."
    think = thinking(model="other", prompt="x" * 25_001)
    assert kinds(talk.read({"type": "UpdateThink", "think": think})) == [
        *("PROMPT_TOO_LONG", "ThinkUpdated"),
    ]
    listen = {"provider": {"type": "deepgram", "keyterms": ["Earshot"]}}
    relisten, updated = talk.read({"type": "UpdateListen", "listen": listen})
    assert (relisten.provider.keyterms, updated["type"]) == (["Earshot"], "ListenUpdated")
    other = {"provider": {"type": "deepgram", "model": "nova-3"}}
    assert kinds(talk.read({"type": "UpdateListen", "listen": other})) == ["INVALID_SETTINGS"]
    (respeak,) = talk.read({"type": "UpdateSpeak", "speak": {"provider": {"model": "a"}}})
    assert kinds(talk.follow(talk.session.voices_replaced(respeak.voices))) == ["SpeakUpdated"]
    live = {"type": "UpdateThink_Live", "think_live": {}}
    assert kinds(talk.read(live)) == ["ThinkLiveUpdated"]


def test_a_provider_that_calls_no_functions_is_warned_about():
    talk = Conversation()
    warned = ThinkRules(warning_of=lambda think: "It calls none." if think.functions else "")
    talk.session = AgentSession("c0ffee00-1111-4222-8333-444455556666", 0.0, iter([]), rules=warned)
    assert kinds(talk.read(settings(think=thinking(LOOKUP)))) == ["FUNCTION_CALL_FAILED", "Apply"]
    assert kinds(talk.read({"type": "UpdateThink", "think": thinking()})) == ["ThinkUpdated"]


def test_a_turn_is_forced_to_end_with_flux_only():
    talk = Conversation(think=thinking())
    assert talk.read({"type": "ForceEndTurn"}) == [steps.EndTurn()]
    nova = Conversation(listen={"provider": {"model": "nova-3"}})
    assert kinds(nova.read({"type": "ForceEndTurn"})) == ["FORCE_END_TURN_UNSUPPORTED"]


def test_content_for_and_of_the_provider_passes_through():
    talk = Conversation(think=thinking())
    assert talk.read({"type": "__customToThinkProvider", "content": {"a": 1}}) == []
    talk.ask()
    assert talk.newest(steps.Think).thought.custom == {"a": 1}
    shown = talk.think(Custom([1]), Reasoning("Hm, "), Reasoning("orders."), Text("Yes."))
    assert shown[0] == {"type": "__customFromThinkProvider", "content": [1]}
    assert shown[1] == {"type": "AgentThinking", "content": "Hm, orders."}


def test_tokens_are_counted():
    talk = Conversation(think=thinking())
    talk.ask()
    talk.think(Tokens(100, 20), Done())
    assert talk.session.tokens == (100, 20)


def test_think_live_checks_presence_fills_pauses_and_notices_frustration():
    live = {
        "provider": {
            "presence_check_max_count": 1,
            "presence_check_interval_ms": 5_000,
            "frustration_max_count": 1,
        }
    }
    slow = LOOKUP | {"initial_agent_filler": True, "agent_filler_max_count": 0}
    talk = Conversation(think=thinking(slow), think_live=live)
    shown = talk.wait(5.1)
    assert shown[1]["conversational_behavior"] == "presence_check"
    talk.follow(talk.session.all_sent(talk.now))
    talk.wait(0.1)
    assert talk.wait(10) == []
    shown = talk.ask("This is terrible.")
    assert {"type": "FrustrationDetected", "count": 1, "escalated": True} in shown
    talk.think(Call("lookup_order", "{}"), Done())
    assert talk.wait(0.2)[1]["conversational_behavior"] == "filler"


def live(**provider: Any) -> dict[str, Any]:
    return {"provider": {"type": "deepgram", "version": "v1"} | provider}


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ([], ["Are you still there?"]),
        (["still there"], ["Can you hear me?"]),
        (["THERE", "hear", "hello"], []),
        (["her", ""], ["Are you still there?"]),
    ],
)
def test_restricted_terms_are_not_said_by_think_live(terms: list[str], said: list[str]):
    checks = live(presence_check_max_count=1, restricted_terms=terms)
    talk = Conversation(think=thinking(), think_live=checks)
    shown = talk.wait(10.1)
    assert [one["content"] for one in shown if isinstance(one, dict)] == said


def test_the_first_presence_check_comes_after_three_seconds_at_the_earliest():
    checks = live(presence_check_max_count=1, presence_check_interval_ms=1_000)
    talk = Conversation(think=thinking(), think_live=checks)
    assert talk.wait(2.9) == []
    assert kinds(talk.wait(0.2))[0] == "Say"


@pytest.mark.parametrize(("sensitivity", "backchannels"), [(0, 0), (0.5, 2), (1, 4), (None, 0)])
def test_the_agent_says_backchannels_in_a_share_of_the_pauses(
    sensitivity: float | None, backchannels: int
):
    wanted = live(agent_backchannel_sensitivity=sensitivity)
    talk = Conversation(think=thinking(), think_live=wanted)
    talk.turn(Event.START, "Well")
    for _ in range(4):
        talk.turn(Event.EAGER, "Well.")
        talk.turn(Event.RESUMED, "Well.")
        talk.turn(Event.UPDATE, "Well, I would like")
        talk.follow(talk.session.hear_voice(1.0, talk.now))
    shown = talk.turn(Event.END, "Well, I would like to know.")
    assert kinds(shown)[-1] == "Think"
    said = [one for one in talk.sent if one.get("conversational_behavior") == "backchannel"]
    assert len(said) == backchannels
    # They are no turns of the agent, and the user keeps the floor.
    assert [one["content"] for one in talk.history()] == ["Well, I would like to know."]
    assert talk.kinds().count("UserStartedSpeaking") == 1


def test_recognition_that_fails_or_stalls_ends_the_session():
    talk = Conversation(think=thinking())
    assert talk.follow(talk.session.wait_for_words(29.9)) == []
    assert kinds(talk.follow(talk.session.wait_for_words(30.0))) == ["ASR_DRIVER_TIMEOUT", "Close"]
    other = Conversation(think=thinking())
    assert kinds(other.follow(other.session.recognition_failed())) == [
        *("ASR_CONNECTION_CLOSED", "Close"),
    ]


def test_a_response_without_its_last_message_is_said_with_a_warning():
    talk = Conversation(think=thinking())
    talk.ask()
    shown = talk.think(Text("It was sent."), Unfinished(), Done())
    assert "GPT_4O_STREAM_END_ERROR" in kinds(shown)
    assert [step.text for step in talk.steps if isinstance(step, steps.Say)] == ["It was sent."]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "InjectUserMessage", "content": "x" * 10_001},
        {"type": "InjectAgentMessage", "message": "x" * 10_001},
        {"type": "FunctionCallResponse", "id": "a", "name": "f", "content": "x" * 200_001},
        {"type": "UpdateThink", "think": [thinking()] * 11},
        {"type": "UpdateThink", "think": {"provider": {"type": "open_ai", "model": "x" * 129}}},
        {"type": "UpdateSpeak", "speak": [{"provider": {}}] * 11},
        {"type": "UpdateListen", "listen": {"provider": {"keyterms": ["x"] * 501}}},
        {"type": "UpdateThink_Live", "think_live": live(restricted_terms=["x"] * 1_001)},
        {"type": "UpdateThink_Live", "think_live": live(agent_backchannel_sensitivity=2)},
    ],
)
def test_an_oversized_message_is_an_error_and_changes_nothing(message: dict[str, Any]):
    talk = Conversation(think=thinking())
    assert kinds(talk.read(message)) == ["UNPARSABLE_CLIENT_MESSAGE"]
    assert kinds(talk.ask())[-1] == "Think"


def test_a_session_is_warned_and_ended_after_two_hours():
    talk = Conversation(think=thinking())
    assert kinds(talk.wait(6_900)) == ["MAXIMUM_SESSION_LENGTH_APPROACHING"]
    assert kinds(talk.wait(300)) == ["MAXIMUM_SESSION_LENGTH_REACHED", "Close"]
    assert talk.read({"type": "KeepAlive"}) == []


def test_a_silent_client_is_disconnected():
    talk = Conversation(think=thinking())
    assert kinds(talk.follow(talk.session.fall_silent())) == ["CLIENT_MESSAGE_TIMEOUT", "Close"]


def test_history_can_be_turned_off():
    talk = Conversation()
    talk.read(settings(think=thinking()) | {"flags": {"history": False}})
    talk.follow(talk.session.applied(0.0))
    talk.ask()
    assert talk.history() == []


def test_an_endless_reply_is_cut_off():
    talk = Conversation(think=thinking())
    talk.ask()
    for _ in range(100):
        talk.think(Text("And so on and on. " * 100))
    said = sum(len(step.text) for step in talk.steps if isinstance(step, steps.Say))
    assert said <= MOST_REPLY


def test_a_long_conversation_is_kept_within_bounds():
    talk = Conversation(think=thinking())
    for _ in range(40):
        talk.read({"type": "InjectUserMessage", "content": "x" * 10_000})
        talk.think(Done())
    conversation = talk.newest(steps.Think).thought.conversation
    assert sum(len(one.content or "") for one in conversation) <= MOST_CONVERSATION


def test_a_short_context_begins_with_a_text_and_holds_the_question():
    items = [History(role="user", content="a" * 50), History(role="assistant", content="b" * 50)]
    asked = History(role="user", content="c" * 200)
    assert latest([*items, asked], 100) == [asked]
    assert latest(items, 60) == items[1:]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", Meaning.NOTHING),
        ("Mhm.", Meaning.BACKCHANNEL),
        ("Uh-huh, yeah.", Meaning.BACKCHANNEL),
        ("I see.", Meaning.BACKCHANNEL),
        ("No.", Meaning.INTERRUPTION),
        ("Wait.", Meaning.INTERRUPTION),
        ("Yeah, but stop there please.", Meaning.INTERRUPTION),
        ("sent on Monday and arrives", Meaning.ECHO),
        ("Was it on Tuesday or sent later?", Meaning.INTERRUPTION),
    ],
)
def test_words_over_the_agent_have_a_meaning(text: str, meaning: Meaning):
    assert meaning_of(text, SENTENCE) is meaning


@pytest.mark.parametrize(
    ("text", "confidence", "voice_seconds", "meaning"),
    [
        ("MAM", 0.39, 1.0, Meaning.UNCLEAR),
        ("May I bet?", 0.15, 1.0, Meaning.UNCLEAR),
        ("Okay.", 0.09, 1.0, Meaning.BACKCHANNEL),
        ("No, I meant the other one.", 0.3, 0.3, Meaning.INTERRUPTION),
        # Objections need little confidence.
        ("Stop!", 0.51, 0.3, Meaning.INTERRUPTION),
        ("Cancel.", 0.08, 0.3, Meaning.INTERRUPTION),
        ("Wait a moment.", 0.3, 0.3, Meaning.INTERRUPTION),
        ("Stop it.", 0.6, 0.45, Meaning.INTERRUPTION),
        ("Nope.", 0.03, 1.0, Meaning.UNCLEAR),
        ("Now I see.", 0.3, 1.0, Meaning.UNCLEAR),
        ("A minute.", 0.3, 1.0, Meaning.UNCLEAR),
        # Others need more confidence the shorter the voice is.
        ("That's her.", 0.6, 0.45, Meaning.UNCLEAR),
        ("That's her.", 0.7, 0.45, Meaning.INTERRUPTION),
        ("That's her.", 0.6, 0.6, Meaning.INTERRUPTION),
        ("That's her now, isn't it?", 0.6, 0.45, Meaning.INTERRUPTION),
    ],
)
def test_few_uncertain_words_are_no_interruption(
    text: str, confidence: float, voice_seconds: float, meaning: Meaning
):
    assert meaning_of(text, SENTENCE, confidence, voice_seconds) is meaning


@pytest.mark.parametrize(
    ("text", "confidence", "voice_seconds", "goes_on"),
    [("MAM", 0.39, 0.2, True), ("That's her", 0.6, 0.45, True), ("That's her", 0.6, 0.9, False)],
)
def test_a_misheard_backchannel_does_not_end_the_reply(
    text: str, confidence: float, voice_seconds: float, goes_on: bool
):
    talk = Conversation(think=thinking())
    talk.say()
    talk.wait(1.0)
    for seconds in (0.2, voice_seconds):
        talk.follow(talk.session.hear_voice(seconds, talk.now))
    for event in (Event.START, Event.UPDATE):
        talk.follow(talk.session.hear_turn(event, text, talk.now, confidence=confidence))
    ended = talk.session.hear_turn(Event.END, text, talk.now, confidence=confidence)
    assert (kinds(talk.follow(ended)) == ["Release"]) is goes_on


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), max_size=20))
def test_a_player_never_plays_what_it_does_not_have(sends: list[tuple[float, float]]):
    playback, now, last = Playback(), 0.0, 0.0
    for pause, seconds in sends:
        now += pause
        assert last <= playback.position(now) <= playback.sent + 1e-9
        last = playback.position(now)
        playback.send(seconds, now)
    assert playback.position(now + 1_000) == playback.sent


@given(st.text(max_size=60), st.floats(0, 10), st.floats(0.1, 10), st.booleans())
def test_what_was_heard_is_the_beginning_of_the_sentence(
    text: str, position: float, seconds: float, is_made: bool
):
    sentence = Sentence(text, seconds=seconds, is_made=is_made)
    heard = sentence.heard(position)
    assert text.startswith(heard)
    if is_made and position >= seconds:
        assert heard == text.rstrip()


EVENTS = st.sampled_from(
    [
        *[("turn", event, text) for event in Event for text in ("", "Mhm.", "Stop.", "Stop it.")],
        *[("think", part) for part in (Text("One two. Three"), Call("lookup_order", "{}"), Done())],
        ("voice", 0.2), ("quiet",), ("wait", 0.4), ("wait", 7.0), ("speak",), ("sent",),
        ("fail",), ("read", {"type": "InjectUserMessage", "content": "Hello"}),
        ("read", {"type": "InjectAgentMessage", "message": "Hi.", "behavior": "interrupt"}),
        ("read", {"type": "InjectAgentMessage", "message": "Hi.", "behavior": "queue"}),
    ]
)  # fmt: skip


@given(st.lists(EVENTS, max_size=40))
def test_no_order_of_events_breaks_a_session(events: list[tuple[Any, ...]]):
    talk = Conversation(think=thinking(LOOKUP), greeting="Hello.")
    is_released = True
    for event in events:
        before = len(talk.steps)
        match event:
            case ("turn", kind, text):
                talk.turn(kind, text)
            case ("think", part):
                if any(isinstance(step, steps.Think) for step in talk.steps):
                    talk.think(part)
            case ("voice", seconds):
                talk.follow(talk.session.hear_voice(seconds, talk.now))
            case ("quiet",):
                talk.follow(talk.session.hear_quiet(talk.now))
            case ("wait", seconds):
                talk.wait(seconds)
            case ("speak",):
                talk.speak(1.0)
            case ("sent",):
                talk.follow(talk.session.all_sent(talk.now))
            case ("fail",):
                talk.follow(talk.session.speak_failed(0, talk.now))
            case ("read", message):
                talk.read(message)
        for step in talk.steps[before:]:
            match step:
                case steps.Release():
                    # A reply is released once, from a position that exists.
                    assert not is_released
                    assert step.position >= 0
                    is_released = True
                case steps.Hold() | steps.Silence():
                    is_released = False
                case steps.Say(number=0):
                    is_released = False
    # It still responds.
    assert kinds(talk.read({"type": "InjectUserMessage", "content": "Hello?"}))[-1] == "Think"
