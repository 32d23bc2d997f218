"""Configuration of the agent that every project has: it searches the project's library."""

from __future__ import annotations

from typing import Any

from transcripts.agents.declarations import AnsweredBy, Function

DEFAULT_NAME = "Librarian"
DEFAULT_DESCRIPTION = (
    "Searches the recordings of this project and reads out who said what, and when."
)
GREETING = "Hi, I am the librarian. Which words are you looking for?"
PROMPT = (
    "You help a team to find what was said in its recordings. Call search_library with the words "
    "to look for, then say in at most three short sentences who said what, in which recording "
    "and when. Say so when there are no results, and never invent any."
)
LISTEN = {"provider": {"type": "deepgram", "version": "v2", "model": "flux-general-en"}}
THINK = {"provider": {"type": "open_ai", "model": "librarian"}, "prompt": PROMPT}
SPEAK = {"provider": {"type": "deepgram", "model": "aura-2-thalia-en"}}
SEARCH_LIBRARY = Function(
    name="search_library",
    description="Find the places in the recordings of this project where words were said.",
    parameters={
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "words that were said"},
            "speaker": {"type": "string", "description": "name of who said them, if it matters"},
        },
        "required": ["query"],
    },
    answered_by=AnsweredBy.SEARCH_LIBRARY,
)


def default_configuration() -> dict[str, Any]:
    """Return the settings, functions and variables of the default agent's first version."""
    return {
        "settings": {"greeting": GREETING, "listen": LISTEN, "think": THINK, "speak": SPEAK},
        "functions": [SEARCH_LIBRARY.to_json()],
        "variables": {},
    }
