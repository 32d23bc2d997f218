"""A typed client of the Deepgram API: hosted, self-hosted or the engine in the box."""

from .accountclient import AccountClient
from .client import SpeechClient
from .errors import BadRequest, Denied, InvalidOption, ServiceUnavailable, SpeechError
from .http import Timeouts
from .listen import ListenResponse, Paragraph, Utterance, Word, read_listen_response
from .models import Model, Models, Project
from .options import ListenOptions, ReadOptions, SpeakOptions
from .read import ReadResponse, read_read_response
from .speak import Speech, SpeechInfo

__all__ = [
    "AccountClient",
    "BadRequest",
    "Denied",
    "InvalidOption",
    "ListenOptions",
    "ListenResponse",
    "Model",
    "Models",
    "Paragraph",
    "Project",
    "ReadOptions",
    "ReadResponse",
    "ServiceUnavailable",
    "SpeakOptions",
    "Speech",
    "SpeechClient",
    "SpeechError",
    "SpeechInfo",
    "Timeouts",
    "Utterance",
    "Word",
    "read_listen_response",
    "read_read_response",
]
