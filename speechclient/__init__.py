"""A typed client of the Deepgram API: hosted, self-hosted or the engine in the box."""

from speechclient.accountclient import AccountClient
from speechclient.client import SpeechClient
from speechclient.errors import (
    BadRequest,
    Denied,
    InvalidOption,
    ServiceUnavailable,
    SpeechError,
    UnreadableResponse,
)
from speechclient.http import Timeouts
from speechclient.insights import Insights, LabelledSegment, SentimentSegment
from speechclient.listen import (
    Alternative,
    Channel,
    ListenResponse,
    Paragraph,
    Sentence,
    Utterance,
    Warning,
    read_listen_response,
)
from speechclient.models import Model, Models, Project
from speechclient.options import ListenOptions, ReadOptions, SpeakOptions
from speechclient.read import ReadResponse, read_read_response
from speechclient.speak import Speech, SpeechInfo
from speechclient.words import Word

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
