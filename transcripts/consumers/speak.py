"""Text that is spoken: sound to the page as it is made, and a clip when it is complete."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from management.models import Charge, OverBudget, Project, User, Work, budgets
from management.servers.crypto import UnreadableKey
from management.tagging import request_tags
from speechclient import SpeechError
from speechclient.formats import MAX_TEXT
from transcripts.clips.files import keep_clip, stage_sound
from transcripts.clips.forms import SpeechForm
from transcripts.clips.pieces import pieces
from transcripts.clips.soundfile import WavWriter
from transcripts.clips.speaking import SAMPLE_RATE, SPEAK, Server, speaking
from transcripts.clips.voices import sample_of
from transcripts.consumers.sockets import Code, PageSocket
from transcripts.media.storage import DiskFull


@dataclass(frozen=True)
class Order:
    """A text to speak, checked; a sample of a voice is not kept as a clip."""

    project: Project
    server: Server
    model: str
    speed: float | None
    text: str
    is_kept: bool
    reference: str = field(default_factory=lambda: f"speech:{uuid.uuid4()}")

    def reserve(self) -> None:
        """Reserve its cost. Raises ``OverBudget``."""
        amount = Work(Charge.SPEAK, self.model, characters=len(self.text))
        budgets.reserve(self.project, self.reference, amount)


class Invalid(Exception):
    """The order cannot be carried out; the text is a sentence for the page."""


class SpeakConsumer(PageSocket):
    """Speak one text at a time.

    Up: ``Speak`` (project, model, text, speed), ``Sample`` (project, model) and ``Stop``.
    Down: ``Started`` (sample_rate, request_id), binary frames of linear16, then ``Spoken`` (url of
    the clip), or ``Failed`` (message). A new text stops the one before. Closing the socket stops
    the server, and nothing is kept.
    """

    async def open(self) -> Code | None:
        self._speech: asyncio.Task[None] | None = None
        self._project: Project | None = None
        return None if self.scope["user"] is not None else Code.SIGNED_OUT

    def may_stay(self) -> Code | None:
        if not self.scope["still_signed_in"]():
            return Code.SIGNED_OUT
        writable = Project.objects.writable_by(self.scope["user"])
        if self._project is not None and not writable.filter(pk=self._project.pk).exists():
            return Code.NOT_FOUND
        return None

    async def read(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind not in ("Speak", "Sample", "Stop"):
            return
        await self._stop()
        if kind != "Stop":
            self._speech = asyncio.create_task(self._speak(message))

    async def leave(self) -> None:
        await self._stop()

    async def _stop(self) -> None:
        speech, self._speech = getattr(self, "_speech", None), None
        if speech is not None:
            speech.cancel()
            await asyncio.gather(speech, return_exceptions=True)

    async def _speak(self, message: Mapping[str, Any]) -> None:
        try:
            order: Order = await self.in_thread(read_order, self.scope["user"], message)
            self._project = order.project
            await self._carry_out(order)
        except (Invalid, OverBudget, DiskFull) as error:
            await self.tell(type="Failed", message=str(error))
        except SpeechError as error:
            await self.tell(type="Failed", message=sentence(error))
        except OSError:
            await self.tell(type="Failed", message="The sound could not be stored.")

    async def _carry_out(self, order: Order) -> None:
        sound: WavWriter = await asyncio.to_thread(stage_sound)
        url = ""
        try:
            await self.in_thread(order.reserve)
            request_id = await self._relay(order, sound)
            if order.is_kept:
                url = await self.in_thread(store, order, self.scope["user"], sound, request_id)
        finally:
            sound.discard()
            # A text that was stopped or failed on its way may be charged as a whole.
            end = budgets.settle if sound.duration else budgets.release
            await asyncio.shield(self.in_thread(end, order.reference))
        await self.tell(type="Spoken", url=url)

    async def _relay(self, order: Order, sound: WavWriter) -> str:
        texts = list(pieces(order.text, MAX_TEXT))
        async with speaking(order.server, order.model, order.speed, texts) as speech:
            request_id = speech.request_id or ""
            await self.tell(type="Started", sample_rate=SAMPLE_RATE, request_id=request_id)
            async for audio in speech:
                sound.write(audio)
                await self.send_bytes(audio)
        return request_id


def read_order(user: User, message: Mapping[str, Any]) -> Order:
    """Return what ``message`` orders. Raises ``Invalid``."""
    is_kept = message.get("type") == "Speak"
    model = message.get("model")
    text = message.get("text") if is_kept else sample_of(str(model))
    data = {"project": message.get("project"), "model": model, "speed": message.get("speed")}
    form = SpeechForm({**data, "text": text}, user)
    if not form.is_valid():
        raise Invalid(form.problem)
    values = form.cleaned_data
    connection = values["project"].connection
    try:
        tags = request_tags(values["project"], SPEAK)
        server = Server(connection.base_url, connection.api_key, tags)
    except UnreadableKey as error:
        raise Invalid(str(error)) from error
    return Order(
        values["project"], server, values["model"], values["speed"], values["text"], is_kept
    )


def store(order: Order, user: User, sound: WavWriter, request_id: str) -> str:
    """Keep the sound as a clip and return the address of its row."""
    clip = keep_clip(
        sound,
        order.project,
        user,
        text=order.text,
        model=order.model,
        speed=order.speed,
        request_id=request_id,
    )
    return reverse("clip", args=[clip.pk])


def sentence(error: SpeechError) -> str:
    request_id = f" Request id of the speech server: {error.request_id}" if error.request_id else ""
    return f"The text could not be spoken: {str(error).rstrip('.')}.{request_id}"
