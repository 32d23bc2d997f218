"""A transcript as a page reads it: blocks, paragraphs by speaker, words with their times."""

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Any

from transcripts.text.tokens import gap

SPEAKER_HUES = 8
# Forms in which a hue is drawn, of speakers 1 to 8, 9 to 16 and so on.
SPEAKER_ROUNDS = 3
# A block is what one request fetches: two or three screens of text.
BLOCK_UTTERANCES = 40
# A paragraph of one speaker ends at a pause or when it has grown past a comfortable length.
PARAGRAPH_PAUSE_SECONDS = 2.0
PARAGRAPH_CHARACTERS = 480
# Longer than this a sample of a voice tells no more.
SAMPLE_SECONDS = 12.0


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


# A voice of one transcript: its channel and the number of its speaker, None for a channel whose
# speakers were not told apart. Without multichannel the channel is 0.
Key = tuple[int, int | None]


@dataclass(frozen=True)
class Voice:
    """A speaker: a name and one of the hues.

    There are fewer hues than there may be voices: ``round`` counts how often they were used up,
    and pages draw each round in a form of its own.
    """

    name: str
    hue: int
    channel: int
    speaker: int | None
    round: int = 0

    @property
    def key(self) -> str:
        """The voice in a page's markup: ``0-2``, or ``1-`` for a channel as a whole."""
        return f"{self.channel}-{'' if self.speaker is None else self.speaker}"


@dataclass(frozen=True)
class Voices:
    """Speakers of a transcript, with the names that users gave them."""

    multichannel: bool = False
    names: Mapping[Key, str] = field(default_factory=dict)

    def key(self, speaker: int | None, channel: int) -> Key | None:
        """Whose an utterance is; None when the recognizer told no voices apart."""
        if speaker is None and not self.multichannel:
            return None
        return (channel if self.multichannel else 0, speaker)

    def of(self, speaker: int | None, channel: int) -> Voice | None:
        """The voice of an utterance; None when the recognizer told no voices apart."""
        key = self.key(speaker, channel)
        if key is None:
            return None
        channel = key[0]
        # Speakers are numbered anew on each channel: half of the hues apart, they differ in
        # colour.
        hue = channel if speaker is None else speaker + channel * SPEAKER_HUES // 2
        name = self.names.get(key) or self.plain(key)
        again, hue = divmod(hue, SPEAKER_HUES)
        return Voice(name, hue, channel, speaker, again % SPEAKER_ROUNDS)

    def plain(self, key: Key) -> str:
        """Return the default name of a voice."""
        channel, speaker = key
        if speaker is None:
            return f"Channel {channel + 1}"
        return f"Speaker {speaker + 1}" + (f", channel {channel + 1}" if self.multichannel else "")


def same_voices(
    heard: Iterable[tuple[float, float, Key | None]],
    before: Iterable[tuple[float, float, Key | None]],
) -> dict[Key, Key]:
    """Which voices of two transcripts of one recording are the same person.

    Takes ``(start, end, voice)`` of their utterances; gives the voice of ``before`` for each
    voice of ``heard`` that speaks most of its time in the same places.
    """
    later = sorted((each for each in before if each[2] is not None), key=lambda each: each[0])
    longest = max((end - start for start, end, _ in later), default=0.0)
    starts = [start for start, _, _ in later]
    spoken: defaultdict[Key, float] = defaultdict(float)
    shared: defaultdict[tuple[Key, Key], float] = defaultdict(float)
    for start, end, voice in heard:
        if voice is None:
            continue
        spoken[voice] += end - start
        first, last = bisect_left(starts, start - longest), bisect_left(starts, end)
        for other_start, other_end, other in later[first:last]:
            overlap = min(end, other_end) - max(start, other_start)
            if other is not None and overlap > 0:
                shared[voice, other] += overlap
    matches: dict[Key, Key] = {}
    for (voice, other), seconds in sorted(shared.items(), key=lambda each: -each[1]):
        if voice in matches or other in matches.values() or seconds < spoken[voice] / 2:
            continue
        matches[voice] = other
    return matches


ALONE = Voices()


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

    @property
    def lines(self) -> list[tuple[str, Any]]:
        """Its utterances, each after what separates it from the one before."""
        texts = [utterance.text for utterance in self.utterances]
        gaps = ["", *(gap(before, text) for before, text in pairwise(texts))]
        return list(zip(gaps, self.utterances, strict=True))

    def takes(self, utterance: Any) -> bool:
        """Return whether this utterance still belongs here."""
        pause = utterance.start - self.utterances[-1].end
        return (
            (utterance.speaker, utterance.channel) == (self.speaker, self.channel)
            and pause < PARAGRAPH_PAUSE_SECONDS
            and self.characters < PARAGRAPH_CHARACTERS
        )


def paragraphs(
    utterances: Iterable[Any], before: Any = None, voices: Voices = ALONE
) -> list[Paragraph]:
    """Group utterances into paragraphs; ``before`` is the one ahead of the first, if any."""
    paragraphs: list[Paragraph] = []
    for utterance in utterances:
        if not paragraphs or not paragraphs[-1].takes(utterance):
            voice = (utterance.speaker, utterance.channel)
            turn = before is None or voice != (before.speaker, before.channel)
            paragraphs.append(Paragraph(*voice, voices.of(*voice), utterance.start, turn))
        paragraphs[-1].utterances.append(utterance)
        paragraphs[-1].characters += len(utterance.text)
        before = utterance
    return paragraphs


def words(text: str, timed: Sequence[Sequence[Any]]) -> list[Word]:
    """Lay timed words ``[text, start, end, confidence]`` over the text they came from.

    The text between two words (a space, nothing in Chinese) stays between
    them; a word that the text does not hold is set off as its script is. Together the pieces
    read as the text does.
    """
    laid: list[Word] = []
    at = 0
    for spoken, start, *_ in timed:
        place = text.find(spoken, at)
        # A word found only far ahead is another one that looks the same.
        if place < 0 or place - at > 3:
            laid.append(Word(gap(laid[-1].text, spoken) if laid else "", spoken, start))
            continue
        laid.append(Word(text[at:place], spoken, start))
        at = place + len(spoken)
    return laid


@dataclass(frozen=True)
class Block:
    """Place of a block before it is loaded: its number, first second and length."""

    number: int
    start: float
    characters: int
    paragraphs: int


@dataclass(frozen=True)
class Line:
    """An utterance without its words: what a page has to know of those it does not show."""

    start: float
    end: float
    speaker: int | None
    channel: int
    confidence: float
    characters: int


def blocks(outline: Sequence[Line]) -> list[Block]:
    """Blocks of a transcript; estimates the paragraphs of a block by the rule that groups them."""
    blocks = []
    for first in range(0, len(outline), BLOCK_UTTERANCES):
        lines = outline[first : first + BLOCK_UTTERANCES]
        count, filled = 0, 0
        last: Line | None = None
        for line in lines:
            if (
                last is None
                or (last.speaker, last.channel) != (line.speaker, line.channel)
                or line.start - last.end >= PARAGRAPH_PAUSE_SECONDS
                or filled >= PARAGRAPH_CHARACTERS
            ):
                count, filled = count + 1, 0
            filled += line.characters
            last = line
        total = sum(line.characters for line in lines)
        blocks.append(Block(first // BLOCK_UTTERANCES, lines[0].start, total, count))
    return blocks


def turns(outline: Iterable[Line], voices: Voices) -> list[tuple[float, int, int]]:
    """When each change of voice happens, the hue it changes to and its round."""
    turns: list[tuple[float, int, int]] = []
    last: Voice | None = None
    for line in outline:
        voice = voices.of(line.speaker, line.channel)
        if voice and voice != last:
            turns.append((round(line.start, 3), voice.hue, voice.round))
            last = voice
    return turns


@dataclass(frozen=True)
class Talker:
    """A voice, how much of all speech is its own (0 to 1), and where it is heard best."""

    voice: Voice
    seconds: float
    share: float
    sample: Line


def talkers(outline: Iterable[Line], voices: Voices) -> list[Talker]:
    """The voices of a transcript by first appearance, each with its longest clear utterance."""
    lines_of: dict[Voice, list[Line]] = {}
    for line in outline:
        if voice := voices.of(line.speaker, line.channel):
            lines_of.setdefault(voice, []).append(line)
    seconds = {voice: sum(line.end - line.start for line in lines_of[voice]) for voice in lines_of}
    total = sum(seconds.values()) or 1.0
    return [
        Talker(voice, seconds[voice], seconds[voice] / total, clearest(lines))
        for voice, lines in lines_of.items()
    ]


def clearest(lines: Sequence[Line]) -> Line:
    """The longest of those that were recognized at least as surely as half of them."""
    sure = median(line.confidence for line in lines)
    clear = [line for line in lines if line.confidence >= sure]
    return max(clear, key=lambda line: min(line.end - line.start, SAMPLE_SECONDS))


def fold(text: str) -> str:
    """Text as a search compares it: without case and accents, as long as it was."""
    return "".join(folded(each) for each in text)


@lru_cache(maxsize=8192)
def folded(character: str) -> str:
    # One character for one: places in the folded text are places in the text. Only Latin letters
    # lose their accents, as in the index: of a Korean syllable the first letter would be left.
    base = unicodedata.normalize("NFD", character)[0]
    plain = (base if base.isascii() else character).lower().replace("ς", "σ")  # noqa: RUF001 the Greek letters
    return plain if len(plain) == 1 else character
