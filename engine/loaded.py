"""The models in memory: each is loaded once for the process, when it is first needed."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from django.conf import settings

from engine.catalog import Catalog
from engine.speech import kokoro, voiceprints
from engine.speech.diarization import Diarizer
from engine.speech.endofturn import EndOfTurnModel
from engine.speech.errors import MissingWeights
from engine.speech.recognition import RecognitionSettings, Recognizer
from engine.speech.synthesis import Synthesizer
from engine.text import embeddings
from engine.text.endpoint import Endpoint
from engine.text.intelligence import Intelligence


def prepare() -> None:
    """Do before anybody is served what lets no other thread of the process go on.

    What is installed and not yet a graph is written down, a second each, once.
    """
    folder = settings.ENVIRONMENT.model_cache
    for graph in (voiceprints.segmentation, voiceprints.campplus, embeddings.minilm, kokoro.graphs):
        with suppress(MissingWeights):
            graph(folder)
    for loaded in (embeddings.tokenizer, end_of_turn):
        with suppress(MissingWeights):
            loaded()


@cache
def catalog() -> Catalog:
    environment = settings.ENVIRONMENT
    return Catalog(
        environment.english_model,
        environment.multilingual_model,
        allow_download=environment.allow_download,
        strict=environment.strict,
    )


@cache
def recognizer() -> Recognizer:
    environment = settings.ENVIRONMENT
    return Recognizer(
        RecognitionSettings(
            cache=environment.model_cache,
            english=environment.english_model,
            multilingual=environment.multilingual_model,
            allow_download=environment.allow_download,
            threads=environment.threads,
        )
    )


@cache
def diarizer() -> Diarizer:
    return Diarizer(settings.ENVIRONMENT.model_cache)


@cache
def intelligence() -> Intelligence:
    environment = settings.ENVIRONMENT
    endpoint = (
        Endpoint(
            environment.intelligence_url,
            environment.intelligence_model,
            environment.intelligence_key,
        )
        if environment.intelligence_url
        else None
    )
    return Intelligence(environment.model_cache, endpoint)


@cache
def synthesizer() -> Synthesizer:
    return Synthesizer(settings.ENVIRONMENT.model_cache)


@cache
def end_of_turn() -> EndOfTurnModel:
    return EndOfTurnModel()
