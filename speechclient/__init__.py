"""A typed client of the Deepgram API: hosted, self-hosted or the engine in the box."""

from .accountclient import AccountClient
from .client import SpeechClient
from .errors import (
    BadRequest,
    Denied,
    InvalidOption,
    ServiceUnavailable,
    SpeechError,
    UnreadableResponse,
)
from .http import Timeouts
from .insights import Insights, LabelledSegment, SentimentSegment
from .listen import (
    Alternative,
    Channel,
    ListenResponse,
    Paragraph,
    Sentence,
    Utterance,
    Warning,
    read_listen_response,
)
from .models import Model, Models, Project
from .options import ListenOptions, ReadOptions, SpeakOptions
from .read import ReadResponse, read_read_response
from .speak import Speech, SpeechInfo
from .words import Word

__all__ = [
    "AccountClient",
    "Alternative",
    "BadRequest",
    "Channel",
    "Denied",
    "Insights",
    "InvalidOption",
    "LabelledSegment",
    "ListenOptions",
    "ListenResponse",
    "Model",
    "Models",
    "Paragraph",
    "Project",
    "ReadOptions",
    "ReadResponse",
    "Sentence",
    "SentimentSegment",
    "ServiceUnavailable",
    "SpeakOptions",
    "Speech",
    "SpeechClient",
    "SpeechError",
    "SpeechInfo",
    "Timeouts",
    "UnreadableResponse",
    "Utterance",
    "Warning",
    "Word",
    "read_listen_response",
    "read_read_response",
]
