"""Every operation of docs/contract.md: its SDK method and the shape of its response."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.contract.sdk import response_type, unknown
from tests.contract.shapes import DAY, SHA256, TIME, UUID, Either, Map, Maybe, misfits

SPEECH = bytes  # a response of audio, unless there is a callback


@dataclass(frozen=True)
class Operation:
    sdk_method: str  # one of the methods that send it
    shape: Any


_INFO = {"model_uuid": UUID, "input_tokens": int, "output_tokens": int}
_INFOS = {
    "summary_info?": _INFO,
    "sentiment_info?": _INFO,
    "topics_info?": _INFO,
    "intents_info?": _INFO,
}
_MOOD = {"sentiment": frozenset({"positive", "neutral", "negative"}), "sentiment_score": float}
_STRETCH = {"text": str, "start_word": int, "end_word": int}


def _segments(name: str, label: str) -> dict[str, Any]:
    labelled = [{label: str, "confidence_score": float}]
    return {"segments": [{**_STRETCH, name: labelled}]}


_BLOCKS = {
    "topics?": _segments("topics", "topic"),
    "intents?": _segments("intents", "intent"),
    "sentiments?": {"segments": [{**_STRETCH, **_MOOD}], "average": _MOOD},
}
_SPAN = {"start": float, "end": float}
_WORD = {
    "word": str,
    **_SPAN,
    "confidence": float,
    "punctuated_word?": str,
    "speaker?": int,
    "speaker_confidence?": float,
    "language?": str,
}
ENTITY = {
    "label": str,
    "value": str,
    "raw_value": str,
    "confidence": float,
    "start_word": int,
    "end_word": int,
}
_PARAGRAPH = {
    "sentences": [{"text": str, **_SPAN}],
    "speaker?": int,
    "num_words": int,
    **_SPAN,
}
SEARCH = {"query": str, "hits": [{"confidence": float, **_SPAN, "snippet": str}]}
_ALTERNATIVE = {
    "transcript": str,
    "confidence": float,
    "words": [_WORD],
    "paragraphs?": {"transcript": str, "paragraphs": [_PARAGRAPH]},
    "entities?": [ENTITY],
    "languages?": [str],
    "languages_hinted?": [str],
}
_UTTERANCE = {
    **_SPAN,
    "confidence": float,
    "channel": int,
    "transcript": str,
    "words": [_WORD],
    "speaker?": int,
    "id": UUID,
    "languages?": [str],
}
MODEL_INFO = {"name": str, "version": str, "arch": str}
_LISTEN = {
    "metadata": {
        "transaction_key": frozenset({"deprecated"}),
        "request_id": UUID,
        "sha256": SHA256,
        "created": TIME,
        "duration": float,
        "channels": int,
        "models": [UUID],
        "model_info": Map(MODEL_INFO),
        "diarize_info?": {"model_uuid": UUID, "arch": frozenset({"v1", "v2"})},
        "warnings?": [{"parameter": str, "type": str, "message": str}],
        "tags?": [str],
        "extra?": Map(str),
        **_INFOS,
    },
    "results": {
        "channels": [
            {
                "alternatives": [_ALTERNATIVE],
                "search?": [SEARCH],
                "detected_language?": str,
                "language_confidence?": float,
            }
        ],
        "utterances?": [_UTTERANCE],
        "summary?": {"result": frozenset({"success", "failure"}), "short": str},
        **_BLOCKS,
    },
}
_ACCEPTED = {"request_id": UUID}
_READ = {
    "metadata": {"request_id": UUID, "created": TIME, "language": str, **_INFOS},
    "results": {"summary?": {"text": str}, **_BLOCKS},
}

_MESSAGE = {"message": str}
_PROJECT = {"project_id": str, "name": str}
_MODEL = {
    "name": str,
    "canonical_name": str,
    "architecture": str,
    "languages": [str],
    "version": str,
    "uuid": UUID,
}
_STT = {**_MODEL, "batch": bool, "streaming": bool, "formatted_output": bool, "runs?": [str]}
_TTS = {
    **_MODEL,
    "metadata": {
        "accent": str,
        "age": str,
        "color": str,
        "image": str,
        "sample": str,
        "tags": [str],
        "use_cases": [str],
    },
}
_MODELS = {"stt": [_STT], "tts": [_TTS]}
_MEMBER = {"member_id": UUID, "email": str}
_NAMED_MEMBER = {**_MEMBER, "first_name": Maybe(str), "last_name": Maybe(str)}
_KEY = {
    "api_key_id": UUID,
    "comment": str,
    "scopes": [str],
    "created": TIME,
    "tags?": [str],
    "expiration_date?": TIME,
}
_NEW_KEY = {
    "api_key_id": UUID,
    "key": str,
    "comment": str,
    "scopes": [str],
    "tags?": [str],
    "expiration_date?": TIME,
}
_REQUEST = {
    "request_id": UUID,
    "project_uuid": str,
    "created": TIME,
    "path": str,
    "api_key_id": UUID,
    "response": Map(object),
    "code": int,
    "deployment": str,
    "callback": str,
}
_REPORT = {"start": DAY, "end": DAY, "resolution": {"units": str, "amount": int}}
_USAGE = {
    **_REPORT,
    "results": [
        {
            "hours": float,
            "total_hours": float,
            "agent_hours": float,
            "tokens_in": int,
            "tokens_out": int,
            "tts_characters": int,
            "requests": int,
            "grouping": {
                "start": DAY,
                "end": DAY,
                "accessor": Maybe(str),
                "endpoint": Maybe(str),
                "feature_set": Maybe(str),
                "models": Maybe([str]),
                "method": Maybe(str),
                "tags": Maybe([str]),
                "deployment": Maybe(str),
            },
        }
    ],
}
_BILLING = {
    **_REPORT,
    "results": [
        {
            "dollars": float,
            "grouping": {
                "start": DAY,
                "end": DAY,
                "accessor": Maybe(str),
                "deployment": Maybe(str),
                "line_item": Maybe(str),
                "tags": Maybe([str]),
            },
        }
    ],
}
_USAGE_FIELDS = {
    "tags": [str],
    "models": [{"name": str, "language": str, "version": str, "model_id": UUID}],
    "processing_methods": [str],
    "features": [str],
}
_BILLING_FIELDS = {
    "accessors": [UUID],
    "deployments": [str],
    "tags": [str],
    "line_items": Map(str),
}
_BALANCE = {"balance_id": UUID, "amount": float, "units": str, "purchase_order_id": UUID}
_ORDER = {
    "order_id": UUID,
    "created": TIME,
    "amount": float,
    "units": str,
    "order_type": str,
    "expiration?": TIME,
}
_NEW_AGENT = {"agent_id": UUID, "config": Map(object), "metadata": Map(str)}
_AGENT = {**_NEW_AGENT, "created_at": TIME, "updated_at": TIME}
_VARIABLE = {
    "variable_id": UUID,
    "key": str,
    "value": object,
    "created_at": TIME,
    "updated_at": TIME,
}
_CREDENTIALS = {
    "member": _MEMBER,
    "distribution_credentials": {
        "distribution_credentials_id": UUID,
        "provider": str,
        "comment": str,
        "scopes": [str],
        "created": TIME,
    },
}

_P = "/v1/projects/{project_id}"
_MANAGE = "manage.v1.projects"
_STORED = "voice_agent.configurations"
_DISTRIBUTION = f"{_P}/self-hosted/distribution/credentials"
_HOSTED = "self_hosted.v1.distribution_credentials"
OPERATIONS = {
    "POST /v1/listen": Operation("listen.v1.media.transcribe_file", Either(_LISTEN, _ACCEPTED)),
    "POST /v1/read": Operation("read.v1.text.analyze", Either(_READ, _ACCEPTED)),
    "POST /v1/speak": Operation("speak.v1.audio.generate", SPEECH),
    "POST /v2/speak": Operation("speak.v2.audio.generate", SPEECH),
    "POST /v1/auth/grant": Operation(
        "auth.v1.tokens.grant", {"access_token": str, "expires_in": float}
    ),
    "GET /v1/agent/settings/think/models": Operation(
        "agent.v1.settings.think.models.list",
        {"models": [{"id": str, "name": str, "provider": str}]},
    ),
    "GET /v1/models": Operation("manage.v1.models.list", _MODELS),
    "GET /v1/models/{model_id}": Operation("manage.v1.models.get", Either(_STT, _TTS)),
    "GET /v1/projects": Operation(f"{_MANAGE}.list", {"projects": [_PROJECT]}),
    f"GET {_P}": Operation(f"{_MANAGE}.get", {**_PROJECT, "mip_opt_out": bool}),
    f"PATCH {_P}": Operation(f"{_MANAGE}.update", _MESSAGE),
    f"DELETE {_P}": Operation(f"{_MANAGE}.delete", _MESSAGE),
    f"DELETE {_P}/leave": Operation(f"{_MANAGE}.leave", _MESSAGE),
    f"GET {_P}/models": Operation(f"{_MANAGE}.models.list", _MODELS),
    f"GET {_P}/models/{{model_id}}": Operation(f"{_MANAGE}.models.get", Either(_STT, _TTS)),
    f"GET {_P}/keys": Operation(
        f"{_MANAGE}.keys.list", {"api_keys": [{"member": _MEMBER, "api_key": _KEY}]}
    ),
    f"POST {_P}/keys": Operation(f"{_MANAGE}.keys.create", _NEW_KEY),
    f"GET {_P}/keys/{{key_id}}": Operation(
        f"{_MANAGE}.keys.get",
        {
            "item": {"member": {**_NAMED_MEMBER, "api_key": _KEY}},
            "member": _MEMBER,
            "api_key": _KEY,
        },
    ),
    f"DELETE {_P}/keys/{{key_id}}": Operation(f"{_MANAGE}.keys.delete", _MESSAGE),
    f"GET {_P}/members": Operation(
        f"{_MANAGE}.members.list", {"members": [{**_NAMED_MEMBER, "scopes": [str]}]}
    ),
    f"DELETE {_P}/members/{{member_id}}": Operation(f"{_MANAGE}.members.delete", _MESSAGE),
    f"GET {_P}/members/{{member_id}}/scopes": Operation(
        f"{_MANAGE}.members.scopes.list", {"scopes": [str]}
    ),
    f"PUT {_P}/members/{{member_id}}/scopes": Operation(
        f"{_MANAGE}.members.scopes.update", _MESSAGE
    ),
    f"GET {_P}/invites": Operation(
        f"{_MANAGE}.members.invites.list", {"invites": [{"email": str, "scope": str}]}
    ),
    f"POST {_P}/invites": Operation(f"{_MANAGE}.members.invites.create", _MESSAGE),
    f"DELETE {_P}/invites/{{email}}": Operation(f"{_MANAGE}.members.invites.delete", _MESSAGE),
    f"GET {_P}/requests": Operation(
        f"{_MANAGE}.requests.list", {"page": int, "limit": int, "requests": [_REQUEST]}
    ),
    f"GET {_P}/requests/{{request_id}}": Operation(
        f"{_MANAGE}.requests.get", {"request": _REQUEST}
    ),
    f"GET {_P}/usage": Operation(f"{_MANAGE}.usage.get", _USAGE),
    f"GET {_P}/usage/fields": Operation(f"{_MANAGE}.usage.fields.list", _USAGE_FIELDS),
    f"GET {_P}/usage/breakdown": Operation(f"{_MANAGE}.usage.breakdown.get", _USAGE),
    f"GET {_P}/balances": Operation(f"{_MANAGE}.billing.balances.list", {"balances": [_BALANCE]}),
    f"GET {_P}/balances/{{balance_id}}": Operation(f"{_MANAGE}.billing.balances.get", _BALANCE),
    f"GET {_P}/purchases": Operation(f"{_MANAGE}.billing.purchases.list", {"orders": [_ORDER]}),
    f"GET {_P}/billing/breakdown": Operation(f"{_MANAGE}.billing.breakdown.list", _BILLING),
    f"GET {_P}/billing/fields": Operation(f"{_MANAGE}.billing.fields.list", _BILLING_FIELDS),
    f"GET {_P}/agents": Operation(f"{_STORED}.list", {"agents": [_AGENT]}),
    f"POST {_P}/agents": Operation(f"{_STORED}.create", _NEW_AGENT),
    f"GET {_P}/agents/{{agent_id}}": Operation(f"{_STORED}.get", _AGENT),
    f"PUT {_P}/agents/{{agent_id}}": Operation(f"{_STORED}.update", _AGENT),
    f"DELETE {_P}/agents/{{agent_id}}": Operation(f"{_STORED}.delete", {}),
    f"GET {_P}/agent-variables": Operation(
        "voice_agent.variables.list", {"variables": [_VARIABLE]}
    ),
    f"POST {_P}/agent-variables": Operation("voice_agent.variables.create", _VARIABLE),
    f"GET {_P}/agent-variables/{{variable_id}}": Operation("voice_agent.variables.get", _VARIABLE),
    f"PATCH {_P}/agent-variables/{{variable_id}}": Operation(
        "voice_agent.variables.update", _VARIABLE
    ),
    f"DELETE {_P}/agent-variables/{{variable_id}}": Operation("voice_agent.variables.delete", {}),
    f"GET {_DISTRIBUTION}": Operation(
        f"{_HOSTED}.list", {"distribution_credentials": [_CREDENTIALS]}
    ),
    f"POST {_DISTRIBUTION}": Operation(f"{_HOSTED}.create", _CREDENTIALS),
    f"GET {_DISTRIBUTION}/{{id}}": Operation(f"{_HOSTED}.get", _CREDENTIALS),
    f"DELETE {_DISTRIBUTION}/{{id}}": Operation(f"{_HOSTED}.delete", _CREDENTIALS),
}

# What the types of the SDK do not have: operation, place, reason.
EXCEPTIONS = (
    (
        "POST /v1/listen",
        r"metadata\.(extra|warnings)|.*\.words\[\]\.(punctuated_word|language)",
        "Documented by Deepgram: docs/contract.md, 5.3.",
    ),
    ("POST /v1/listen", r"metadata\.\w+_info\.model", "Ours: what did the work."),
    ("POST /v1/read", r"metadata\..*|results\.summary\.text", "docs/contract.md, choice 2."),
    ("GET .*/think/models", r"models\[\]\.id", "The operator's endpoint may have any model."),
    ("GET .*/keys/{key_id}", "member|api_key", "docs/contract.md, choice 3."),
    ("GET .*/keys", r"api_keys\[\]\.api_key\.(tags|expiration_date)", "As for a single key."),
    ("GET .*/usage", "results", "docs/contract.md, choice 26."),
    ("POST .*/agents", "created_at|updated_at", "As in the responses of GET."),
    ("GET (/v1|.*})/models.*", r"(stt\[\]\.)?runs", "docs/contract.md, 14.2."),
)


def departures(http_method: str, path: str, response: Any) -> list[str]:
    """Return the parts of a JSON response that depart from its shape or the SDK's type."""
    name = operation_name(http_method, path)
    operation = OPERATIONS[name]
    if operation.shape is SPEECH:
        return misfits(_ACCEPTED, response)
    unlike_sdk = [
        problem
        for problem in unknown(response_type(operation.sdk_method), response)
        if not _is_known(name, problem.partition(":")[0])
    ]
    return misfits(operation.shape, response) + unlike_sdk


def operation_name(http_method: str, path: str) -> str:
    """The entry of ``OPERATIONS`` for a request. Raises ``LookupError``."""
    for name in OPERATIONS:
        pattern = re.sub(r"{\w+}", "[^/]+", name)
        if re.fullmatch(pattern, f"{http_method} {path}"):
            return name
    raise LookupError(f"{http_method} {path} is not in docs/contract.md")


def _is_known(name: str, place: str) -> bool:
    return any(
        re.fullmatch(where, name) and re.fullmatch(pattern, place)
        for where, pattern, _ in EXCEPTIONS
    )
