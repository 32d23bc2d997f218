"""Function calls of the model: requested from the client or the server, cancelled, responded to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from engine.sessions.agent.conversation import Conversation
from engine.sessions.agent.exchanges import Exchange, Pending
from engine.sessions.agent.modelrequests import ModelRequests
from engine.sessions.agent.steps import Run, Step, StopRunning, Tell, error, warning
from engine.wire import agent_messages as wire
from engine.wire.shapes import UNSET

CALL_SECONDS = 60.0  # that a function call may take


class FunctionCalls:
    """``call_ids`` are for calls to which the model gives none."""

    def __init__(
        self, conversation: Conversation, requests: ModelRequests, call_ids: Iterator[str]
    ) -> None:
        self._conversation = conversation
        self._requests = requests
        self._call_ids = call_ids
        self._cancelled: deque[str] = deque(maxlen=100)  # ids

    def request(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Make the calls of the model's response."""
        turn.rounds += 1
        functions = {one.name: one for one in self._conversation.thinks[turn.provider].functions}
        turn.pending = [
            Pending(call.id or next(self._call_ids), call, functions.get(call.name))
            for call in turn.calls
        ]
        for one in turn.pending:
            if one.function is None:
                problem = f"The model called {one.call.name!r:.60}, which is no function."
                unknown = error("NON_EXISTENT_FUNCTION_CALLED", problem)
                yield from self._conversation.admit(turn, unknown)
                one.response = f"Error: there is no function {one.call.name[:60]!r}."
        yield from self.dispatch(turn, now)
        yield from self._continue(turn, now)

    def dispatch(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Send the calls that may be made now: some wait until the user's turn is confirmed."""
        ready = [
            one
            for one in turn.pending
            if one.function is not None
            and one.asked_at is None
            and (turn.is_confirmed or not one.function.defer_until_eot)
        ]
        if not ready:
            return
        requested = [
            wire.RequestedCall(
                id=one.id,
                name=one.call.name,
                arguments=one.call.arguments,
                client_side=one.is_client_side,
                thought_signature=one.signature,
            )
            for one in ready
        ]
        yield Tell(wire.FunctionCallRequest(functions=requested))
        for one in ready:
            one.asked_at = now
            if one.function is not None and not one.is_client_side:
                yield Run(one.id, one.function, one.call.arguments)

    def respond(self, message: wire.FunctionCallResponse, now: float) -> Iterator[Step]:
        """Take the result of a call that the client has made."""
        turn = self._conversation.turn
        waiting = [
            one
            for one in (turn.pending if turn is not None else ())
            if one.response is None and one.is_client_side and one.asked_at is not None
        ]
        for one in waiting:
            if message.id in (one.id, UNSET, "") and message.name == one.call.name:
                one.response = message.content
                yield from self._continue(turn, now)
                return
        if message.id not in self._cancelled:
            problem = f"No call of {message.name!r:.60} with this id waits for a response."
            yield error("NON_EXISTENT_FUNCTION_CALLED", problem)

    def finish(self, call_id: str, content: str, problem: str, now: float) -> Iterator[Step]:
        """Take the result of a call of the server, which may have failed with ``problem``."""
        turn = self._conversation.turn
        for one in turn.pending if turn is not None else ():
            if one.id == call_id and one.response is None:
                if problem:
                    yield warning("FUNCTION_CALL_FAILED", f"{one.call.name}: {problem}")
                    content = f"Error: {problem}"
                one.response = content
                response = wire.FunctionCallResponse(id=one.id, name=one.call.name, content=content)
                yield Tell(response)
                yield from self._continue(turn, now)
                return

    def cancel(self, turn: Exchange) -> Iterator[Step]:
        """The results of calls that were requested are no longer wanted."""
        asked = [one for one in turn.pending if one.asked_at is not None and one.response is None]
        for one in asked:
            if not one.is_client_side:
                yield StopRunning(one.id)
        if asked:
            self._cancelled.extend(one.id for one in asked)
            cancelled = [wire.CancelledCall(id=one.id, name=one.call.name) for one in asked]
            yield Tell(wire.FunctionCallCancelled(functions=cancelled))
        turn.pending = []

    def tick(self, turn: Exchange, now: float) -> Iterator[Step]:
        """Continue without the first call that takes too long."""
        for one in turn.pending:
            if one.response is None and one.asked_at is not None:
                if now - one.asked_at < CALL_SECONDS:
                    continue
                problem = f"{one.call.name}: no response within {CALL_SECONDS:g} s."
                yield warning("FUNCTION_CALL_FAILED", problem)
                if not one.is_client_side:
                    yield StopRunning(one.id)
                one.response = "Error: the function did not respond in time."
                self._cancelled.append(one.id)
                yield from self._continue(turn, now)
                return

    def _continue(self, turn: Exchange | None, now: float) -> Iterator[Step]:
        """Think about the results once every call has one."""
        if turn is None or turn.waits_for_calls:
            return
        calls = [
            wire.FunctionCall(
                id=one.id,
                name=one.call.name,
                client_side=one.is_client_side,
                arguments=one.call.arguments,
                response=one.response or "",
                thought_signature=one.signature,
            )
            for one in turn.pending
        ]
        turn.pending = []
        made = wire.History(function_calls=calls)
        turn.context.append(made)
        yield from self._conversation.admit(turn, made)
        yield from self._requests.think(turn, now)
