"""Spoken clips: text, its voice and its sound."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from management.models import Charge, Project, User, Work

MAX_CHARACTERS = 20_000


class ClipQuerySet(models.QuerySet["Clip"]):
    def visible_to(self, user: User) -> "ClipQuerySet":
        """Clips of the projects that this user is in."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def writable_by(self, user: User) -> "ClipQuerySet":
        """Clips that this user may delete, and make files of."""
        return self.filter(project__in=Project.objects.writable_by(user))


class Clip(models.Model):
    """Text that was spoken, kept with its sound as a WAV file of one channel."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="clips")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="clips"
    )
    text = models.TextField()
    model = models.CharField(max_length=200, help_text="canonical name of the voice")
    speed = models.FloatField(null=True, help_text="1 is normal; empty is the voice's own")
    file = models.FileField(max_length=200)
    size_bytes = models.BigIntegerField()
    duration = models.FloatField(help_text="seconds")
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def amount(self) -> Work:
        """Amount that speaking its text is charged for."""
        return Work(Charge.SPEAK, self.model, characters=len(self.text))

    @property
    def title(self) -> str:
        """Return the first words of the text."""
        words = " ".join(self.text.split())
        return words if len(words) <= 60 else f"{words[:60].rsplit(' ', 1)[0]}…"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        name, storage = str(self.file), self.file.storage
        done = super().delete(*args, **kwargs)
        storage.delete(name)
        return done
