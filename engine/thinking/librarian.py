"""Librarian: an agent without a language model, which searches the caller's transcripts.

It calls the function ``search_library`` that the session's settings supply and reads the results
back: who said what, and when. It says that it does only that. No I/O.

The function takes ``{"query": str, "speaker": str}`` (``speaker`` may be left out) and responds
with JSON: a list of ``{"title", "speaker", "start", "text"}``, or an object with it as ``hits``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.sessions.agent.thoughts import Call, Done, Part, Text, Thought
from network.jsontext import read_json

SEARCH = "search_library"
MOST_READ = 3  # hits
MOST_CHARACTERS = 300  # of one hit
INTRODUCTION = (
    "I can only search the transcripts of this library and read out who said what, and when. "
    "Ask me for words, for example: who said something about the budget?"
)
NO_LIBRARY = (
    "I can only search the transcripts of a library, and this conversation has none: its "
    "settings have no function search_library."
)
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks?(?: you)?|help|bye|goodbye|"
    r"okay|ok|who are you|what can you do|how are you)\b[\s,.!?]*)+(?:there|please)?[\s,.!?]*",
    re.IGNORECASE,
)
_SPEAKER = re.compile(
    r"\bwhat (?:did|has|does) (?P<speaker>[\w'.-]+(?: [A-Z][\w'.-]+)?) "
    r"(?:say|said|tell|told|mention|think)\b",
    re.IGNORECASE,
)
_NOBODY = frozenset("we you they he she it anyone anybody someone somebody everyone people".split())
# Words of a question that are not among those to look for.
_ASKING = frozenset(
    "a about all an and any anybody anyone anything are as at be been by can could did discuss "
    "discussed do does find for from get give had has have hear heard how i in is it know "
    "library look me meeting mention mentioned of on or our people please read recording "
    "recordings said say saying says search she he show somebody someone something talk talked "
    "talking tell that the there they think this to transcript transcripts us was we were what "
    "when where which who whom why with word words would you".split()
)


def respond(thought: Thought) -> Iterator[Part]:
    """Yield the parts of the response to the last item of the conversation."""
    last = thought.conversation[-1]
    if last.function_calls:
        for call in last.function_calls:
            yield Text(read_results(call.arguments, call.response))
    elif not any(one.name == SEARCH for one in thought.think.functions):
        yield Text(NO_LIBRARY)
    elif query := read_query(last.content or ""):
        yield Call(SEARCH, json.dumps(query))
    else:
        yield Text(INTRODUCTION)
    yield Done()


def read_query(question: str) -> dict[str, str]:
    """Return the arguments of a search for what ``question`` asks; none without words to find."""
    question = question.replace("\u2019", "'").strip()
    if _GREETING.fullmatch(question):
        return {}
    named = _SPEAKER.search(question)
    speaker = named["speaker"] if named and named["speaker"].lower() not in _NOBODY else ""
    rest = question.replace(named[0], " ") if named else question
    words = [
        word
        for word in re.findall(r"[\w'-]+", rest)
        if word.lower().partition("'")[0] not in _ASKING
    ]
    if not words and not speaker:
        return {}
    query = {"query": " ".join(words)}
    return query | {"speaker": speaker} if speaker else query


def read_results(arguments: str, response: str) -> str:
    """Return what is said about the response of a search."""
    wanted = _read(arguments)
    query = str(wanted.get("query") or wanted.get("speaker") or "") if _is_map(wanted) else ""
    results = _read(response)
    if _is_map(results):
        results = results.get("hits")
    if not isinstance(results, list):
        return "The search failed."
    hits = [hit for hit in results if _is_map(hit) and str(hit.get("text") or "").strip()]
    if not hits:
        return f"No transcript has the words {query}."
    count = "one place" if len(hits) == 1 else f"{len(hits)} places"
    told = " ".join(_sentence(hit) for hit in hits[:MOST_READ])
    return f"I found {count} for {query}. {told}"


def _sentence(hit: Mapping[str, Any]) -> str:
    text = " ".join(str(hit["text"]).split())
    if len(text) > MOST_CHARACTERS:
        text = text[:MOST_CHARACTERS].rsplit(" ", 1)[0] + "."
    speaker = str(hit.get("speaker") or "").strip() or "a speaker"
    title = str(hit.get("title") or "").strip()
    place = f"In {title}, " if title else ""
    end = "" if text.endswith((".", "?", "!")) else "."
    said = f"{place}{_moment(hit.get('start'))}, {speaker} said: {text}{end}"
    return said[0].upper() + said[1:]


def _moment(start: Any) -> str:
    if isinstance(start, bool) or not isinstance(start, int | float) or not 0 <= start < 1e6:
        return "at some point"
    minutes, seconds = divmod(round(start), 60)
    parts = [_counted(minutes, "minute")] if minutes else []
    if seconds or not minutes:
        parts.append(_counted(seconds, "second"))
    return "at " + " and ".join(parts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _read(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return None


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
