"""Speech models that a server offers."""

from django.db import models

from management.models.connections import Connection
from management.models.mirrored import Mirrored


class Model(Mirrored):
    """A speech model that a connection offers, mirrored from ``GET /v1/models``."""

    class Kind(models.TextChoices):
        STT = "stt", "Speech to text"
        TTS = "tts", "Text to speech"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="speech_models")
    kind = models.CharField(max_length=3, choices=Kind)
    uuid = models.CharField(max_length=100)
    canonical_name = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    architecture = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=100, blank=True)
    languages = models.JSONField(default=list)
    batch = models.BooleanField(default=True)
    streaming = models.BooleanField(default=True)
    formatted_output = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, help_text="description of a voice")

    is_preferred = models.BooleanField(
        default=False, help_text="listed first where people choose a model"
    )

    class Meta:
        ordering = ["canonical_name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "uuid"], name="one_row_an_upstream_model")
        ]

    def __str__(self) -> str:
        return self.canonical_name
