"""Clips as files: the sound that was streamed, kept; and any format, through ``POST /v1/speak``."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from management.models import Charge, Model, Project, User, Work, budgets
from management.servers.speech import speech_client
from management.tagging import request_tags, tagged
from speechclient import SpeakOptions, SpeechClient
from speechclient.formats import MAX_TEXT, check_format
from transcripts.clips.models import Clip
from transcripts.clips.pieces import pieces
from transcripts.clips.soundfile import WavWriter, encode, joined, wav_with_lengths
from transcripts.clips.speaking import SAMPLE_RATE, SPEAK
from transcripts.clips.voices import sample_of
from transcripts.media.storage import keep, media_name, staging

ENDINGS = {"mp3": "mp3", "opus": "ogg", "flac": "flac", "aac": "aac"}
RAW_ENDINGS = {"linear16": "pcm", "mulaw": "ulaw", "alaw": "alaw"}
TYPES = {"mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "aac": "audio/aac"}


@dataclass(frozen=True)
class SpeechFile:
    """Encoded speech; ``ending`` is that of its name."""

    content: bytes
    ending: str

    @property
    def media_type(self) -> str:
        if self.ending == "wav":
            return "audio/wav"
        return TYPES.get(self.ending, "application/octet-stream")


def stage_sound() -> WavWriter:
    """Return a file for the sound of a clip that is being spoken."""
    return WavWriter(staging(f"speech-{uuid.uuid4()}"), SAMPLE_RATE)


def keep_clip(
    sound: WavWriter,
    project: Project,
    owner: User,
    *,
    text: str,
    model: str,
    speed: float | None,
    request_id: str,
) -> Clip:
    """Move the sound into the media storage and create its clip. Raises ``DiskFull``."""
    sound.close()
    key = uuid.uuid4()
    size_bytes = sound.path.stat().st_size
    name = keep(sound.path, media_name("clips", timezone.now(), key))
    with transaction.atomic():
        return Clip.objects.create(
            id=key,
            project=project,
            owner=owner,
            text=text,
            model=model,
            speed=speed,
            file=name,
            size_bytes=size_bytes,
            duration=sound.duration,
            request_id=request_id,
        )


def sample_file(voice: Model, project: Project) -> str:
    """Return the name of a file in which a voice speaks a sentence, made on the first request.

    Raises ``OverBudget``, ``UnreadableKey`` and ``SpeechError``.
    """
    name = f"samples/{voice.pk}.mp3"
    if default_storage.exists(name):
        return name
    text = sample_of(voice.canonical_name)
    options = SpeakOptions(model=voice.canonical_name, encoding="mp3")
    options = tagged(options, request_tags(project, SPEAK))
    amount = Work(Charge.SPEAK, voice.canonical_name, characters=len(text))
    with (
        budgets.reserved(project, f"sample:{uuid.uuid4()}", amount),
        speech_client(voice.connection) as client,
        client.speak(text, options) as speech,
    ):
        content = speech.read()
    saved = default_storage.save(name, ContentFile(content))
    if saved != name:  # another request has made it meanwhile
        default_storage.delete(saved)
    return name


def make_file(clip: Clip, options: SpeakOptions) -> SpeechFile:
    """Speak the text of ``clip`` into a file of the chosen format.

    A text that fits into one request is the server's own response. A longer one is requested in
    pieces of raw audio, which are joined and encoded here: encoded files cannot be joined without
    clicks. Raises ``InvalidOption`` for a format that does not exist, ``UnreadableKey`` and
    ``SpeechError``.
    """
    chosen = check_format(options)
    encoding = options.encoding or "mp3"
    container = options.container or next(iter(chosen.containers), None)
    ending = "wav" if container == "wav" else ENDINGS.get(encoding) or RAW_ENDINGS[encoding]
    options = tagged(options, request_tags(clip.project, SPEAK))
    texts = list(pieces(clip.text, MAX_TEXT, best=MAX_TEXT, starts_soon=False))
    with speech_client(clip.project.connection) as client:
        if len(texts) == 1:
            with client.speak(texts[0], options) as speech:
                content = speech.read()
            return SpeechFile(wav_with_lengths(content) if ending == "wav" else content, ending)
        file = io.BytesIO()
        encode(
            joined(_spoken(client, texts, options), SAMPLE_RATE),
            SAMPLE_RATE,
            file,
            encoding=encoding,
            container=container,
            target_rate=options.sample_rate or chosen.sample_rate,
            bit_rate=options.bit_rate or chosen.bit_rate,
        )
    return SpeechFile(file.getvalue(), ending)


def _spoken(client: SpeechClient, texts: list[str], options: SpeakOptions) -> Iterator[bytes]:
    raw = replace(
        options, encoding="linear16", container="none", sample_rate=SAMPLE_RATE, bit_rate=None
    )
    for text in texts:
        with client.speak(text, raw) as speech:
            yield speech.read()
