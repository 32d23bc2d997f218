"""Rules about the words of a user: a turn that has changed, speech while the agent speaks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from math import inf

# Sustained voice that may be an interruption: a click or a short cough is shorter.
SUSTAINED_SECONDS = 0.13
# Sound without words for this long is no speech, and the agent resumes.
WORDLESS_SECONDS = 2.5
# A backchannel is said while the other keeps the floor: near the end it is a response.
BACKCHANNEL_LEAST_REST_SECONDS = 1.0
_MOST_BACKCHANNEL_WORDS = 3
# "mm-hmm" and "uh-huh" are often recognised as one to three other words. They last less than 0.6 s,
# and fewer than one in twenty then has this mean confidence; words that last longer need less.
_BRIEF_SECONDS = 0.6
_CLEAR_BRIEF, _CLEAR = 0.65, 0.4
# "Stop", "wait" and "cancel" by themselves often have a confidence of 0.1 to 0.5, but no sound of
# a listener is recognised as one of them with more than this.
_CLEAR_OBJECTION = 0.05
# Fewer words, guessed before the sound has ended, are often others afterwards.
_LEAST_GUESSED_WORDS = 3
# Words that are heard again are an echo when so many of them were said in this order.
_ECHO_SHARE = 0.6
_LEAST_ECHO_WORDS = 2

_BACKCHANNELS = frozenset(
    {
        *("ah", "aha", "aye", "er", "erm", "ha", "haha", "hm", "hmm", "hmmm", "huh", "mhm", "mm"),
        *("mmhmm", "mmm", "oh", "ok", "okay", "ooh", "right", "sure", "uh", "uhhuh", "uhuh", "um"),
        *("wow", "yeah", "yep", "yes", "yup", "i", "see", "mmhm", "hmhm", "hum"),
        *("sí", "ja", "genau", "oui", "d'accord", "sì", "certo", "sim", "claro", "vale"),
    }
)

_OBJECTIONS = frozenset(
    {
        *("cancel", "excuse", "hang", "hello", "help", "hey", "hold", "listen", "moment", "no"),
        *("nope", "now", "pardon", "quiet", "sorry", "stop", "wait", "what", "why"),
    }
)
_OF_OBJECTIONS = frozenset(
    {"a", "be", "don't", "it", "me", "minute", "on", "one", "please", "second", "that"}
)


class Meaning(Enum):
    """Words of a user while the agent speaks."""

    NOTHING = "no words"
    BACKCHANNEL = "the user listens"
    UNCLEAR = "too few and too uncertain words"
    ECHO = "the agent's own words"
    INTERRUPTION = "the user wants to speak"


def meaning_of(
    text: str, spoken: str, confidence: float = 1.0, voice_seconds: float = inf
) -> Meaning:
    """Return what ``text`` of the user means while the agent says ``spoken``.

    ``confidence`` is the mean of the words, 0 to 1, and ``voice_seconds`` the length of the voice
    that they were recognised in.
    """
    words = _words(text)
    if not words:
        return Meaning.NOTHING
    if len(words) <= _MOST_BACKCHANNEL_WORDS and all(word in _BACKCHANNELS for word in words):
        return Meaning.BACKCHANNEL
    if len(words) <= _MOST_BACKCHANNEL_WORDS and confidence < _clear(words, voice_seconds):
        return Meaning.UNCLEAR
    if _is_echo(words, _words(spoken)):
        return Meaning.ECHO
    return Meaning.INTERRUPTION


def is_long(text: str) -> bool:
    """Return whether words that are a guess are so many that they are no misheard "mm-hmm"."""
    return len(_words(text)) >= _LEAST_GUESSED_WORDS


def is_same(text: str, other: str) -> bool:
    """Return whether two texts have the same words, whatever their case and punctuation."""
    return _words(text) == _words(other)


def _clear(words: Sequence[str], voice_seconds: float) -> float:
    """Return the least confidence of so few words that are no misheard backchannel."""
    is_objection = any(word in _OBJECTIONS for word in words)
    if is_objection and all(word in _OBJECTIONS | _OF_OBJECTIONS for word in words):
        return _CLEAR_OBJECTION
    return _CLEAR_BRIEF if voice_seconds < _BRIEF_SECONDS else _CLEAR


def _words(text: str) -> list[str]:
    # "mm-hmm" is one word, and "uh, huh" two: both are backchannels.
    return re.findall(r"[\w']+", text.lower().replace("-", ""))


def _is_echo(words: Sequence[str], spoken: Sequence[str]) -> bool:
    """Return whether most of ``words`` appear in ``spoken``, in the same order."""
    if len(words) < _LEAST_ECHO_WORDS:
        return False
    return _common(words, spoken) >= _ECHO_SHARE * len(words) and _shares_a_pair(words, spoken)


def _shares_a_pair(words: Sequence[str], spoken: Sequence[str]) -> bool:
    """Return whether two neighbours are the same: single common words prove nothing."""
    pairs = set(pairwise(spoken))
    return any(pair in pairs for pair in pairwise(words))


def _common(words: Sequence[str], spoken: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(spoken) + 1)
    for word in words:
        before = 0
        for place, other in enumerate(spoken, 1):
            above = row[place]
            row[place] = before + 1 if word == other else max(above, row[place - 1])
            before = above
    return row[-1]
