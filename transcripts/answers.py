"""What is stored of a server's answer: its utterances, none longer than a database can index."""

from collections.abc import Iterator
from typing import Any

from speechclient import ListenResponse, Utterance, Word

# PostgreSQL's text search refuses a text with more than 1 MB of words; nobody reads one either.
MAX_WORDS = 400
MAX_CHARACTERS = 20_000
# The server's own default for `utt_split`, for servers that send no utterances.
PAUSE_SECONDS = 0.8


def stretches(response: ListenResponse) -> Iterator[dict[str, Any]]:
    """The utterances of an answer in order, as the fields of a stored utterance.

    Times are seconds from the start of the recording, ``words`` is a list of
    ``[text, start, end, confidence]``. An answer without utterances is cut at its pauses.
    """
    for utterance in response.utterances or list(_cut(response)):
        if len(utterance.words) <= MAX_WORDS and len(utterance.transcript) <= MAX_CHARACTERS:
            yield _fields(utterance, utterance.transcript, utterance.words)
        elif utterance.words:
            for first in range(0, len(utterance.words), MAX_WORDS):
                part = utterance.words[first : first + MAX_WORDS]
                yield _fields(utterance, " ".join(word.punctuated_word for word in part), part)
        else:
            for first in range(0, len(utterance.transcript), MAX_CHARACTERS):
                text = utterance.transcript[first : first + MAX_CHARACTERS]
                yield _fields(utterance, text, ())


def _fields(utterance: Utterance, text: str, words: tuple[Word, ...]) -> dict[str, Any]:
    start, end = utterance.start, utterance.end
    if words and len(words) < len(utterance.words):
        start = words[0].start
        end = max(start, words[-1].end)
    return {
        "channel": utterance.channel,
        "speaker": utterance.speaker,
        "start": start,
        "end": end,
        "confidence": utterance.confidence,
        "text": text.strip(),
        "words": [
            [
                word.punctuated_word,
                round(word.start, 3),
                round(word.end, 3),
                round(word.confidence, 4),
            ]
            for word in words
        ],
    }


def _cut(response: ListenResponse) -> Iterator[Utterance]:
    """Utterances out of words alone: a new one at a pause and at a change of speaker."""
    found = []
    for channel, track in enumerate(response.channels):
        run: list[Word] = []
        for word in track.alternatives[0].words:
            if run and (
                word.start - run[-1].end >= PAUSE_SECONDS or word.speaker != run[-1].speaker
            ):
                found.append(_utterance(run, channel))
                run = []
            run.append(word)
        if run:
            found.append(_utterance(run, channel))
    yield from sorted(found, key=lambda utterance: utterance.start)


def _utterance(words: list[Word], channel: int) -> Utterance:
    return Utterance(
        id="",
        start=words[0].start,
        end=max(words[0].start, words[-1].end),
        confidence=sum(word.confidence for word in words) / len(words),
        channel=channel,
        transcript=" ".join(word.punctuated_word for word in words),
        words=tuple(words),
        speaker=words[0].speaker,
    )
