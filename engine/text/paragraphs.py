"""Words grouped for reading: sentences, paragraphs, utterances (docs/contract.md, 5.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import getrandbits
from uuid import UUID

from engine.text.words import Word, joined, transcript

# A new paragraph starts at a pause, sooner the longer the paragraph already is.
PARAGRAPH_PAUSES_SECONDS = ((150, 0.0), (80, 0.4), (15, 1.5), (1, 3.0))

# A recogniser that writes no full stops must not make one sentence of an hour.
LONGEST_SENTENCE_WORDS = 80

ABBREVIATIONS = frozenset(
    """mr. mrs. ms. dr. prof. st. jr. sr. vs. etc. e.g. i.e. no. inc. ltd. co. corp. gen. col.
    lt. sgt. capt. rev. hon. gov. sen. rep. approx. dept. est. fig. mt. ave. blvd.""".split()
)
_CLOSING = "\"'”\u2019)]"


@dataclass(frozen=True)
class Sentence:
    """``words[start_word:end_word + 1]`` of the transcript; times in seconds."""

    text: str
    start: float
    end: float
    start_word: int
    end_word: int


@dataclass(frozen=True)
class Paragraph:
    sentences: tuple[Sentence, ...]
    speaker: int | None
    num_words: int
    start: float
    end: float

    @property
    def text(self) -> str:
        return joined(sentence.text for sentence in self.sentences)


@dataclass(frozen=True)
class Utterance:
    """One speaker's stretch of speech between pauses; ``confidence`` is the words' mean."""

    id: str
    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: tuple[Word, ...]
    speaker: int | None


def sentences(words: Sequence[Word]) -> list[Sentence]:
    """Cut the words after full stops, question and exclamation marks, and at speaker changes."""
    sentences = []
    first = 0
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else None
        too_long = position - first + 1 >= LONGEST_SENTENCE_WORDS
        if following is None or too_long or _ends_sentence(word, following):
            sentences.append(_sentence(words, first, position))
            first = position + 1
    return sentences


def paragraphs(words: Sequence[Word]) -> list[Paragraph]:
    """Group the sentences by speaker and by pauses."""
    paragraphs: list[Paragraph] = []
    group: list[Sentence] = []
    for sentence in sentences(words):
        if group and _starts_paragraph(words, group, sentence):
            paragraphs.append(_paragraph(words, group))
            group = []
        group.append(sentence)
    if group:
        paragraphs.append(_paragraph(words, group))
    return paragraphs


def paragraphs_transcript(paragraphs: Sequence[Paragraph]) -> str:
    """Paragraphs as text: a newline first, a blank line between, ``Speaker N: `` if diarized."""
    texts = []
    for paragraph in paragraphs:
        speaker = "" if paragraph.speaker is None else f"Speaker {paragraph.speaker}: "
        texts.append(f"\n{speaker}{paragraph.text}")
    return "\n".join(texts)


def utterances(
    words: Sequence[Word], utt_split: float = 0.8, channel: int = 0, punctuated: bool = True
) -> list[Utterance]:
    """Cut the words at pauses of ``utt_split`` seconds or more and at speaker changes."""
    return [_utterance(part, channel, punctuated) for part in _between_pauses(words, utt_split)]


def _ends_sentence(word: Word, following: Word) -> bool:
    if word.speaker != following.speaker:
        return True
    written = word.punctuated_word.rstrip(_CLOSING)
    if not written.endswith((".", "?", "!", "…")):
        return False
    lower = written.lower()
    if lower in ABBREVIATIONS or (len(written) == 2 and written[0].isalpha() and written != "I."):
        return False
    # "a.m. on Friday", "3.5": a full stop inside a word ends a sentence only before a capital.
    inner_stop = "." in written[:-1].strip(".")
    return not (inner_stop and following.punctuated_word[:1].islower())


def _sentence(words: Sequence[Word], first: int, last: int) -> Sentence:
    text = transcript(words[first : last + 1], punctuated=True)
    return Sentence(text, words[first].start, words[last].end, first, last)


def _starts_paragraph(words: Sequence[Word], group: list[Sentence], sentence: Sentence) -> bool:
    last = words[group[-1].end_word]
    if last.speaker != words[sentence.start_word].speaker:
        return True
    length = group[-1].end_word - group[0].start_word + 1
    pause = sentence.start - last.end
    return any(length >= least and pause >= needed for least, needed in PARAGRAPH_PAUSES_SECONDS)


def _paragraph(words: Sequence[Word], group: list[Sentence]) -> Paragraph:
    first, last = group[0], group[-1]
    return Paragraph(
        sentences=tuple(group),
        speaker=words[first.start_word].speaker,
        num_words=last.end_word - first.start_word + 1,
        start=first.start,
        end=last.end,
    )


def _between_pauses(words: Sequence[Word], utt_split: float) -> Iterator[Sequence[Word]]:
    first = 0
    for position, (word, following) in enumerate(pairwise(words), start=1):
        if following.start - word.end >= utt_split or following.speaker != word.speaker:
            yield words[first:position]
            first = position
    if words:
        yield words[first:]


def _utterance(words: Sequence[Word], channel: int, punctuated: bool) -> Utterance:
    return Utterance(
        id=_random_id(),
        start=words[0].start,
        end=words[-1].end,
        confidence=sum(word.confidence for word in words) / len(words),
        channel=channel,
        transcript=transcript(words, punctuated),
        words=tuple(words),
        speaker=words[0].speaker,
    )


def _random_id() -> str:
    """``uuid4`` has the system make it and lets go of the interpreter for a moment each time.

    A thread that waits for its turn starts waiting anew at each of these moments, too short for
    it to get in: thousands of ids would keep the event loop out until the last of them is made.
    """
    return str(UUID(int=getrandbits(128), version=4))
