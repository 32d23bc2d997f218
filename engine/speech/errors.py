"""Errors of audio, recognition and synthesis, grouped by what the caller can do."""

from __future__ import annotations


class SpeechError(Exception):
    """The root of every error of this package."""


class AudioError(SpeechError):
    """The audio cannot be used as it is: send other audio. The message names the value."""


class EmptyAudio(AudioError):
    """Not one byte was sent."""


class NoAudio(AudioError):
    """A container that can be read, in which there is no sound."""


class UndescribedAudio(AudioError):
    """Raw samples, and the request leaves out what no container says."""


class UnsupportedAudio(AudioError):
    """Corrupt, or in no format that is read here."""


class AudioLimit(AudioError):
    """More channels, a higher rate, a greater length or more work than is allowed."""


class DecoderLost(SpeechError):
    """The decoding process was killed, by the system or a person: try again."""


class UnknownModel(SpeechError):
    """No such model, or not for this language."""


class NoSuchModel(UnknownModel):
    """A name that no model has."""


class Cancelled(SpeechError):
    """The caller no longer wants the result."""
