"""Record of the messages of a call: every frame that is not audio, in order and with its time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

UP, DOWN = "up", "down"
AUDIO = "Audio"  # ours: a stretch of the agent's audio, whose frames are counted
MOST_CHARACTERS = 32_000  # of one message; a longer one is cut
MOST_EVENTS = 20_000
# Stretches of audio of which some may not have been played yet.
RECENT_STRETCHES = 20
# A busy server makes a reply more slowly than it is played. A pause begins a new stretch, so that
# its seconds are those of its sound; a shorter one is of the way.
PAUSE_SECONDS = 0.02
REMOVED = "removed"
# Members whose values are secrets, wherever they are in a message.
SECRETS = frozenset(
    {"headers", "credentials", "api_key", "authorization", "secret_access_key", "session_token"}
)


@dataclass
class Entry:
    """One message; ``at`` is seconds from the start of the call, ``direction`` seen from us."""

    sequence: int
    at: float
    direction: str
    kind: str
    body: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "at": round(self.at, 3),
            "direction": self.direction,
            "kind": self.kind,
            "body": self.body,
        }


@dataclass
class Count:
    """Frames of audio in one direction."""

    frames: int = 0
    size_bytes: int = 0

    def add(self, audio: bytes) -> None:
        self.frames += 1
        self.size_bytes += len(audio)


@dataclass
class Record:
    """Messages of a call that are not stored yet, and counts of its audio.

    ``tell`` is called with each entry, and again when it changes.
    """

    tell: Callable[[Entry], None]
    sequence: int = 0
    up: Count = field(default_factory=Count)
    down: Count = field(default_factory=Count)
    waiting: dict[int, Entry] = field(default_factory=dict)
    _open: Entry | None = None
    _heard: deque[Entry] = field(default_factory=lambda: deque(maxlen=RECENT_STRETCHES))

    @property
    def is_full(self) -> bool:
        return self.sequence >= MOST_EVENTS

    def note(self, direction: str, frame: str, at: float) -> Entry:
        """Add a message as it was on the wire, without its secrets."""
        body = read_body(frame)
        return self._add(direction, str(body.pop("type", ""))[:100], body, at)

    def hear(self, audio: bytes, at: float, played: tuple[float, float]) -> None:
        """Count audio of the agent, which is played from and until these seconds."""
        self.down.add(audio)
        if self._open is not None and played[0] - self._open.body["end"] > PAUSE_SECONDS:
            self.end_audio()
        entry = self._open
        if entry is None:
            body = {"frames": 0, "bytes": 0, "start": round(played[0], 3), "seconds": 0.0}
            entry = self._open = self._add(DOWN, AUDIO, body, at)
            self._heard.append(entry)
        entry.body["frames"] += 1
        entry.body["bytes"] += len(audio)
        entry.body["seconds"] = round(entry.body["seconds"] + played[1] - played[0], 3)
        entry.body["end"] = round(played[1], 3)

    def end_audio(self) -> None:
        """No more audio of this stretch comes, though not all of it may have been played."""
        entry, self._open = self._open, None
        if entry is not None:
            self._change(entry)

    def cut_audio(self, at: float) -> None:
        """Nothing is heard from here on: what was sent and not played is dropped."""
        ended, self._open = self._open, None
        for entry in self._heard:
            is_cut = entry.body["end"] > at
            if is_cut:
                entry.body["end"] = round(max(entry.body["start"], at), 3)
            if is_cut or entry is ended:
                self._change(entry)

    def complete(self) -> list[Entry]:
        """Return the entries to be stored, as they are now, without the stretch that is not over.

        They are written in a thread, while an interruption may cut a stretch of audio.
        """
        return [
            replace(entry, body=dict(entry.body))
            for entry in self.waiting.values()
            if entry is not self._open
        ]

    def stored(self, entries: list[Entry]) -> None:
        """Forget what was stored, except for entries that have changed since."""
        for entry in entries:
            if self.waiting.get(entry.sequence) == entry:
                del self.waiting[entry.sequence]

    def _add(self, direction: str, kind: str, body: dict[str, Any], at: float) -> Entry:
        self.sequence += 1
        entry = self.waiting[self.sequence] = Entry(self.sequence, at, direction, kind, body)
        self.tell(entry)
        return entry

    def _change(self, entry: Entry) -> None:
        self.waiting[entry.sequence] = entry
        self.tell(entry)


def read_body(frame: str) -> dict[str, Any]:
    """Return the members of a message, without secrets and bounded in size."""
    body = without_secrets(json.loads(frame))
    if not isinstance(body, dict):
        return {}
    text = json.dumps(body, ensure_ascii=False)
    if len(text) > MOST_CHARACTERS:
        return {"type": body.get("type"), "cut": len(text), "beginning": text[:1_000]}
    return body


def without_secrets(value: Any) -> Any:
    """Return JSON with the values of keys and headers replaced; their names stay."""
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if isinstance(value, dict):
        return {name: public(name.lower(), each) for name, each in value.items()}
    return value


def public(name: str, value: Any) -> Any:
    """Return the value of a member, or what may be seen of it."""
    if name in SECRETS:
        return dict.fromkeys(value, REMOVED) if isinstance(value, dict) else REMOVED
    if name == "url" and isinstance(value, str) and "?" in value:
        return f"{value.partition('?')[0]}?{REMOVED}"
    return without_secrets(value)
