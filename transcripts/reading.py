"""A transcript as a page reads it: blocks, paragraphs by speaker, words with their times."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

SPEAKER_HUES = 8
# A block is what one request fetches: two or three screens of text.
BLOCK_UTTERANCES = 40
# A paragraph of one speaker ends at a pause or when it has grown past a comfortable length.
PARAGRAPH_PAUSE_SECONDS = 2.0
PARAGRAPH_CHARACTERS = 480


def clock(seconds: float) -> str:
    """Seconds as people write them: 0:07, 12:40, 1:02:03."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


@dataclass(frozen=True)
class Word:
    """A word to click, and the text between it and the one before (usually a space)."""

    before: str
    text: str
    start: float


@dataclass(frozen=True)
class Voice:
    """Who speaks, as far as the recognizer told them apart: a name and one of the hues."""

    name: str
    hue: int


def voice(speaker: int | None, channel: int, multichannel: bool) -> Voice | None:
    """The voice of an utterance; None when the recognizer told no voices apart."""
    if speaker is None:
        return Voice(f"Channel {channel + 1}", channel % SPEAKER_HUES) if multichannel else None
    if not multichannel:
        return Voice(f"Speaker {speaker + 1}", speaker % SPEAKER_HUES)
    # Speakers are numbered anew on each channel: half of the hues apart, they differ in colour.
    name = f"Speaker {speaker + 1}, channel {channel + 1}"
    return Voice(name, (speaker + channel * SPEAKER_HUES // 2) % SPEAKER_HUES)


@dataclass
class Paragraph:
    """Utterances of one speaker that read as one; ``turn`` when another spoke before."""

    speaker: int | None
    channel: int
    voice: Voice | None
    start: float
    turn: bool
    utterances: list[Any] = field(default_factory=list)
    characters: int = 0

    def takes(self, utterance: Any) -> bool:
        """Whether this utterance still belongs here."""
        pause = utterance.start - self.utterances[-1].end
        return (
            (utterance.speaker, utterance.channel) == (self.speaker, self.channel)
            and pause < PARAGRAPH_PAUSE_SECONDS
            and self.characters < PARAGRAPH_CHARACTERS
        )


def paragraphs(
    utterances: Iterable[Any], before: Any = None, multichannel: bool = False
) -> list[Paragraph]:
    """Group utterances into paragraphs; ``before`` is the one ahead of the first, if any."""
    found: list[Paragraph] = []
    for utterance in utterances:
        if not found or not found[-1].takes(utterance):
            who = (utterance.speaker, utterance.channel)
            turn = before is None or who != (before.speaker, before.channel)
            found.append(Paragraph(*who, voice(*who, multichannel), utterance.start, turn))
        found[-1].utterances.append(utterance)
        found[-1].characters += len(utterance.text)
        before = utterance
    return found


def words(text: str, timed: Sequence[Sequence[Any]]) -> list[Word]:
    """Lay timed words ``[text, start, end, confidence]`` over the text they came from.

    What stands between two words in the text (a space, nothing in Chinese) stays between
    them; a word that the text does not hold is set off by a space. Together the pieces
    read as the text does.
    """
    laid: list[Word] = []
    at = 0
    for spoken, start, *_ in timed:
        place = text.find(spoken, at)
        # A word found only far ahead is another one that looks the same.
        if place < 0 or place - at > 3:
            laid.append(Word(" " if laid else "", spoken, start))
            continue
        laid.append(Word(text[at:place], spoken, start))
        at = place + len(spoken)
    return laid


@dataclass(frozen=True)
class Block:
    """Where a block stands before it is loaded: its number, first second and length."""

    number: int
    start: float
    characters: int
    paragraphs: int


Outline = Sequence[tuple[float, float, int | None, int, int]]


def blocks(outline: Outline) -> list[Block]:
    """Blocks of a transcript from its outline: ``(start, end, speaker, channel, characters)``.

    Estimates the paragraphs of a block by the same rule that groups them.
    """
    found = []
    for first in range(0, len(outline), BLOCK_UTTERANCES):
        rows = outline[first : first + BLOCK_UTTERANCES]
        count, filled, last = 0, 0, None
        for start, end, speaker, channel, characters in rows:
            if (
                last is None
                or last[1:] != (speaker, channel)
                or start - last[0] >= PARAGRAPH_PAUSE_SECONDS
                or filled >= PARAGRAPH_CHARACTERS
            ):
                count, filled = count + 1, 0
            filled += characters
            last = (end, speaker, channel)
        total = sum(row[4] for row in rows)
        found.append(Block(first // BLOCK_UTTERANCES, rows[0][0], total, count))
    return found


def turns(outline: Outline, multichannel: bool) -> list[tuple[float, int]]:
    """When each change of voice happens and the hue it changes to; empty for one voice."""
    found: list[tuple[float, int]] = []
    for start, _, speaker, channel, _ in outline:
        who = voice(speaker, channel, multichannel)
        if who and (not found or found[-1][1] != who.hue):
            found.append((round(start, 2), who.hue))
    return found


def fold(text: str) -> str:
    """Text as a search compares it: without case and accents, as long as it was."""
    return "".join(folded(each) for each in text)


@lru_cache(maxsize=4096)
def folded(character: str) -> str:
    # One character for one: places in the folded text are places in the text.
    plain = unicodedata.normalize("NFD", character)[0].casefold()
    return plain if len(plain) == 1 else character
