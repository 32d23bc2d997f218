"""Responses to function calls of an agent that no person has to give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from channels.db import database_sync_to_async

from management.models import Project, User
from network.jsontext import read_json
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.librarian import BadArguments, search_library
from transcripts.agents.webhook import CallFailed, call
from transcripts.media.fetch import Rules, house_rules


async def answer(
    function: Function,
    arguments: str,
    *,
    user: User,
    project: Project,
    rules: Rules | None = None,
) -> str:
    """Return the ``content`` of the FunctionCallResponse to a call.

    ``arguments`` is the JSON text of the request, ``user`` and ``project`` those of the call.
    ``rules`` are those for webhooks; without them the installation's. A call that fails returns
    ``{"error": ...}``, which the language model can read. Raises ``ValueError`` for a function
    that a person responds to.
    """
    if function.answered_by == AnsweredBy.HAND:
        raise ValueError(f"the function {function.name} is answered by hand")
    try:
        values = read_arguments(arguments)
        if function.answered_by == AnsweredBy.SEARCH_LIBRARY:
            search = database_sync_to_async(search_library, thread_sensitive=False)
            return json.dumps(await search(values, user, project), ensure_ascii=False)
        text = json.dumps(values, ensure_ascii=False)
        return await call(function.url, text, rules or house_rules())
    except (BadArguments, CallFailed) as error:
        return error_of(str(error))


def read_arguments(text: str) -> Mapping[str, Any]:
    """Return the arguments of a call. Raises ``BadArguments``."""
    try:
        values = read_json(text or "{}")
    except ValueError as error:
        raise BadArguments(f"the arguments are not JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadArguments("the arguments are not a JSON object")
    return values


def error_of(sentence: str) -> str:
    """Return the result of a call that failed."""
    return json.dumps({"error": sentence}, ensure_ascii=False)
