"""The microphone of a live session and its captions."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from speechclient.streams.live_events import ConfigureFailed
from transcripts.consumers.following import follow
from transcripts.consumers.sockets import Code, PageSocket
from transcripts.live.audio import seconds_of
from transcripts.live.intake import WrongOffset
from transcripts.live.models import LiveNote, LiveSession
from transcripts.live.serving import LiveRun, Unavailable, runs

OFFSET = struct.Struct("<Q")
TAB_CHARACTERS = 64
MAX_SPEAKERS = 10_000
MAX_INDEX = 2**31
MAX_SECONDS = 7 * 86_400
MAX_NOTE, MAX_NOTES = 5_000, 2_000
THRESHOLDS = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")


def changes_of(message: Mapping[str, Any], numbers: Sequence[str]) -> dict[str, Any]:
    """Return the changes of a Configure that have a type that fits."""
    changes: dict[str, Any] = {}
    terms = message.get("keyterms")
    if isinstance(terms, list):
        changes["keyterms"] = [term for term in terms if isinstance(term, str)]
    for name in numbers:
        value = message.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            changes[name] = int(value) if name.endswith("_ms") else value
    return changes


class ListenConsumer(PageSocket):
    """Relay one microphone to the speech server and its results back.

    Up: binary frames of 8 bytes, the place in the audio of the session (little-endian, bytes),
    and 16-bit little-endian PCM at 16 kHz; ``{"type": "Pause"}``, ``{"type": "Stop"}`` and
    ``{"type": "Configure"}`` with ``keyterms`` and, for turns, thresholds; ``Name`` (``speaker``,
    ``name``), ``Correct`` (``index``, ``text``) and ``Note`` (``at`` in seconds, ``text``).
    Down: ``Session`` (``received`` is where the audio continues), ``Confirmed`` (``bytes`` are on
    disk), ``Progress``, ``Caption``, ``Interim``, ``Names``, ``Note``, ``Configured``,
    ``ConfigureFailed``, ``Warning`` (``message``), ``Stop`` (``message``: the page is to send its
    last audio and ``Stop``), ``Beat``, ``Ended``.
    The query has ``tab``, the identity of the browser tab, ``take`` to take the session from
    another tab, and ``epoch`` and ``after`` of what the page has seen.
    """

    run: LiveRun | None = None

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
            await self.tell(type="Problem", message=str(error))
            return Code.FAILED
        host = run.host
        if host is not None and host.tab != self.tab:
            if "take" not in query:
                return Code.TAKEN
            await host.close(Code.TAKEN)
        elif host is not None:
            await host.close(Code.ENDED)  # an earlier connection of this tab
        self.run, run.host = run, self
        await self.tell(
            type="Session",
            epoch=run.feed.epoch,
            received=run.intake.received,
            seconds=seconds_of(run.intake.received),
        )
        if run.warning:
            await self.tell(type="Warning", message=run.warning)
        for note in await self.in_thread(self._notes):
            await self.tell(**note)
        self.spawn(self._confirm(run))
        epoch, after = query.get("epoch", [""])[0], query.get("after", [""])[0]
        self.spawn(self._follow(run, epoch, after))
        return None

    def may_stay(self) -> Code | None:
        return self.check_row(LiveSession.objects.hosted_by)

    async def hear(self, data: bytes) -> None:
        if self.run is None or len(data) < OFFSET.size:
            return
        (offset,) = OFFSET.unpack_from(data)
        try:
            await self.run.hear(offset, data[OFFSET.size :])
        except WrongOffset as error:
            await self.tell(type="Wrong", received=error.received)

    def hear_at_once(self, data: bytes) -> bool:
        if self.run is None or len(data) < OFFSET.size:
            return True
        (offset,) = OFFSET.unpack_from(data)
        try:
            return self.run.hear_at_once(offset, data[OFFSET.size :])
        except WrongOffset:
            return False  # ``hear`` says so

    async def read(self, message: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        match message.get("type"):
            case "Pause":
                await self.run.pause()
            case "Name":
                self._name(self.run, message)
            case "Correct":
                self.spawn(self._correct(self.run, message))
            case "Note":
                self.spawn(self._note(message))
            case "Configure":
                self.spawn(self._configure(self.run, message))
            case "Stop":
                self.run.stop()

    def _name(self, run: LiveRun, message: Mapping[str, Any]) -> None:
        speaker, name = message.get("speaker"), message.get("name")
        if isinstance(speaker, int) and 0 <= speaker < MAX_SPEAKERS and isinstance(name, str):
            run.name_speaker(speaker, name)

    async def _correct(self, run: LiveRun, message: Mapping[str, Any]) -> None:
        index, text = message.get("index"), message.get("text")
        if not isinstance(index, int) or not isinstance(text, str):
            return
        if 0 <= index < MAX_INDEX and text.strip():
            await run.correct(index, text, self.scope["user"])

    async def _note(self, message: Mapping[str, Any]) -> None:
        at, text = message.get("at"), message.get("text")
        if isinstance(at, int | float) and 0 <= at < MAX_SECONDS and isinstance(text, str):
            note = await self.in_thread(self._store_note, float(at), text.strip()[:MAX_NOTE])
            if note is not None:
                await self.tell(**note)

    def _store_note(self, at: float, text: str) -> dict[str, Any] | None:
        notes = LiveNote.objects.filter(session=self.pk)
        if not text or notes.count() >= MAX_NOTES:
            return None
        author = self.scope["user"]
        note = LiveNote.objects.create(session_id=self.pk, at=at, text=text, author=author)
        return note.shown()

    def _notes(self) -> list[dict[str, Any]]:
        return [note.shown() for note in LiveNote.objects.filter(session=self.pk)]

    async def _configure(self, run: LiveRun, message: Mapping[str, Any]) -> None:
        is_turns = run.session.mode == LiveSession.Mode.TURNS
        changes = changes_of(message, THRESHOLDS if is_turns else ())
        result = await run.configure(changes)
        if isinstance(result, ConfigureFailed):
            await self.tell(type="ConfigureFailed", message=result.description)
        else:
            await self.tell(type="Configured")

    async def leave(self) -> None:
        if self.run is not None and self.run.host is self:
            self.run.host = None
            await self.run.pause()

    async def _follow(self, run: LiveRun, epoch: str, after: str) -> None:
        await follow(self, run.feed, self.pk, epoch, after)
        await self.close(Code.TAKEN)  # by another process, for another tab

    async def _confirm(self, run: LiveRun) -> None:
        """Tell the page how much audio is on disk, which it need not keep any longer."""
        confirmed = -1
        while True:
            if run.confirmed != confirmed:
                confirmed = run.confirmed
                await self.tell(type="Confirmed", bytes=confirmed)
            await run.stored()
