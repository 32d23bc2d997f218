"""A transcript as files: plain text, SRT, WebVTT, JSON. Text and times alone, no Django.

Captions keep to what subtitlers do: two lines of 42 characters, seven seconds, a break where
a sentence or a clause ends, and time enough to read.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any, Protocol

from transcripts.text import reading
from transcripts.text.reading import ALONE, Voices
from transcripts.text.tokens import joined as joined_texts

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
LINE_ENDS = SENTENCE_ENDS + CLAUSE_ENDS + CLOSERS + "」』）】》"  # noqa: RUF001
JOINERS = ("\u200c", "\u200d")


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
    """Caption shown from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]
    voice: str = ""


def speakers(utterances: Sequence[Spoken], voices: Voices = ALONE) -> list[str]:
    """Whose each utterance is, in words; all empty when a single voice without a name speaks."""
    speakers = [voices.of(each.speaker, each.channel) for each in utterances]
    if len(set(speakers)) < 2 and not voices.names:
        return [""] * len(speakers)
    return [voice.name if voice else "" for voice in speakers]


def cues(utterances: Sequence[Spoken], voices: Voices = ALONE, labelled: bool = False) -> list[Cue]:
    """The captions of a transcript, by start; none has more than two lines.

    ``labelled`` ones begin with their voice in brackets where it changes.
    """
    parts = [
        (part, voice)
        for spoken, voice in zip(utterances, speakers(utterances, voices), strict=True)
        # Any of them may follow another voice and carry the label.
        for part in split(timed_words(spoken), label_of(voice) if labelled else "")
    ]
    parts.sort(key=lambda each: each[0][0].start)
    next_starts = [*(part[0].start for part, _ in parts[1:]), float("inf")]
    cues, before = [], ""
    for (part, voice), next_start in zip(parts, next_starts, strict=False):
        label = label_of(voice) if labelled and voice != before else ""
        cue = Cue(part[0].start, part[-1].end, wrap(text_of(part), label), voice)
        cues.append(replace(cue, end=max(cue.end, min(readable_until(cue), next_start))))
        before = voice
    return cues


def label_of(voice: str) -> str:
    """A voice as the beginning of a caption, at most one line long."""
    if not voice:
        return ""
    pieces = cut(voice, LINE_WIDTH - 3)
    return f"[{pieces[0]}{'…' if len(pieces) > 1 else ''}]"


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


def split(words: Sequence[Word], label: str = "") -> Iterable[Sequence[Word]]:
    """Cut words into captions: what fits on two lines after ``label``, ended at a pause."""
    words = [piece for word in words for piece in line_pieces(word)]
    first = 0
    while first < len(words):
        fits, text = first + 1, words[first].text
        for word in words[fits : first + LINES * LINE_WIDTH]:
            text += word.before + word.text
            if word.end - words[first].start > LONGEST_SECONDS or not is_caption(text, label):
                break
            fits += 1
        last = fits if fits == len(words) else best_break(words, first, fits)
        yield words[first:last]
        first = last


def is_caption(text: str, label: str) -> bool:
    """Return whether ``label`` and ``text`` fit on the lines of one caption."""
    columns = width(text) + (width(label) + 1 if label else 0)
    if columns <= LINE_WIDTH:
        return True
    return columns <= LINES * LINE_WIDTH + 1 and filled(atoms(text, label)) <= LINES


def line_pieces(word: Word) -> Iterable[Word]:
    """A word as pieces that each fit on a line, its time shared out by their length."""
    texts = cut(word.text, LINE_WIDTH)
    if len(texts) == 1:
        yield word
        return
    step = (word.end - word.start) / len(word.text)
    start, before = word.start, word.before
    for text in texts:
        end = min(word.end, start + step * len(text))
        yield Word(before, text, start, end)
        start, before = end, ""


def best_break(words: Sequence[Word | reading.Word], first: int, fits: int) -> int:
    """Return the best end of a caption from word ``first`` up to at most ``fits``."""
    least = first + max(1, int((fits - first) * FILLED))
    return max(range(least, fits + 1), key=lambda last: (pause_after(words[last - 1].text), last))


def pause_after(text: str) -> int:
    """Return the pause after a word: 2 ends a sentence, 1 a clause, 0 neither."""
    end = text.rstrip(CLOSERS)[-1:]
    if not end:
        return 0
    return 2 if end in SENTENCE_ENDS else 1 if end in CLAUSE_ENDS else 0


def text_of(words: Sequence[Word]) -> str:
    return (words[0].text + "".join(word.before + word.text for word in words[1:])).strip()


def wrap(text: str, label: str = "") -> tuple[str, ...]:
    """``label`` and ``text`` on lines of LINE_WIDTH, two of even length where it needs two."""
    laid = atoms(text, label)
    if filled(laid) <= 1:
        return (joined(laid),)
    pairs = [(joined(laid[:place]), joined(laid[place:])) for place in range(1, len(laid))]
    fitting = [pair for pair in pairs if max(map(width, pair)) <= LINE_WIDTH]
    # The end of a sentence or clause on the first line is worth some unevenness.
    return min(
        fitting,
        key=lambda pair: abs(width(pair[0]) - width(pair[1])) - 6 * pause_after(pair[0]),
    )


def atoms(text: str, label: str = "") -> list[tuple[str, str]]:
    """Split into units that stay on one line, each with the space before it: label, words, and in
    scripts without spaces single characters."""
    atoms = [("", label)] if label else []
    for word in text.split():
        gap = " " if atoms else ""
        for atom in word_atoms(word):
            atoms.append((gap, atom))
            gap = ""
    return atoms


def word_atoms(word: str) -> Iterable[str]:
    if word.isascii() and len(word) <= LINE_WIDTH:
        yield word
        return
    first, used, before = 0, 0, ""
    for place, character in enumerate(word):
        taken = columns_of(character)
        apart = taken == 2 or is_wide(before)
        # A mark belongs to its letter, and no line begins with what ends a clause.
        stays = taken == 0 or before in JOINERS or character in LINE_ENDS
        if place > first and (used + taken > LINE_WIDTH or (apart and not stays)):
            yield word[first:place]
            first, used = place, 0
        used += taken
        before = character
    yield word[first:]


def filled(laid: Iterable[tuple[str, str]]) -> int:
    """Return the number of lines that the atoms fill."""
    count = used = 0
    for gap, atom in laid:
        taken = width(atom)
        if count and used + len(gap) + taken <= LINE_WIDTH:
            used += len(gap) + taken
        else:
            count, used = count + 1, taken
    return count


def joined(laid: Sequence[tuple[str, str]]) -> str:
    return "".join(gap + atom for gap, atom in laid).strip()


def cut(text: str, columns: int) -> list[str]:
    """A text in pieces of at most so many columns, no mark apart from its letter."""
    if width(text) <= columns:
        return [text]
    pieces, first, used = [], 0, 0
    for place, character in enumerate(text):
        taken = columns_of(character)
        if place > first and used + taken > columns:
            pieces.append(text[first:place])
            first, used = place, 0
        used += taken
    return [*pieces, text[first:]]


def is_wide(character: str) -> bool:
    return bool(character) and width(character) == 2


def width(text: str) -> int:
    """Columns that a text takes: wide East Asian characters take two, marks above none."""
    if text.isascii():
        return len(text)
    return sum(map(columns_of, text))


@lru_cache(maxsize=4096)
def columns_of(character: str) -> int:
    # Marks, and format characters such as the joiners, take no place of their own.
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def readable_until(cue: Cue) -> float:
    """When a caption may go: it is long enough on the screen to be read."""
    return cue.start + max(SHORTEST_SECONDS, sum(map(width, cue.lines)) / WIDTH_A_SECOND)


def timestamp(seconds: float, point: str) -> str:
    """``01:02:03.456``, with ``point`` before the milliseconds."""
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def srt(utterances: Sequence[Spoken], voices: Voices = ALONE, cautions: Sequence[str] = ()) -> str:
    """SubRip. The voice is part of the text where it changes: the format has no place for it.

    Nor has it one for ``cautions``, which are left out: a player would show them as speech.
    """
    blocks = []
    for number, cue in enumerate(cues(utterances, voices, labelled=True), start=1):
        lines = [line.replace("-->", "->") for line in cue.lines]
        times = f"{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}"
        blocks.append("\n".join([str(number), times, *lines, ""]))
    return "\n".join(blocks)


def vtt(utterances: Sequence[Spoken], voices: Voices = ALONE, cautions: Sequence[str] = ()) -> str:
    """WebVTT, with voice spans. Source: W3C WebVTT, sections 4.1 to 4.2.2.

    ``cautions`` are comments: what whoever reads the text should know of it.
    """
    notes = (" ".join(each.split()).replace("-->", "->") for each in cautions)
    blocks = ["WEBVTT\n", *(f"NOTE {note}\n" for note in notes)]
    for cue in cues(utterances, voices):
        text = escape("\n".join(cue.lines), quote=False)
        voice = f"<v {escape(cue.voice, quote=False)}>" if cue.voice else ""
        blocks.append(f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def txt(utterances: Sequence[Spoken], voices: Voices = ALONE, cautions: Sequence[str] = ()) -> str:
    """Paragraphs as the page shows them, the voice before each where there are several.

    ``cautions`` stand before them, each in brackets.
    """
    several = any(speakers(utterances, voices))
    paragraphs = [f"[Note: {' '.join(each.split())}]\n" for each in cautions]
    for paragraph in reading.paragraphs(utterances, voices=voices):
        text = joined_texts([each.text for each in paragraph.utterances])
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
