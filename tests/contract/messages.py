"""Every server message of the sockets in docs/contract.md, and its shape."""

from __future__ import annotations

import re
from typing import Any

from deepgram.agent.v1.socket_client import V1SocketClientResponse as AgentV1Messages
from deepgram.listen.v1.socket_client import V1SocketClientResponse as ListenV1Messages
from deepgram.listen.v2.socket_client import V2SocketClientResponse as ListenV2Messages
from deepgram.speak.v1.socket_client import V1SocketClientResponse as SpeakV1Messages
from deepgram.speak.v2.socket_client import V2SocketClientResponse as SpeakV2Messages

from tests.contract import shapes
from tests.contract.rest import ENTITY, MODEL_INFO, SEARCH
from tests.contract.sdk import constructed_type, message_types, unknown
from tests.contract.shapes import TIME, UUID, Map, Maybe

SPEECH_ID = re.compile(r"dg_sp_[0-9a-f]{12}")
_WORD = {
    "word": str,
    "start": float,
    "end": float,
    "confidence": float,
    "punctuated_word?": str,
    "speaker?": int,
    "language?": str,
}
_ALTERNATIVE = {
    "transcript": str,
    "confidence": float,
    "words": [_WORD],
    "languages?": [str],
    "languages_hinted?": [str],
}
_CODED = {"code": str, "description": str}
_NUMBERED = {"request_id": UUID, "sequence_id": int}
_LISTEN_V1 = {
    "Results": {
        "channel_index": [int],
        "duration": float,
        "start": float,
        "is_final": bool,
        "speech_final": bool,
        "channel": {"alternatives": [_ALTERNATIVE], "search?": [SEARCH]},
        "metadata": {
            "request_id": UUID,
            "model_info": MODEL_INFO,
            "model_uuid": UUID,
            "diarize_info?": {"model_uuid": UUID, "arch": frozenset({"v1"})},
        },
        "from_finalize": bool,
        "entities?": [ENTITY],
    },
    "Metadata": {
        "transaction_key": frozenset({"deprecated"}),
        "request_id": UUID,
        "sha256": frozenset({"incomplete"}),
        "created": TIME,
        "duration": float,
        "channels": int,
        "models?": [UUID],
        "model_info?": Map(MODEL_INFO),
    },
    "SpeechStarted": {"channel": [int], "timestamp": float},
    "UtteranceEnd": {"channel": [int], "last_word_end": float},
    "Error": {"variant": str, "description": str},
    "ConfigureSuccess": {"request_id": UUID, "keyterms?": [str]},
    "ConfigureFailure": {"request_id": UUID, **_CODED},
}
_LISTEN_V2 = {
    "Connected": _NUMBERED,
    "TurnInfo": {
        **_NUMBERED,
        "event": frozenset({"Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"}),
        "turn_index": int,
        "audio_window_start": float,
        "audio_window_end": float,
        "transcript": str,
        "words": [{"word": str, "confidence": float, "start?": float, "end?": float}],
        "end_of_turn_confidence": float,
        "trigger?": frozenset({"model", "manual", "timeout"}),
        "languages?": [str],
        "languages_hinted?": [str],
    },
    "ConfigureSuccess": {
        **_NUMBERED,
        "thresholds": Map(Maybe(float)),
        "keyterms": [str],
        "language_hints?": [str],
        "numerals?": bool,
    },
    "ConfigureFailure": {**_NUMBERED, **_CODED},
    "Warning": {**_NUMBERED, **_CODED},
    "Error": {"sequence_id": int, **_CODED},
}
_SPEAK_V1 = {
    "Metadata": {
        "request_id": UUID,
        "model_name": str,
        "model_version": str,
        "model_uuid": UUID,
        "additional_model_uuids?": [UUID],
    },
    "Flushed": {"sequence_id": int},
    "Cleared": {"sequence_id": int},
    "Warning": _CODED,
}
_SPEECH = {
    "speech_id": SPEECH_ID,
    "audio_duration_ms": int,
    "input_character_count": int,
    "billable_character_count": int,
    "controls_applied": {
        "pronunciations_applied": int,
        "pronunciation_warnings": int,
        "breaks_applied": int,
    },
}
_SPEAK_V2 = {
    "Connected": {
        "request_id": UUID,
        "model_name": str,
        "model_version": str,
        "model_uuids": [UUID],
    },
    "SpeechStarted": {"speech_id": SPEECH_ID},
    "Flushed": {"speech_id": SPEECH_ID},
    "SpeechMetadata": _SPEECH,
    "SpeechInterrupted": {
        "speech_id": SPEECH_ID,
        "audio_played_ms": int,
        "text_spoken?": str,
        "text_remaining?": str,
        "metadata": _SPEECH,
    },
    "SessionMetadata": {
        "total_audio_duration_ms": int,
        "total_input_character_count": int,
        "total_billable_character_count": int,
    },
    "ConfigureSuccess": {"applied": {"speed?": float}},
    "ConfigureFailure": {**_CODED, "field?": str, "value?": object},
    "Warning": _CODED,
    "Error": _CODED,
}
_CALL = {"id": str, "name": str}
_REQUESTED = {**_CALL, "arguments": str, "client_side": bool, "thought_signature?": str}
_ROLE = frozenset({"user", "assistant"})
_AGENT_V1 = {
    "Welcome": {"request_id": UUID},
    "ConversationText": {
        "role": _ROLE,
        "content": str,
        "languages?": [str],
        "languages_hinted?": [str],
        "conversational_behavior?": frozenset(
            {"default", "backchannel", "presence_check", "filler"}
        ),
    },
    "AgentThinking": {"content": str},
    "FunctionCallRequest": {"functions": [_REQUESTED]},
    "FunctionCallResponse": {"name": str, "content": str, "id?": str},
    "FunctionCallCancelled": {"functions": [_CALL]},
    "AgentStartedSpeaking": {
        "total_latency": float,
        "tts_latency": float,
        "ttt_latency": float,
    },
    "LatencyReport": {
        "stt_latency?": float,
        "ttt_token_latency?": float,
        "ttt_text_latency?": float,
        "ttt_tool_latency?": float,
        "ttt_thinking_latency?": float,
        "tts_latency?": float,
        "total_latency?": float,
    },
    "InjectionRefused": {"message": str},
    "FrustrationDetected": {"count": int, "escalated": bool},
    "History": {
        "role?": _ROLE,
        "content?": str,
        "function_calls?": [{**_REQUESTED, "response": str}],
    },
    "__customFromThinkProvider": {"content": object},
    "Warning": _CODED,
    "Error": _CODED,
    "SettingsApplied": {},
    "UserStartedSpeaking": {},
    "AgentAudioDone": {},
    "PromptUpdated": {},
    "SpeakUpdated": {},
    "ThinkUpdated": {},
    "ListenUpdated": {},
    "ThinkLiveUpdated": {},
}
# By path: the union that the SDK parses messages into, and the shape of each type.
SOCKETS: dict[str, tuple[Any, dict[str, Any]]] = {
    "/v1/listen": (ListenV1Messages, _LISTEN_V1),
    "/v2/listen": (ListenV2Messages, _LISTEN_V2),
    "/v1/speak": (SpeakV1Messages, _SPEAK_V1),
    "/v2/speak": (SpeakV2Messages, _SPEAK_V2),
    "/v1/agent/converse": (AgentV1Messages, _AGENT_V1),
}
# What the types of the SDK do not have: path, type of the message, place.
EXCEPTIONS = {
    ("/v1/listen", "Results", "channel.search"),  # docs/contract.md, 9.3
    ("/v1/listen", "Metadata", "models"),  # docs/contract.md, 9.3
    ("/v1/listen", "Metadata", "model_info"),
    ("/v1/listen", "ConfigureFailure", "code"),  # CONFIGURE_INVALID_MESSAGE is ours
    ("/v2/speak", "SpeechInterrupted", "speech_id"),  # docs/contract.md, 12.3
}


def misfits(path: str, message: dict[str, Any]) -> list[str]:
    """Return the parts of a JSON message that depart from its shape or the SDK's type."""
    union, table = SOCKETS[path]
    kind = message["type"]
    models = message_types(union, kind)
    if kind not in table or not models:
        return [f"{kind} is not a message of {path}"]
    constructed = constructed_type(union, message)
    model = constructed if constructed in models else models[0]
    found = shapes.misfits(table[kind], message)
    found += [
        problem
        for problem in unknown(model, message)
        if (path, kind, problem.partition(":")[0]) not in EXCEPTIONS
    ]
    if constructed is not model:
        found.append(f"{kind} is parsed as {constructed.__name__}")
    return found
