"""A typed client of the Deepgram API: hosted, self-hosted or the engine in the box."""

from .client import SpeechClient
from .errors import BadRequest, Denied, InvalidOption, ServiceUnavailable, SpeechError
from .http import Timeouts
from .listen import (
    Alternative,
    Channel,
    ListenResponse,
    Paragraph,
    Sentence,
    Utterance,
    Word,
    read_listen_response,
)
from .models import Model, Models, Project
from .options import ListenOptions, ReadOptions, SpeakOptions

__all__ = [
    "Alternative",
    "BadRequest",
    "Channel",
    "Denied",
    "InvalidOption",
    "ListenOptions",
    "ListenResponse",
    "Model",
    "Models",
    "Paragraph",
    "Project",
    "ReadOptions",
    "Sentence",
    "ServiceUnavailable",
    "SpeakOptions",
    "SpeechClient",
    "SpeechError",
    "Timeouts",
    "Utterance",
    "Word",
    "read_listen_response",
]
