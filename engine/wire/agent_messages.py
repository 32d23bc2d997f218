"""Messages of ``WS /v1/agent/converse`` (docs/contract.md, 13.2 to 13.4)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.wire.live_options import LEAST_EAGER, MOST_EAGER, RawRate
from engine.wire.options import Encoding
from engine.wire.reading import Trimmed
from engine.wire.shapes import UNSET, Message, Omittable, Shape, Uuid

Role = Literal["user", "assistant"]
Behavior = Literal["default", "backchannel", "presence_check", "filler"]
Name = Annotated[Trimmed, Meta(min_length=1, max_length=128)]
Address = Annotated[Trimmed, Meta(min_length=1, max_length=4_096)]
Headers = dict[str, Annotated[str, Meta(max_length=8_192)]]
ErrorCode = Literal[
    "INTERNAL_SERVER_ERROR",
    "CLIENT_MESSAGE_TIMEOUT",
    "UNPARSABLE_CLIENT_MESSAGE",
    "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS",
    "SETTINGS_ALREADY_APPLIED",
    "INVALID_SETTINGS",
    "FAILED_TO_START_LISTENING",
    "ASR_CONNECTION_CLOSED",
    "ASR_DRIVER_TIMEOUT",
    "USER_AUDIO_FORMAT",
    "FAILED_TO_SPEAK",
    "FAILED_TO_THINK",
    "SERVER_GOING_AWAY",
    "NON_EXISTENT_FUNCTION_CALLED",
    "INVALID_AGENT_ID",
    "MAXIMUM_SESSION_LENGTH_REACHED",
]
WarningCode = Literal[
    "INJECT_AGENT_MESSAGE_DURING_USER_SPEECH",
    "INJECT_AGENT_MESSAGE_DURING_AGENT_SPEECH",
    "PROMPT_TOO_LONG",
    "THINK_REQUEST_FAILED",
    "SPEAK_REQUEST_FAILED",
    "FUNCTION_CALL_FAILED",
    "SLOW_THINK_REQUEST",
    "SLOW_SPEAK_REQUEST",
    "FORCE_END_TURN_UNSUPPORTED",
    "GPT_4O_STREAM_END_ERROR",
    "MAXIMUM_SESSION_LENGTH_APPROACHING",
]


# Settings.


class Input(Shape):
    """Audio that the client sends."""

    encoding: Encoding = "linear16"
    sample_rate: RawRate = 24_000


class Output(Shape):
    """Audio that the engine sends; it is ``bitrate`` here, not ``bit_rate``."""

    encoding: Literal["linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac"] = "linear16"
    sample_rate: RawRate | None = None
    bitrate: Annotated[int, Meta(ge=1)] | None = None
    container: Literal["none", "wav", "ogg"] = "none"


class Audio(Shape):
    input: Input = Input()
    output: Output = Output()


class Flags(Shape):
    history: bool = True


class FunctionCall(Shape):
    """A function call of the conversation with its response."""

    id: str
    name: str
    client_side: bool
    arguments: str
    response: str
    thought_signature: Omittable[str] = UNSET


class History(Message):
    """A text that was heard, or function calls that have their responses."""

    role: Omittable[Role] = UNSET
    content: Omittable[str] = UNSET
    function_calls: Omittable[list[FunctionCall]] = UNSET


class Context(Shape):
    messages: Annotated[list[History], Meta(max_length=1_000)] = []


class ListenProvider(Shape):
    """Version 1 is Nova, version 2 is Flux; fields of the other version are rejected."""

    type: Literal["deepgram"] = "deepgram"
    version: Literal["v1", "v2"] | None = None
    model: Trimmed | None = None
    language: Trimmed | None = None
    keyterms: Annotated[list[Trimmed], Meta(max_length=500)] | None = None
    smart_format: bool | None = None
    language_hints: Annotated[list[Trimmed], Meta(max_length=50)] | None = None
    eot_threshold: Annotated[float, Meta(ge=0.5, le=1)] | None = None
    eager_eot_threshold: Annotated[float, Meta(ge=LEAST_EAGER, le=MOST_EAGER)] | None = None
    eot_timeout_ms: Annotated[int, Meta(ge=500, le=60_000)] | None = None

    @property
    def is_flux(self) -> bool:
        if self.version is not None:
            return self.version == "v2"
        return (self.model or "").startswith("flux")


class Listen(Shape):
    provider: ListenProvider = ListenProvider()


class Endpoint(Shape):
    url: Address
    headers: Headers = {}


class FunctionEndpoint(Shape):
    url: Address
    method: Annotated[Trimmed, Meta(max_length=16)] = "POST"
    headers: Headers = {}


class Function(Shape):
    """A function that the agent may call: by the engine with an endpoint, else by the client."""

    name: Annotated[Trimmed, Meta(min_length=1, max_length=64)]
    description: Annotated[str, Meta(max_length=10_000)] = ""
    parameters: dict[str, Any] = {}
    endpoint: FunctionEndpoint | None = None
    defer_until_eot: bool = False
    initial_agent_filler: bool | None = None
    agent_filler_max_count: Annotated[int, Meta(ge=0)] | None = None
    agent_filler_interval_ms: Annotated[int, Meta(ge=0)] | None = None


class ThinkProvider(Shape):
    type: Literal["open_ai", "anthropic", "google", "groq", "aws_bedrock", "deepgram"]
    model: Name
    version: Trimmed | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    reasoning_mode: Trimmed | None = None
    credentials: dict[str, Any] | None = None


class Think(Shape):
    """A language model; ``context_length`` is in characters."""

    provider: ThinkProvider
    endpoint: Endpoint | None = None
    functions: Annotated[list[Function], Meta(max_length=128)] = []
    prompt: str = ""
    context_length: Literal["max"] | Annotated[int, Meta(ge=2)] | None = None


class SpeakProvider(Shape):
    """A voice: the fields of every type."""

    type: Literal["deepgram", "eleven_labs", "cartesia", "open_ai", "aws_polly"] = "deepgram"
    version: Literal["v1", "v2"] | None = None
    model: Trimmed | None = None
    speed: float | None = None
    expressivity: float | None = None
    model_id: Trimmed | None = None
    language: Trimmed | None = None
    language_code: Trimmed | None = None
    voice: dict[str, Any] | Trimmed | None = None
    volume: Annotated[float, Meta(ge=0.5, le=2)] | None = None
    engine: Trimmed | None = None
    credentials: dict[str, Any] | None = None


class Speak(Shape):
    provider: SpeakProvider
    endpoint: Endpoint | None = None


class ThinkLiveProvider(Shape):
    type: Trimmed = "deepgram"
    version: Trimmed | None = None
    agent_backchannel_sensitivity: Annotated[float, Meta(ge=0, le=1)] | None = None
    presence_check_max_count: Annotated[int, Meta(ge=0, le=100)] | None = None
    presence_check_interval_ms: Annotated[int, Meta(ge=1_000, le=600_000)] | None = None
    frustration_max_count: Annotated[int, Meta(ge=0, le=100)] | None = None
    restricted_terms: Annotated[list[str], Meta(max_length=1_000)] | None = None


class ThinkLive(Shape):
    provider: ThinkLiveProvider = ThinkLiveProvider()


class Agent(Shape):
    """The ``agent`` block of Settings, as it is also stored (docs/contract.md, 14.8)."""

    language: Trimmed = "en"
    greeting: Annotated[str, Meta(max_length=10_000)] = ""
    context: Context = Context()
    listen: Listen = Listen()
    think: Think | Annotated[list[Think], Meta(max_length=10)] | None = None
    speak: Speak | Annotated[list[Speak], Meta(max_length=10)] | None = None
    think_live: ThinkLive | None = None


# Messages of the client.


class Settings(Message):
    """The configuration of the session: the first message, once."""

    audio: Audio
    agent: Agent | Annotated[Trimmed, Meta(max_length=100)]
    tags: Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(max_length=50)] = []
    experimental: bool = False
    mip_opt_out: bool = False
    flags: Flags = Flags()


class UpdateListen(Message):
    """Change the key terms, hints or thresholds; `language_hints` left out are cleared."""

    listen: Listen


class UpdateThink(Message):
    """Replace the language model, its prompt and its functions."""

    think: Think | Annotated[list[Think], Meta(max_length=10)]


class UpdateSpeak(Message):
    """Replace the voice."""

    speak: Speak | Annotated[list[Speak], Meta(max_length=10)]


class UpdatePrompt(Message):
    """Add to the prompt."""

    prompt: str


class InjectUserMessage(Message):
    """A turn of the user in writing."""

    content: Annotated[Trimmed, Meta(min_length=1, max_length=10_000)]


class InjectAgentMessage(Message):
    """A text for the agent to say; with `is_dynamic` the language model writes it."""

    message: Annotated[Trimmed, Meta(max_length=10_000)] = ""
    behavior: Literal["default", "queue", "interrupt"] = "default"
    is_dynamic: bool = False


class FunctionCallResponse(Message):
    """The result of a function call: by the client, or of a call that ran on the server."""

    id: Omittable[str] = UNSET
    name: str
    content: Annotated[str, Meta(max_length=200_000)]


class ForceEndTurn(Message):
    """End the turn of the user here (Flux only)."""


class KeepAlive(Message):
    """Nothing is to be said now; every 8 s in silence."""


class UpdateThinkLive(Message, tag="UpdateThink_Live"):
    """Replace `think_live`."""

    think_live: ThinkLive


class CustomToThinkProvider(Message, tag="__customToThinkProvider"):
    """Content for the language model's endpoint, sent with its next request."""

    content: Any


ClientMessage = (
    Settings
    | UpdateListen
    | UpdateThink
    | UpdateSpeak
    | UpdatePrompt
    | InjectUserMessage
    | InjectAgentMessage
    | FunctionCallResponse
    | ForceEndTurn
    | KeepAlive
    | UpdateThinkLive
    | CustomToThinkProvider
)


# Messages of the engine.


class Welcome(Message):
    """The first message of a session."""

    request_id: Uuid


class SettingsApplied(Message):
    """Audio is listened to from here on."""


class ConversationText(Message):
    """A turn of the user, or a sentence that the agent says."""

    role: Role
    content: str
    conversational_behavior: Behavior = "default"
    languages_hinted: Omittable[list[str]] = UNSET


class UserStartedSpeaking(Message):
    """The user speaks: the client drops the audio that it has not played."""


class AgentThinking(Message):
    """Reasoning of the language model."""

    content: str


class RequestedCall(Shape):
    """A function to call; `arguments` is a JSON string."""

    id: str
    name: str
    arguments: str
    client_side: bool
    thought_signature: Omittable[str] = UNSET


class FunctionCallRequest(Message):
    """Calls for the client to make, or, with `client_side: false`, for information."""

    functions: list[RequestedCall]


class CancelledCall(Shape):
    id: str
    name: str


class FunctionCallCancelled(Message):
    """The user continued to speak: these calls need no response."""

    functions: list[CancelledCall]


class AgentStartedSpeaking(Message):
    """The first audio of a turn, in seconds; only with `experimental`."""

    total_latency: float
    tts_latency: float
    ttt_latency: float


class LatencyReport(Message):
    """Times of a turn, in seconds."""

    stt_latency: Omittable[float] = UNSET
    ttt_token_latency: Omittable[float] = UNSET
    ttt_text_latency: Omittable[float] = UNSET
    ttt_tool_latency: Omittable[float] = UNSET
    ttt_thinking_latency: Omittable[float] = UNSET
    tts_latency: Omittable[float] = UNSET
    total_latency: Omittable[float] = UNSET


class AgentAudioDone(Message):
    """All audio of a turn was sent."""


class PromptUpdated(Message):
    """An `UpdatePrompt` was applied."""


class SpeakUpdated(Message):
    """An `UpdateSpeak` was applied."""


class ThinkUpdated(Message):
    """An `UpdateThink` was applied."""


class ListenUpdated(Message):
    """An `UpdateListen` was applied."""


class ThinkLiveUpdated(Message):
    """An `UpdateThink_Live` was applied."""


class InjectionRefused(Message):
    """An `InjectAgentMessage` was not said."""

    message: str


class FrustrationDetected(Message):
    """The user sounds frustrated."""

    count: int
    escalated: bool


class CustomFromThinkProvider(Message, tag="__customFromThinkProvider"):
    """Content from the language model's endpoint."""

    content: Any


class Warning(Message):
    """Something was not done; the session continues."""

    code: WarningCode
    description: str


class Error(Message):
    """A message was not applied, or the reason of the close that follows."""

    code: ErrorCode
    description: str


ServerMessage = (
    Welcome
    | SettingsApplied
    | ConversationText
    | UserStartedSpeaking
    | AgentThinking
    | FunctionCallRequest
    | FunctionCallResponse
    | FunctionCallCancelled
    | AgentStartedSpeaking
    | LatencyReport
    | AgentAudioDone
    | PromptUpdated
    | SpeakUpdated
    | ThinkUpdated
    | ListenUpdated
    | ThinkLiveUpdated
    | InjectionRefused
    | FrustrationDetected
    | History
    | CustomFromThinkProvider
    | Warning
    | Error
)
