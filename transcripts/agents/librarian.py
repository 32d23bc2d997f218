"""The built-in function ``search_library``: what was said in the recordings of a project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.urls import reverse

from management.models import Project, User
from transcripts.models import Recording, Speaker, Utterance
from transcripts.search import BadSearch, Hit, search
from transcripts.text.folding import fold

MOST_HITS = 5
MOST_NAMED = 20
# With a speaker, hits are filtered after the search.
MOST_LOOKED_AT = 50
MOST_WORDS = 8  # of a question, tried one by one when no recording has them all
MOST_CHARACTERS = 600  # of one hit


class BadArguments(ValueError):
    """The arguments of a call are not those that the function declares."""


def search_library(
    arguments: Mapping[str, Any], user: User, project: Project
) -> list[dict[str, Any]]:
    """Return the places where words were said, the best first.

    ``arguments`` has a ``query``, a ``speaker``, or both. A hit is an object with ``title``,
    ``speaker``, ``start`` in seconds, ``text`` and the ``url`` of the page at that time. Only
    recordings of ``project`` are searched, and only if ``user`` may see it: everybody in the
    project reads the conversation afterwards. Calls are left out: in an earlier one the same was
    asked. Raises ``BadArguments``.
    """
    query, speaker = read_arguments(arguments)
    if not query:
        return spoken_by(speaker, user, project)
    for attempt in attempts(query):
        try:
            results = search(
                user, attempt, project=project, order="relevance", limit=MOST_LOOKED_AT
            )
        except BadSearch as error:
            raise BadArguments(str(error)) from error
        named = [each for each in results.hits if not speaker or is_named(each, speaker)]
        hits = without_calls(named)
        if hits:
            return [shown(each) for each in hits[:MOST_HITS]]
    return []


def read_arguments(arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return the query and the speaker. Raises ``BadArguments``."""
    texts = []
    for name in ("query", "speaker"):
        value = arguments.get(name) or ""
        if not isinstance(value, str):
            raise BadArguments(f"{name} is {value!r:.40}; it is a text")
        texts.append(value.replace("\0", " ").strip())
    if not any(texts):
        raise BadArguments("query is missing: the words to look for")
    return texts[0], texts[1]


def attempts(query: str) -> Iterator[str]:
    """Yield searches from exact to broad: all words, their beginnings, the longest words alone."""
    yield query
    words = [word for word in query.replace('"', " ").split() if any(map(str.isalnum, word))]
    if len(words) > MOST_WORDS:
        words = sorted(words, key=len, reverse=True)[:MOST_WORDS]
    yield " ".join(f"{word.strip('*')}*" for word in words)
    if len(words) > 1:
        yield from sorted(words, key=len, reverse=True)


def without_calls(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits in recordings that are no call of an agent."""
    found = Recording.objects.filter(pk__in={each.recording for each in hits}, call=None)
    spoken = set(found.values_list("pk", flat=True))
    return [each for each in hits if each.recording in spoken]


def is_named(hit: Hit, speaker: str) -> bool:
    return hit.voice is not None and fold(speaker) in fold(hit.voice.name)


def shown(hit: Hit) -> dict[str, Any]:
    speaker = hit.voice.name if hit.voice else ""
    return _result(hit.title, speaker, hit.start, hit.text, hit.recording)


def spoken_by(speaker: str, user: User, project: Project) -> list[dict[str, Any]]:
    """Return the longest utterances of a named speaker in the newest recordings."""
    visible = Project.objects.visible_to(user).filter(pk=project.pk)
    named = Speaker.objects.filter(
        transcription__recording__project__in=visible,
        transcription__recording__call=None,
        name__icontains=speaker,
    ).select_related("transcription__recording")
    longest = [(each, longest_of(each)) for each in named.order_by("-transcription")[:MOST_NAMED]]
    said = [(each, utterance) for each, utterance in longest if utterance is not None]
    return [
        _result(
            each.transcription.recording.title,
            each.name,
            utterance.start,
            utterance.text,
            each.transcription.recording_id,
        )
        for each, utterance in said[:MOST_HITS]
    ]


def longest_of(speaker: Speaker) -> Utterance | None:
    """Return the longest of the first utterances of a speaker; None of a version that is old."""
    said = Utterance.objects.filter(
        transcription=speaker.transcription, channel=speaker.channel, searchable=True
    )
    if speaker.speaker is not None:
        said = said.filter(speaker=speaker.speaker)
    return max(said[:MOST_LOOKED_AT], key=lambda each: len(each.text), default=None)


def _result(title: str, speaker: str, start: float, text: str, recording: int) -> dict[str, Any]:
    url = f"{reverse('recording', args=[recording])}?t={start:.3f}"
    return {
        "title": title,
        "speaker": speaker,
        "start": round(start, 2),
        "text": text[:MOST_CHARACTERS],
        "url": url,
    }
