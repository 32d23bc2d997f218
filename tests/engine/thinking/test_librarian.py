"""The librarian: questions become searches, results become sentences."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.agent.thoughts import Call, Done, Text, Thought
from engine.thinking import librarian
from engine.wire.agent_messages import Function, FunctionCall, History, Think, ThinkProvider

HIT = {"title": "Budget meeting", "speaker": "Ada", "start": 125.4, "text": "We have no money"}


def ask(text: str, *functions: str) -> list[Any]:
    provider = ThinkProvider(type="deepgram", model="librarian")
    think = Think(provider=provider, functions=[Function(name=name) for name in functions])
    said = History(role="user", content=text)
    return list(librarian.respond(Thought(1, think, "", [said])))


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Who said something about the budget?", {"query": "budget"}),
        ("What did Ada say about the new garden?", {"query": "new garden", "speaker": "Ada"}),
        ("Find me the words green tea please.", {"query": "green tea"}),
        ("What did anyone say about Rome?", {"query": "Rome"}),
        ("What did Bob say?", {"query": "", "speaker": "Bob"}),
        ("Hello there!", {}),
        ("What can you do?", {}),
        ("", {}),
    ],
)
def test_a_question_becomes_a_search(question: str, query: dict[str, str]):
    assert librarian.read_query(question) == query


def test_a_search_is_a_function_call():
    assert ask("Who mentioned the budget?", "search_library") == [
        *(Call("search_library", '{"query": "budget"}'), Done()),
    ]


def test_it_says_that_it_only_searches():
    assert ask("Hello!", "search_library") == [Text(librarian.INTRODUCTION), Done()]
    assert ask("Who mentioned the budget?") == [Text(librarian.NO_LIBRARY), Done()]


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ([HIT], "I found one place for budget. In Budget meeting, at 2 minutes and 5 seconds, "
                "Ada said: We have no money."),
        ({"hits": [HIT] * 5}, "I found 5 places for budget. In Budget meeting, "),
        ([], "No transcript has the words budget."),
        ("Error: the function did not respond in time.", "The search failed."),
        ([{"text": "Yes."}], "I found one place for budget. At some point, a speaker said: Yes."),
    ],
)  # fmt: skip
def test_results_are_read_back(response: Any, told: str):
    text = response if isinstance(response, str) else json.dumps(response)
    assert librarian.read_results('{"query": "budget"}', text).startswith(told)


def test_the_response_of_a_function_is_what_is_said():
    provider = ThinkProvider(type="deepgram", model="librarian")
    made = FunctionCall(
        id="a", name="search_library", client_side=True, arguments="{}", response="[]"
    )
    thought = Thought(1, Think(provider=provider), "", [History(function_calls=[made])])
    assert [type(part) for part in librarian.respond(thought)] == [Text, Done]


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_question_and_any_result_are_responded_to(question: str, response: str):
    assert ask(question, "search_library")[-1] == Done()
    assert librarian.read_results(question, response)
