"""Models and think models (docs/contract.md, 14.2 and 14.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from django.conf import settings

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.inference.catalog import RecognitionModel
from engine.inference.models import catalog
from engine.models import Project
from engine.speech.synthesis.voices import COLORS, VERSION, SpeechModel, public_models
from engine.speech.synthesis.voices import MODELS as VOICES
from engine.thinking.providers import offered_models
from engine.wire import account as shapes
from engine.wire.errors import not_found
from engine.wire.query import About, read_options

Model = shapes.RecognitionModel | shapes.Voice


@dataclass(frozen=True)
class ModelFilters:
    include_outdated: Annotated[
        bool, About("Also old versions; this engine has one of each model.")
    ] = False


@operation(None, tag="Models", query=ModelFilters)
def list_models(request: ApiRequest) -> shapes.Models:
    """List models

    Deepgram's names that this engine serves, and its local models.
    """
    read_options(ModelFilters, request.query)
    return shapes.Models(
        stt=[_recognition(model) for model in catalog().models.values()],
        tts=[_voice(model) for model in public_models()],
    )


@operation(None, tag="Models")
def show_model(request: ApiRequest, model_id: str) -> Model:
    """Get a model"""
    return _find(model_id)


@operation("project:read", tag="Models", query=ModelFilters)
def list_project_models(request: ApiRequest, project: Project) -> shapes.Models:
    """List a project's models

    The same as for everyone: no model is private here.
    """
    response: shapes.Models = list_models(request)
    return response


@operation("project:read", tag="Models")
def show_project_model(request: ApiRequest, project: Project, model_id: str) -> Model:
    """Get a project's model"""
    return _find(model_id)


def find_model(key: str) -> Model | None:
    """Return the entry of the model with this uuid."""
    recognition = catalog().find_by_uuid(key)
    if recognition is not None:
        return _recognition(recognition)
    for voice in VOICES.values():
        if voice.uuid == key.lower():
            return _voice(voice)
    return None


def _find(key: str) -> Model:
    model = find_model(key)
    if model is None:
        raise not_found("model")
    return model


def _recognition(model: RecognitionModel) -> shapes.RecognitionModel:
    return shapes.RecognitionModel(
        name=model.name,
        canonical_name=model.canonical_name,
        architecture=model.architecture,
        languages=list(model.languages),
        version=model.version,
        uuid=model.uuid,
        batch=True,
        streaming=model.is_streaming,
        formatted_output=True,
        runs=catalog().runs(model),
    )


def _voice(model: SpeechModel) -> shapes.Voice:
    voice = model.voice
    return shapes.Voice(
        name=model.name,
        canonical_name=model.canonical_name,
        architecture=model.architecture,
        languages=list(model.languages),
        version=VERSION,
        uuid=model.uuid,
        metadata=shapes.VoiceMetadata(
            accent=voice.accent,
            age="Adult",
            color=COLORS[voice.sex],
            image="",
            sample="",
            tags=[voice.sex, *model.tags, f"voice:{voice.name}"],
            use_cases=["Voice agents", "IVR", "Reading aloud"],
        ),
    )


@operation("", tag="Agents")
def list_think_models(request: ApiRequest) -> shapes.ThinkModels:
    """List the models an agent can think with

    The one of `INTELLIGENCE_URL`, if it is set, and the librarian, which only searches the
    transcripts of the caller. Settings can name an endpoint with any other model.
    """
    return shapes.ThinkModels(models=offered_models(settings.ENVIRONMENT))
