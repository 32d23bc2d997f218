"""Models and think models (docs/contract.md, 14.2 and 14.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import JsonResponse

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.inference.models import catalog
from engine.models import Project
from engine.speech.synthesis.voices import MODELS as VOICES
from engine.speech.synthesis.voices import catalogue
from engine.wire.errors import not_found
from engine.wire.options import flag, read_options
from engine.wire.schemas import FLAG, TEXT, TEXTS, UUID, array, listing, record

_STT = record(
    name=TEXT,
    canonical_name=TEXT,
    architecture=TEXT,
    languages=TEXTS,
    version=TEXT,
    uuid=UUID,
    batch=FLAG,
    streaming=FLAG,
    formatted_output=FLAG,
)
_TTS = record(
    name=TEXT,
    canonical_name=TEXT,
    architecture=TEXT,
    languages=TEXTS,
    version=TEXT,
    uuid=UUID,
    metadata=record(
        accent=TEXT, age=TEXT, color=TEXT, image=TEXT, sample=TEXT, tags=TEXTS, use_cases=TEXTS
    ),
)
_MODELS = record(stt=array(_STT), tts=array(_TTS))
_MODEL = {"oneOf": [_STT, _TTS]}


@dataclass(frozen=True)
class ModelFilters:
    include_outdated: bool = flag("Also old versions; this engine has one of each model.")


@operation(None, tag="Models", query=ModelFilters, answer=_MODELS)
def list_models(request: ApiRequest) -> JsonResponse:
    """List models

    Those of Deepgram's names that are answered here, and the local models behind them.
    """
    read_options(ModelFilters, request.query)
    stt = [model.as_json() for model in catalog().models.values()]
    return JsonResponse({"stt": stt, "tts": catalogue()})


@operation(None, tag="Models", answer=_MODEL)
def show_model(request: ApiRequest, model_id: str) -> JsonResponse:
    """Get a model"""
    return JsonResponse(_find(model_id))


@operation("project:read", tag="Models", query=ModelFilters, answer=_MODELS)
def list_project_models(request: ApiRequest, project: Project) -> JsonResponse:
    """List a project's models

    The same as for everyone: no model is private here.
    """
    response: JsonResponse = list_models(request)
    return response


@operation("project:read", tag="Models", answer=_MODEL)
def show_project_model(request: ApiRequest, project: Project, model_id: str) -> JsonResponse:
    """Get a project's model"""
    return JsonResponse(_find(model_id))


def find_model(key: str) -> dict[str, Any] | None:
    """The entry of the model with this uuid."""
    recognition = catalog().find_by_uuid(key)
    if recognition is not None:
        return recognition.as_json()
    for voice in VOICES.values():
        if voice.uuid == key.lower():
            return voice.as_json()
    return None


def _find(key: str) -> dict[str, Any]:
    model = find_model(key)
    if model is None:
        raise not_found("model")
    return model


@operation(
    "",
    tag="Agents",
    answer=listing("models", record(id=TEXT, name=TEXT, provider=TEXT)),
)
def list_think_models(request: ApiRequest) -> JsonResponse:
    """List the models an agent can think with

    The one of `INTELLIGENCE_URL`; none where no endpoint is set.
    """
    model = settings.ENVIRONMENT.intelligence_model if settings.ENVIRONMENT.intelligence_url else ""
    entry = {"id": model, "name": model, "provider": "open_ai"}
    return JsonResponse({"models": [entry] if model else []})
