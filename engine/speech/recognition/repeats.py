"""Words that a model wrote and nobody had the time to say."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from engine.speech.recognition.transcript import Word

# Seconds a letter of the fastest intelligible speech, about 28 letters a second.
_LETTER = 0.035
# What one character counts for, in letters: a digit is a word, an ideograph a syllable.
_DIGIT, _IDEOGRAPH = 4, 3
_LONGEST_WORD = 1.0  # seconds; what a word lasts longer is a pause
_TIMING_ERROR = 0.15  # seconds, of the place where one phrase ends and the next begins
# One phrase said twice does not last three times as long the other time. Of shorter phrases the
# times are too unsure.
_UNEVEN = 3.0
_UNEVEN_SECONDS = 0.3
_LONGEST_PHRASE = 30  # words

Voice = Callable[[Word], float]


def seconds_to_say(words: Sequence[Word]) -> float:
    """The least time in which ``words`` can be said."""
    return _LETTER * sum(_letters(word.text) for word in words)


def plain(word: Word) -> str:
    """The word without case and punctuation, for comparing."""
    return "".join(filter(str.isalnum, word.text.casefold()))


def without_repeats(
    words: Sequence[Word], before: Sequence[Word] = (), voice: Voice | None = None
) -> list[Word]:
    """Return ``words`` without the copies of phrases that there was no time to say.

    Of two equal phrases in a row, one is a copy when both together, or the shorter one, have
    less time than the phrase needs; the one with less time is left out. ``before`` are the words
    before the first, of an earlier window or result, which stay as they are. ``voice`` gives the
    seconds of voice in a word; without it, they are its length. Times are compared, not changed,
    so ``before`` and ``words`` have one clock.
    """
    measure = voice or (lambda word: word.end - word.start)
    known = list(before[-_LONGEST_PHRASE:])
    kept = [*known, *words]
    place = max(len(known), 1)
    while place < len(kept):
        cut = _copy_at(kept, place, len(known), measure)
        if cut is None:
            place += 1
        else:
            del kept[cut]
            # A phrase that meets its copy before the cut may be whole only now.
            place = max(len(known), cut.start - _LONGEST_PHRASE, 1)
    return kept[len(known) :]


def _copy_at(words: Sequence[Word], place: int, fixed: int, measure: Voice) -> slice | None:
    """The copy to leave out of two equal phrases that meet at ``place``."""
    for length in range(min(place, len(words) - place, _LONGEST_PHRASE), 0, -1):
        first, second = words[place - length : place], words[place : place + length]
        if list(map(plain, first)) != list(map(plain, second)):
            continue
        times = [sum(min(measure(word), _LONGEST_WORD) for word in one) for one in (first, second)]
        if _is_said_twice(seconds_to_say(second), *times):
            continue
        if times[0] < times[1] and place - length >= fixed:
            return slice(place - length, place)
        return slice(place, place + length)
    return None


def _is_said_twice(needed: float, first: float, second: float) -> bool:
    shorter, longer = sorted((first, second))
    if first + second < 2 * needed or shorter < needed - _TIMING_ERROR:
        return False
    return needed < _UNEVEN_SECONDS or longer <= _UNEVEN * shorter


def _letters(text: str) -> int:
    return sum(_weight(character) for character in text)


def _weight(character: str) -> int:
    if character.isdigit():
        return _DIGIT
    if not character.isalnum():
        return 0
    return _IDEOGRAPH if unicodedata.category(character) == "Lo" and character >= "⺀" else 1
