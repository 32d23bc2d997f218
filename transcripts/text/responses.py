"""Utterances of a server's response as they are stored, in pieces of readable length."""

from collections.abc import Iterator, Sequence
from typing import Any

from speechclient import ListenResponse, Utterance, Word
from transcripts.text import reading
from transcripts.text.captions import best_break
from transcripts.text.tokens import joined

# Somebody who reads aloud makes no pause for minutes: a hit of a search that long says nothing,
# and PostgreSQL's text search rejects a text with more than 1 MB of words.
FULL_WORDS = 60
LONGEST_WORDS = 75
LONGEST_CHARACTERS = 20_000
# The server's own default for `utt_split`, for servers that send no utterances.
PAUSE_SECONDS = 0.8


def stretches(response: ListenResponse) -> Iterator[dict[str, Any]]:
    """The utterances of a response in order, as the fields of a stored utterance.

    Times are seconds from the start of the recording, ``words`` is a list of
    ``[text, start, end, confidence]``. Long ones are cut, where a sentence ends if one does;
    a response without utterances is cut at its pauses.
    """
    utterances = [each for each in response.utterances if each.words or each.transcript]
    for utterance in utterances or list(_cut(response)):
        if utterance.words:
            yield from _parts(utterance)
            continue
        for first in range(0, len(utterance.transcript), LONGEST_CHARACTERS):
            text = utterance.transcript[first : first + LONGEST_CHARACTERS]
            yield _fields(utterance, text, [])


def _parts(utterance: Utterance) -> Iterator[dict[str, Any]]:
    words = [_timed(word) for word in utterance.words]
    if len(words) <= LONGEST_WORDS and len(utterance.transcript) <= LONGEST_CHARACTERS:
        yield _fields(utterance, utterance.transcript, words)
        return
    laid = reading.words(utterance.transcript, words)
    first = 0
    while first < len(words):
        last = len(words)
        if last - first > LONGEST_WORDS:
            last = best_break(laid, first, first + FULL_WORDS)
        text = "".join(word.before + word.text for word in laid[first:last])
        part = words[first:last]
        yield _fields(utterance, text, part) | {
            "start": part[0][1],
            "end": max(part[0][1], part[-1][2]),
        }
        first = last


def _timed(word: Word) -> list[Any]:
    start, end = round(word.start, 3), round(word.end, 3)
    return [word.punctuated_word, start, end, round(word.confidence, 4)]


def _fields(utterance: Utterance, text: str, words: Sequence[Sequence[Any]]) -> dict[str, Any]:
    return {
        "channel": utterance.channel,
        "speaker": utterance.speaker,
        "start": utterance.start,
        "end": utterance.end,
        "confidence": utterance.confidence,
        "text": text.strip(),
        "words": words,
    }


def _cut(response: ListenResponse) -> Iterator[Utterance]:
    """Utterances out of words alone: a new one at a pause and at a change of speaker."""
    utterances = []
    for channel, track in enumerate(response.channels):
        run: list[Word] = []
        for word in track.alternatives[0].words:
            if not word.punctuated_word.strip():
                continue
            if run and (
                word.start - run[-1].end >= PAUSE_SECONDS or word.speaker != run[-1].speaker
            ):
                utterances.append(_utterance(run, channel))
                run = []
            run.append(word)
        if run:
            utterances.append(_utterance(run, channel))
        elif text := track.alternatives[0].transcript.strip():
            # Text without the times of its words: it lasts as long as the recording.
            utterances.append(
                Utterance(
                    id="",
                    start=0.0,
                    end=response.duration,
                    confidence=track.alternatives[0].confidence,
                    channel=channel,
                    transcript=text,
                    words=(),
                )
            )
    yield from sorted(utterances, key=lambda utterance: utterance.start)


def _utterance(words: list[Word], channel: int) -> Utterance:
    return Utterance(
        id="",
        start=words[0].start,
        end=max(words[0].start, words[-1].end),
        confidence=sum(word.confidence for word in words) / len(words),
        channel=channel,
        transcript=joined([word.punctuated_word for word in words]),
        words=tuple(words),
        speaker=words[0].speaker,
    )
