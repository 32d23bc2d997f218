"""Speech models that a server offers, and the team's named choices among them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import models

from management.models.connections import Connection
from management.models.mirrored import Mirrored


class Purpose(models.TextChoices):
    """Named choices of a model, for people who do not know the models by name."""

    FAST = "fast", "Fast"
    ACCURATE = "accurate", "Accurate"
    CONVERSATION = "conversation", "Conversation"


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
    purpose = models.CharField(
        max_length=12, choices=Purpose, blank=True, help_text="named choice that it was given"
    )

    class Meta:
        ordering = ["canonical_name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "uuid"], name="one_row_an_upstream_model")
        ]

    def __str__(self) -> str:
        return self.canonical_name

    @property
    def runs(self) -> list[str]:
        """Names of the local models that serve it, where the server is an engine."""
        listed = self.metadata.get("runs") if isinstance(self.metadata, dict) else None
        return [str(name) for name in listed] if isinstance(listed, list) else []

    @property
    def generation(self) -> int:
        """The number of a Nova architecture: 3 for ``nova-3``, 1 for ``nova``, 0 for others."""
        match = re.fullmatch(r"nova(?:-(\d{1,3}))?", self.architecture)
        return int(match[1] or 1) if match else 0


@dataclass(frozen=True)
class NamedChoice:
    """A named choice of a server: the model that it stands for."""

    purpose: Purpose
    model: Model

    @property
    def label(self) -> str:
        return str(self.purpose.label)

    @property
    def words(self) -> str:
        """The choice with what really runs: "Fast: nova-3-general, runs whisper-tiny.en"."""
        runs = f", runs {' and '.join(self.model.runs)}" if self.model.runs else ""
        return f"{self.label}: {self.model}{runs}"


# Variants for several speakers, the most fitting first.
CONVERSATIONS = ("conversationalai", "meeting", "phonecall")


def named_choices(listed: Iterable[Model], use: str = "batch") -> list[NamedChoice]:
    """Return the named choices among the listening models that one server lists.

    ``use`` is ``batch`` or ``streaming``: a choice that cannot do it is left out. A model that an
    administrator gave a name has it; the others follow from the whole list.
    """
    listed = list(listed)
    found = []
    for purpose in Purpose:
        model = model_of(purpose, listed)
        if model is not None and getattr(model, use):
            found.append(NamedChoice(purpose, model))
    return found


def model_of(purpose: Purpose, listed: Sequence[Model]) -> Model | None:
    """Return the model that was given this name; else the suggested one."""
    given = next((model for model in listed if model.purpose == purpose), None)
    return given or suggested(purpose, listed)


def suggested(purpose: Purpose, listed: Sequence[Model]) -> Model | None:
    """Return the model for a purpose where nobody has chosen one.

    Deepgram's newest Nova is its most accurate one, and the one before costs less time. Of an
    engine, every Nova is the same small model, and the local model of all languages is larger.
    """
    novas = sorted((model for model in listed if model.generation), key=lambda m: -m.generation)
    general = [model for model in novas if model.canonical_name.endswith("-general")]
    local = [model for model in listed if model.runs and model.runs == [model.canonical_name]]
    if purpose == Purpose.CONVERSATION:
        variants = {name: [m for m in novas if m.name == name] for name in CONVERSATIONS}
        return next((models[0] for models in variants.values() if models), None)
    if purpose == Purpose.ACCURATE and local:
        return max(local, key=lambda model: (len(model.languages), model.canonical_name))
    if purpose == Purpose.FAST and not local:
        general = general[1:] or general
    return general[0] if general else None
