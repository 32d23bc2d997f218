"""``WS /v1/agent/converse``: a conversation with a voice agent. Source: docs/contract.md, 13."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from speechclient.errors import BadRequest, Denied, ServiceUnavailable, SpeechError
from speechclient.fields import Fields
from speechclient.records import Record
from speechclient.streams.live_speak import Audio
from speechclient.streams.session import (
    NO_STATUS,
    Event,
    StreamError,
    StreamSession,
    StreamWarning,
    message,
)

# A server ends a session without a message for 10 s or more: docs/contract.md, 13.5.
KEEP_ALIVE_SECONDS = 5.0
BEHAVIORS = ("default", "queue", "interrupt")
# Codes of errors that the client's own messages cause; docs/contract.md, 13.5.
INPUT_CODES = frozenset(
    {
        "UNPARSABLE_CLIENT_MESSAGE",
        "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS",
        "SETTINGS_ALREADY_APPLIED",
        "INVALID_SETTINGS",
        "USER_AUDIO_FORMAT",
        "NON_EXISTENT_FUNCTION_CALLED",
    }
)
DENIED_CODES = frozenset({"AGENT_ID_NOT_SUPPORTED", "INVALID_AGENT_ID"})


@dataclass(frozen=True, slots=True)
class Other(Event):
    """A message of a type that is not known here."""

    kind: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {"kind": fields.line("type", limit=100)}


@dataclass(frozen=True, slots=True)
class Welcome(Event):
    """The first message: the server waits for Settings."""

    request_id: str


@dataclass(frozen=True, slots=True)
class SettingsApplied(Event):
    """The server listens from here on."""


@dataclass(frozen=True, slots=True)
class ConversationText(Event):
    """A turn of the user, or a sentence that the agent says."""

    role: str
    content: str
    conversational_behavior: str
    languages: tuple[str, ...]
    languages_hinted: tuple[str, ...]

    @property
    def is_user(self) -> bool:
        return self.role == "user"


@dataclass(frozen=True, slots=True)
class UserStartedSpeaking(Event):
    """The user speaks: audio that has not been played is to be dropped."""


@dataclass(frozen=True, slots=True)
class AgentThinking(Event):
    """Reasoning of the language model."""

    content: str


@dataclass(frozen=True, slots=True)
class RequestedCall(Record):
    """One call of a function; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str
    client_side: bool
    thought_signature: str | None


@dataclass(frozen=True, slots=True)
class FunctionCallRequest(Event):
    """Calls to respond to, or, without ``client_side``, for information."""

    functions: tuple[RequestedCall, ...]


@dataclass(frozen=True, slots=True)
class FunctionCallResponse(Event):
    """Result of a call that ran on the server."""

    id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class CancelledCall(Record):
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FunctionCallCancelled(Event):
    """The user continued to speak: these calls need no response."""

    functions: tuple[CancelledCall, ...]


@dataclass(frozen=True, slots=True)
class AgentStartedSpeaking(Event):
    """The first audio of a turn; latencies in seconds."""

    total_latency: float | None
    tts_latency: float | None
    ttt_latency: float | None


@dataclass(frozen=True, slots=True)
class LatencyReport(Event):
    """Latencies of a turn in seconds; a server may send several reports with one each."""

    stt_latency: float | None
    ttt_token_latency: float | None
    ttt_text_latency: float | None
    ttt_tool_latency: float | None
    ttt_thinking_latency: float | None
    tts_latency: float | None
    total_latency: float | None


@dataclass(frozen=True, slots=True)
class AgentAudioDone(Event):
    """All audio of a turn was sent; perhaps not all of it was played."""


@dataclass(frozen=True, slots=True)
class Updated(Event):
    """An Update message was applied; ``kind`` is PromptUpdated, SpeakUpdated and so on."""

    kind: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {"kind": fields.line("type", limit=100)}


@dataclass(frozen=True, slots=True)
class InjectionRefused(Event):
    """An InjectAgentMessage was not said; ``reason`` is the server's sentence."""

    reason: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {"reason": fields.line("message")}


@dataclass(frozen=True, slots=True)
class FrustrationDetected(Event):
    """The user sounds frustrated."""

    count: int
    escalated: bool


@dataclass(frozen=True, slots=True)
class PastCall(Record):
    """A function call of the conversation with its response."""

    id: str
    name: str
    client_side: bool
    arguments: str
    response: str


@dataclass(frozen=True, slots=True)
class History(Event):
    """A text that was heard, or function calls that have their responses."""

    role: str
    content: str
    function_calls: tuple[PastCall, ...]


@dataclass(frozen=True, slots=True)
class CustomFromThinkProvider(Event):
    """Content of the language model's endpoint, as it came."""

    content: object


class AgentSession(StreamSession):
    """Frames of ``/v1/agent/converse``. Methods that return text make a frame to be sent as text.

    A message of an unknown type is ``Other``: a record of every message needs it.
    """

    events: ClassVar[Mapping[str, type[Event]]] = {
        "Welcome": Welcome,
        "SettingsApplied": SettingsApplied,
        "ConversationText": ConversationText,
        "UserStartedSpeaking": UserStartedSpeaking,
        "AgentThinking": AgentThinking,
        "FunctionCallRequest": FunctionCallRequest,
        "FunctionCallResponse": FunctionCallResponse,
        "FunctionCallCancelled": FunctionCallCancelled,
        "AgentStartedSpeaking": AgentStartedSpeaking,
        "LatencyReport": LatencyReport,
        "AgentAudioDone": AgentAudioDone,
        "PromptUpdated": Updated,
        "SpeakUpdated": Updated,
        "ThinkUpdated": Updated,
        "ListenUpdated": Updated,
        "ThinkLiveUpdated": Updated,
        "InjectionRefused": InjectionRefused,
        "FrustrationDetected": FrustrationDetected,
        "History": History,
        "__customFromThinkProvider": CustomFromThinkProvider,
        "Warning": StreamWarning,
        "Error": StreamError,
    }
    unknown = Other

    def receive_binary(self, frame: bytes) -> Event | None:
        return Audio(raw=frame)

    def follow(self, event: Event) -> None:
        # Most errors do not end a conversation: one that was followed by others is not its end.
        if not isinstance(event, StreamError):
            self._error = None

    def settings(self, body: Mapping[str, Any]) -> str:
        """Everything about the session: the first message. ``body`` is Settings or its members."""
        return json.dumps({**body, "type": "Settings"})

    def update_listen(self, provider: Mapping[str, Any]) -> str:
        """Change what ``provider`` names; ``language_hints`` left out are cleared."""
        return message("UpdateListen", listen={"provider": dict(provider)})

    def update_think(self, think: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
        """Replace the language model, its prompt and its functions."""
        return message("UpdateThink", think=think)

    def update_speak(self, speak: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
        """Replace the voice."""
        return message("UpdateSpeak", speak=speak)

    def update_prompt(self, prompt: str) -> str:
        """Add to the prompt."""
        return message("UpdatePrompt", prompt=prompt)

    def update_think_live(self, think_live: Mapping[str, Any]) -> str:
        return message("UpdateThink_Live", think_live=dict(think_live))

    def inject_user(self, content: str) -> str:
        """A turn of the user in writing."""
        return message("InjectUserMessage", content=content)

    def inject_agent(self, text: str, behavior: str | None = None) -> str:
        """A text for the agent to say; ``behavior`` is one of ``BEHAVIORS``.

        Raises ``ValueError`` for another one.
        """
        if behavior not in (None, *BEHAVIORS):
            raise ValueError(f"behavior is {behavior!r}; it is one of {', '.join(BEHAVIORS)}")
        return message("InjectAgentMessage", message=text, behavior=behavior)

    def respond(self, call_id: str, name: str, content: str) -> str:
        """The result of a function call of the client."""
        return message("FunctionCallResponse", id=call_id, name=name, content=content)

    def force_end_turn(self) -> str:
        """End the turn of the user here (Flux only)."""
        return message("ForceEndTurn")

    def custom(self, content: Any) -> str:
        """Content for the language model's endpoint."""
        return json.dumps({"type": "__customToThinkProvider", "content": content})

    def closed(self, code: int | None, reason: str) -> SpeechError | None:
        """Return the error of the connection's end; None for a normal one.

        A fatal Error is the reason, whatever the close says.
        """
        if self._error is None:
            if code == NO_STATUS:
                return None  # the end of a conversation has no message: docs/contract.md, 13
            return super().closed(code, reason)
        name = self._error.code
        sentence = self._error.description or name or "the server ended the session"
        kind = Denied if name in DENIED_CODES else ServiceUnavailable
        return (BadRequest if name in INPUT_CODES else kind)(
            sentence, request_id=self.request_id, status=code, code=name or None
        )
