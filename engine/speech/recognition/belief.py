"""Words that a model wrote for no speech: its confidence beside the voice that was heard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from engine.speech.recognition.edges import UNBROKEN, Edges
from engine.speech.recognition.repeats import seconds_to_say
from engine.speech.recognition.transcript import Word, shortest_seconds

# A stretch of speech has at least one frame of which the detector is so sure; white noise and
# hum have some of 0.35 to 0.5 now and then.
VOICE_SURE = 0.6
# Seconds of voice that the detector may miss, and those of a short and of a brief stretch; the
# probability of faint voice; the confidence that faint or brief voice needs, and the one that
# short voice needs.
_UNHEARD, _SHORT, _BRIEF = 0.06, 0.5, 0.2
_FAINT, _SURE, UNSURE = 0.5, 0.5, 0.2
# Seconds of voice below which a sound may be a piece of a word, and the confidence that its words
# need where it breaks off, where it begins abruptly, and otherwise: half a word that breaks off
# reads as another one with up to 0.7.
PIECE = 0.35
_BROKEN_OFF, _BROKEN_IN, _GUESSED = 0.75, 0.45, 0.15


def is_said(
    words: Sequence[Word],
    voiced_seconds: float,
    voice: Sequence[float],
    *,
    is_doubtful: bool,
    least: float = UNSURE,
    enough: float = math.inf,
    edges: Edges = UNBROKEN,
) -> bool:
    """Return True when ``words``, at least one, are believed.

    ``voiced_seconds`` is the voice in the stretch that they are in, ``voice`` the probability in
    each voiced frame of their own; ``is_doubtful`` when the detector was never sure of the
    stretch. ``least`` is the mean confidence, 0 to 1, that words in half a second of voice need.
    ``enough`` seconds of voice count even where the detector is not sure of it. ``edges`` are
    those of the whole sound.

    Nobody says words in less time than they need; and the model writes words for noises, for the
    first 50 ms of a word and for a growl, of which it is not sure.
    """
    needed = seconds_to_say if voiced_seconds < _SHORT else shortest_seconds
    if needed(words) > voiced_seconds + _UNHEARD:
        return False
    if voiced_seconds >= enough:
        return True
    confidence = fmean(word.confidence for word in words)
    if voiced_seconds < PIECE and confidence < _needed(edges):
        return False
    if is_doubtful or voiced_seconds < _BRIEF or not voice or fmean(voice) < _FAINT:
        return confidence >= _SURE
    return voiced_seconds >= _SHORT or confidence >= least


def _needed(edges: Edges) -> float:
    """Return the confidence that words of a sound with such edges need."""
    if edges.ends_abruptly:
        return _BROKEN_OFF
    return _BROKEN_IN if edges.starts_abruptly else _GUESSED
