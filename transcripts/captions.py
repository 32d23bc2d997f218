"""A transcript as files: plain text, SRT, WebVTT, JSON. Text and times alone, no Django.

Captions keep to what subtitlers do: two lines of 42 characters, seven seconds, a break where
a sentence or a clause ends, and time enough to read.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Protocol

from transcripts import reading
from transcripts.reading import ALONE, Voices

LINE_WIDTH = 42
LINES = 2
LONGEST_SECONDS = 7.0
SHORTEST_SECONDS = 1.0
WIDTH_A_SECOND = 20  # what a viewer reads
# A break is looked for in the latter part of a caption, so that none is left nearly empty.
FILLED = 0.4

SENTENCE_ENDS = ".?!…。？！"  # noqa: RUF001 marks of other scripts
CLAUSE_ENDS = ",;:，、；："  # noqa: RUF001
CLOSERS = "\"')]”’»"  # noqa: RUF001


class Spoken(Protocol):
    """An utterance: times in seconds, ``words`` a list of ``[text, start, end, confidence]``."""

    start: float
    end: float
    text: str
    words: Sequence[Sequence[Any]]
    speaker: int | None
    channel: int


@dataclass(frozen=True)
class Word:
    """A word with the text between it and the one before."""

    before: str
    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Cue:
    """What is on the screen from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]
    voice: str = ""


def speakers(utterances: Sequence[Spoken], voices: Voices = ALONE) -> list[str]:
    """Whose each utterance is, in words; all empty when a single voice without a name speaks."""
    found = [voices.of(each.speaker, each.channel) for each in utterances]
    if len(set(found)) < 2 and not voices.names:
        return [""] * len(found)
    return [voice.name if voice else "" for voice in found]


def cues(utterances: Sequence[Spoken], voices: Voices = ALONE) -> list[Cue]:
    """The captions of a transcript, by start."""
    found = [
        Cue(part[0].start, part[-1].end, wrap(text_of(part)), voice)
        for spoken, voice in zip(utterances, speakers(utterances, voices), strict=True)
        for part in split(timed_words(spoken))
    ]
    found.sort(key=lambda cue: cue.start)
    next_starts = [*(cue.start for cue in found[1:]), float("inf")]
    return [
        replace(cue, end=max(cue.end, min(cue.start + seconds_to_read(cue), next_start)))
        for cue, next_start in zip(found, next_starts, strict=False)
    ]


def timed_words(spoken: Spoken) -> list[Word]:
    """The words of an utterance; when it has none, those of its text spread over its time."""
    if spoken.words:
        laid = reading.words(spoken.text, spoken.words)
        return [
            Word(word.before, word.text, float(timed[1]), max(float(timed[1]), float(timed[2])))
            for word, timed in zip(laid, spoken.words, strict=True)
        ]
    texts = spoken.text.split()
    step = (spoken.end - spoken.start) / max(1, len(texts))
    starts = [spoken.start + place * step for place in range(len(texts))]
    return [Word(" ", text, start, start + step) for text, start in zip(texts, starts, strict=True)]


def split(words: Sequence[Word]) -> Iterable[Sequence[Word]]:
    """Cut words into captions: as much as fits, ended where people pause."""
    first = 0
    while first < len(words):
        fits = first + 1
        taken = width(words[first].text)
        while fits < len(words):
            word = words[fits]
            taken += width(word.before + word.text)
            if taken > LINES * LINE_WIDTH or word.end - words[first].start > LONGEST_SECONDS:
                break
            fits += 1
        last = fits if fits == len(words) else best_break(words, first, fits)
        yield words[first:last]
        first = last


def best_break(words: Sequence[Word | reading.Word], first: int, fits: int) -> int:
    """Where to end what starts with word ``first`` and may hold the words up to ``fits``."""
    least = first + max(1, int((fits - first) * FILLED))
    return max(range(least, fits + 1), key=lambda last: (pause_after(words[last - 1].text), last))


def pause_after(text: str) -> int:
    """How much of a pause a word makes: 2 ends a sentence, 1 a clause, 0 neither."""
    end = text.rstrip(CLOSERS)[-1:]
    if not end:
        return 0
    return 2 if end in SENTENCE_ENDS else 1 if end in CLAUSE_ENDS else 0


def text_of(words: Sequence[Word]) -> str:
    return (words[0].text + "".join(word.before + word.text for word in words[1:])).strip()


def wrap(text: str) -> tuple[str, ...]:
    """``text`` on lines of LINE_WIDTH, two of even length where it needs two."""
    text = " ".join(text.split())
    if width(text) <= LINE_WIDTH:
        return (text,)
    spaces = [place for place, char in enumerate(text) if char == " "]
    halves = [(text[:place], text[place + 1 :]) for place in spaces] or [
        (text[:place], text[place:]) for place in range(1, len(text))
    ]
    fitting = [pair for pair in halves if max(map(width, pair)) <= LINE_WIDTH]
    if not fitting:
        return tuple(filled(text))
    # The end of a sentence or clause on the first line is worth some unevenness.
    return min(
        fitting,
        key=lambda pair: abs(width(pair[0]) - width(pair[1])) - 6 * pause_after(pair[0]),
    )


def filled(text: str) -> Iterable[str]:
    """Lines filled one after another, for what does not go on two even ones."""
    line = ""
    for word in text.split(" "):
        if line and width(f"{line} {word}") > LINE_WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def width(text: str) -> int:
    """Columns that a text takes: wide East Asian characters take two, marks above none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def seconds_to_read(cue: Cue) -> float:
    return max(SHORTEST_SECONDS, sum(map(width, cue.lines)) / WIDTH_A_SECOND)


def timestamp(seconds: float, point: str) -> str:
    """``01:02:03.456``, with ``point`` before the milliseconds."""
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def srt(utterances: Sequence[Spoken], voices: Voices = ALONE) -> str:
    """SubRip. Who speaks is said where it changes: the format has no place for it."""
    found = cues(utterances, voices)
    blocks = []
    voice = ""
    for number, cue in enumerate(found, start=1):
        said = [f"[{cue.voice}]"] if cue.voice != voice and cue.voice else []
        lines = [line.replace("-->", "->") for line in (*said, *cue.lines)]
        times = f"{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}"
        blocks.append("\n".join([str(number), times, *lines, ""]))
        voice = cue.voice
    return "\n".join(blocks)


def vtt(utterances: Sequence[Spoken], voices: Voices = ALONE) -> str:
    """WebVTT, with voice spans. Source: W3C WebVTT, sections 4.1 to 4.2.2."""
    blocks = ["WEBVTT\n"]
    for cue in cues(utterances, voices):
        text = escape("\n".join(cue.lines), quote=False)
        voice = f"<v {escape(cue.voice, quote=False)}>" if cue.voice else ""
        blocks.append(f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def txt(utterances: Sequence[Spoken], voices: Voices = ALONE) -> str:
    """Paragraphs as the page shows them, the voice before each where there are several."""
    several = any(speakers(utterances, voices))
    paragraphs = []
    for paragraph in reading.paragraphs(utterances, voices=voices):
        text = " ".join(each.text for each in paragraph.utterances)
        voice = f"{paragraph.voice.name}: " if several and paragraph.voice else ""
        paragraphs.append(f"{voice}{text}\n")
    return "\n".join(paragraphs)


def as_objects(utterances: Sequence[Spoken], voices: Voices = ALONE) -> list[dict[str, Any]]:
    """Utterances with their words, ready for ``json.dumps``."""
    return [
        {
            "channel": each.channel,
            "speaker": each.speaker,
            "speaker_name": voice.name
            if (voice := voices.of(each.speaker, each.channel))
            else None,
            "start": each.start,
            "end": each.end,
            "text": each.text,
            "words": [
                {"word": word, "start": start, "end": end, "confidence": confidence}
                for word, start, end, confidence in each.words
            ],
        }
        for each in utterances
    ]
