"""The page of a call: its microphone, the agent's voice, and the messages of both."""

import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from transcripts.calls.models import Call, CallEvent
from transcripts.calls.outbox import Outbox
from transcripts.calls.record import Entry
from transcripts.calls.relay import CallRun, runs
from transcripts.consumers.sockets import Code, PageSocket
from transcripts.live.serving import Unavailable

POSITION = struct.Struct("<Q")
TAB_CHARACTERS = 64
MOST_TEXT = 10_000
MOST_FRAME_BYTES = 64 * 1024
# Rows that a page has missed, read at once.
MOST_ROWS = 20_000


class AgentConsumer(PageSocket):
    """Relay a conversation between a page and an agent.

    Up: binary frames of 8 bytes, the sample of the call at which they begin (little-endian), and
    16-bit little-endian PCM at 24 kHz; ``Say`` (``text``), ``EndTurn``, ``Silence`` (no more of
    this reply), ``Result`` (``id``, ``content``: of a function call) and ``Stop``.
    Down: ``Call`` (``at``: seconds since it began), ``Wire`` (a message of the record; again with
    the same ``sequence`` when it changed), binary frames of the agent's PCM at 24 kHz, ``Silence``
    (drop what was not played; ``interrupted`` if something was), ``Asked`` and ``Withdrawn`` (a
    function call for the user), ``Cost`` (``hour`` in dollars, ``warning``), ``Ending``, ``Ended``
    (``url``, ``reason``), ``Problem``, ``Beat``.
    The query has ``tab``, the identity of the browser tab, ``take`` to take the call from another
    tab, and ``after``, the last message that the page has.
    """

    run: CallRun | None = None

    async def open(self) -> Code | None:
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.pk = self.scope["url_route"]["kwargs"]["pk"]
        self.tab = query.get("tab", [""])[0][:TAB_CHARACTERS]
        code: Code | None = await self.in_thread(self.may_stay)
        if code is not None:
            return code
        try:
            run = await runs.serve(self.pk)
        except Unavailable as error:
            return await self._reject(str(error))
        host = run.host
        if host is not None and host.tab != self.tab and "take" not in query:
            return Code.TAKEN
        self.run = run
        outbox, waiting = run.attach(self)
        if host is not None:
            await host.close(Code.TAKEN if host.tab != self.tab else Code.ENDED)
        await self.tell(type="Call", at=round(run.now, 3))
        await self._catch_up(query.get("after", [""])[0], waiting)
        self.spawn(self._follow(run, outbox))
        return None

    def may_stay(self) -> Code | None:
        return self.check_row(Call.objects.held_by)

    async def hear(self, data: bytes) -> None:
        if self.run is None or not POSITION.size < len(data) <= MOST_FRAME_BYTES:
            return
        (position,) = POSITION.unpack_from(data)
        self.run.hear(position, data[POSITION.size :])

    async def read(self, message: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        match message:
            case {"type": "Say", "text": str(text)} if text.strip():
                self.run.say(text.strip()[:MOST_TEXT])
            case {"type": "EndTurn"}:
                self.run.end_turn()
            case {"type": "Silence"}:
                self.run.silence()
            case {"type": "Result", "id": str(call_id), "content": str(content)}:
                self.run.respond(call_id, content)
            case {"type": "Stop"}:
                self.run.stop()

    async def leave(self) -> None:
        if self.run is not None:
            self.run.detach(self)

    async def _reject(self, reason: str) -> Code:
        """Say why the call cannot be held; one that has ended has a page of its own."""
        call: Call = await self.in_thread(lambda: Call.objects.get(pk=self.pk))
        if call.is_ended:
            await self.tell(type="Ended", url=call.get_absolute_url(), reason=call.error)
            return Code.ENDED
        await self.tell(type="Problem", message=reason)
        # One that is open elsewhere may come back to this process, or end.
        return Code.FAILED if call.state == Call.State.OPEN else Code.ENDED

    async def _catch_up(self, after: str, waiting: list[Entry]) -> None:
        """Send the messages that a page has missed."""
        seen = int(after[:10]) if after.isascii() and after.isdigit() else 0
        entries = {each.sequence: each for each in await self.in_thread(stored, self.pk, seen)}
        entries |= {each.sequence: each for each in waiting if each.sequence > seen}
        for _, entry in sorted(entries.items()):
            await self.tell(type="Wire", **entry.shown())

    async def _follow(self, run: CallRun, outbox: Outbox) -> None:
        while True:
            frame = await outbox.get()
            if isinstance(frame, bytes):
                await self.send_bytes(frame)
            else:
                await self.send_text(frame)
            if outbox.is_full:
                await self.close(Code.OVERLOADED)
                return
            if run.is_over and outbox.is_empty:
                await self.close(Code.ENDED)
                return


def stored(pk: UUID, after: int) -> list[Entry]:
    rows = CallEvent.objects.filter(call=pk, sequence__gt=after).order_by("sequence")
    return [row.entry() for row in rows[:MOST_ROWS]]
