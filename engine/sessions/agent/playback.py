"""A reply of the agent: its sentences, and how much of them the client has played.

No clock: the time in seconds is an argument. A client plays audio as it comes, at its own pace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.sessions.live_flux_speak import CHARACTERS_A_SECOND, word_end
from engine.wire.agent_messages import Behavior


class Playback:
    """Position of a client that plays everything it gets, without pauses of its own."""

    def __init__(self) -> None:
        self._begun = 0.0  # when the audio at ``_from`` began to play
        self._from = 0.0
        self.sent = 0.0  # seconds of the reply that were sent

    def send(self, seconds: float, now: float) -> None:
        position = self.position(now)
        if position >= self.sent:  # it had run dry
            self._begun, self._from = now, self.sent
        self.sent += seconds

    def drop(self, now: float) -> float:
        """The client drops what it has not played; return the position."""
        self.sent = self.position(now)
        return self.sent

    def position(self, now: float) -> float:
        """Return the seconds of the reply that were played."""
        return min(self.sent, self._from + max(0.0, now - self._begun))

    def is_over(self, now: float) -> bool:
        return self.position(now) >= self.sent


# Marks of Markdown, which language models write and no voice can say.
_MARKS = re.compile(r"[*_`#>|]+|^\s*[-+]\s+|\[(?=[^\]]*\]\()|\]\([^)]*\)", re.MULTILINE)


@dataclass
class Sentence:
    """A text that is said in one piece; ``start`` and ``seconds`` of its audio."""

    text: str
    behavior: Behavior = "default"
    start: float = 0.0
    seconds: float = 0.0
    is_made: bool = False
    is_told: bool = False  # as ConversationText
    is_recorded: bool = False  # in the history

    @property
    def spoken(self) -> str:
        """The text as a voice says it."""
        return _MARKS.sub(" ", self.text).strip()

    @property
    def end(self) -> float:
        return self.start + self.seconds

    def heard(self, position: float) -> str:
        """Return about what was heard at ``position``, to the end of a word.

        Audio has no marks of its words: a text is taken to be spoken at an even pace.
        """
        played = position - self.start
        if played <= 0 or not (self.seconds or self.is_made):
            return ""  # without audio its start is not known
        usual = 0.0 if self.is_made else len(self.text) / CHARACTERS_A_SECOND
        whole = max(self.seconds, usual)
        return self.text[: word_end(self.text, played / whole)].rstrip() if whole else self.text


@dataclass
class Reply:
    """Everything that the agent says until the user's next turn."""

    sentences: list[Sentence] = field(default_factory=list)
    playback: Playback = field(default_factory=Playback)
    is_released: bool = False  # its audio is being sent
    is_written: bool = False  # no more sentences follow
    is_sent: bool = False  # all audio was sent

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def made_seconds(self) -> float:
        return sum(sentence.seconds for sentence in self.sentences)

    def made(self, number: int, seconds: float) -> None:
        """So many more seconds of a sentence's audio were made."""
        sentence = self.sentences[number]
        if not sentence.seconds:
            sentence.start = sum(one.seconds for one in self.sentences[:number])
        sentence.seconds += seconds

    def rest_seconds(self, now: float) -> float:
        """Return about how long the agent will still be heard."""
        unmade = sum(len(one.text) for one in self.sentences if not one.is_made)
        left = self.made_seconds - self.playback.position(now)
        return left + unmade / CHARACTERS_A_SECOND

    def is_over(self, now: float) -> bool:
        return self.is_sent and self.playback.is_over(now)
