"""The models of the process: loaded when first needed, unloaded when idle."""

from __future__ import annotations

import gc
import logging
from contextlib import suppress
from functools import cache

from django.conf import settings

from engine.inference.catalog import Catalog
from engine.runtime.memory import release_memory
from engine.runtime.modelcache import MEMORY, ModelCache
from engine.speech.diarization.diarizer import Diarizer
from engine.speech.recognition.endofturn import EndOfTurnModel
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.synthesis.synthesizer import Synthesizer
from engine.speech.synthesis.voices import find_voice
from engine.text import embeddings
from engine.text.endpoint import Endpoint
from engine.text.intelligence import Intelligence
from engine.weights.converted import check_installed
from engine.weights.errors import MissingWeights

logger = logging.getLogger("engine")


def prepare() -> None:
    """Check the converted weights, and load what holds the GIL while it loads.

    Logs which weights are not installed. Raises ``MissingWeights`` when installed ones are not
    converted, or a converted file has changed.
    """
    MEMORY.limit = settings.ENVIRONMENT.memory_mib * 2**20
    if missing := check_installed():
        logger.warning("weights that are not installed: %s", ", ".join(missing))
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
            english=environment.english_model,
            multilingual=environment.multilingual_model,
            allow_download=environment.allow_download,
            threads=environment.threads,
        )
    )


def diarizer() -> Diarizer:
    return _diarizers.get("the diarizer")


def intelligence() -> Intelligence:
    return _intelligences.get("text intelligence")


@cache
def synthesizer() -> Synthesizer:
    environment = settings.ENVIRONMENT
    return Synthesizer(
        environment.model_cache, resident=[find_voice(name) for name in environment.warm_voices]
    )


@cache
def end_of_turn() -> EndOfTurnModel:
    return EndOfTurnModel()


def unload_idle(seconds: float) -> list[str]:
    """Unload what no request needed for ``seconds`` and give free memory back; return the names.

    The English recognizer, the end-of-turn model and the voices of ENGINE_WARM_VOICES stay.
    """
    unloaded = [
        *recognizer().unload_idle(seconds),
        *synthesizer().unload_idle(seconds),
        *_diarizers.unload_idle(seconds),
        *_intelligences.unload_idle(seconds),
    ]
    if unloaded:
        gc.collect(0)
    release_memory()  # also what requests have freed
    return unloaded


def _load_intelligence(name: str) -> Intelligence:
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
    return Intelligence(endpoint)


_diarizers: ModelCache[str, Diarizer] = ModelCache(lambda name: Diarizer())
_intelligences = ModelCache(_load_intelligence)
