"""Results of function calls in a replay: the recorded ones, else those of a new call."""

from __future__ import annotations

from management.models import User
from transcripts.agents import functions
from transcripts.agents.declarations import AnsweredBy
from transcripts.agents.models import AgentVersion
from transcripts.replays.exchanges import normal


class Results:
    """Responds to the function calls of a replay.

    A call with the name and arguments of a recorded one gets its result; a repeated one the next
    result. Others are made anew, unless they change something or a person would have to respond.
    """

    def __init__(
        self, recorded: dict[tuple[str, str], list[str]], version: AgentVersion, user: User | None
    ) -> None:
        self._recorded = {key: list(each) for key, each in recorded.items()}
        self._version, self._user = version, user

    async def respond(self, name: str, arguments: str) -> str:
        """Return the result of a call."""
        if recorded := self._recorded.get((name, normal(arguments))):
            return recorded.pop(0) if len(recorded) > 1 else recorded[0]
        function = self._version.function(name)
        if function is None:
            return functions.error_of(f"there is no function {name}")
        if function.changes:
            return functions.error_of("a replay does not call functions that change something")
        if function.answered_by == AnsweredBy.HAND or self._user is None:
            return functions.error_of("the call has no result for these arguments")
        return await functions.answer(
            function, arguments, user=self._user, project=self._version.agent.project
        )
