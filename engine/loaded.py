"""The models in memory: each is loaded once for the process, when it is first needed."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from engine.speech.recognition import RecognitionSettings, Recognizer


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
