"""The first stage: the audio of a recording to its transcript."""

import uuid
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from management.tagging import request_tags, tagged
from speechclient import ListenResponse, read_listen_response
from transcripts.media import fetch, sound
from transcripts.media.names import title_of
from transcripts.media.storage import keep, local_file, media_name, staging
from transcripts.models import Recording, Transcription
from transcripts.options import listen_options
from transcripts.stages import jobs
from transcripts.stages.jobs import Job
from transcripts.stages.polling import following
from transcripts.stages.speech import speech_client, speech_line
from transcripts.uploads import unreserved_bytes

Stage = Transcription.Stage


def transcribe(pk: int, seen_lease: datetime | None = None) -> None:
    """Bring a transcription as far as it goes; nothing when it is not to be had."""
    jobs.run(Transcription.objects.all(), pk, seen_lease, work)


def work(job: Job[Transcription]) -> None:
    recording = job.row.recording
    kept = jobs.kept_response(job.row)
    if kept is not None:
        response = read_listen_response(kept)
    else:
        if not recording.file:
            fetch_audio(job)
        with local_file(str(recording.file.name)) as path:
            if not recording.media_type:
                check_audio(job, path)
            with jobs.within_budget(job, recording.project, job.row.amount):
                response = send(job, path)
    jobs.store(job, response)


def fetch_audio(job: Job[Transcription]) -> None:
    """Fetch the audio of a web address and keep it: a retry does not fetch it again."""
    recording = job.row.recording
    job.note(stage=Stage.FETCHING)
    target = staging(f"fetch-{recording.pk}-{job.row.attempt}")
    # Announced uploads have their room first.
    rules = replace(fetch.house_rules(), room_bytes=unreserved_bytes())
    try:
        fetched = fetch.fetch(recording.source_url, target, rules, job.use)
        name = keep(target, media_name("recordings", recording.created_at, target.name))
    finally:
        target.unlink(missing_ok=True)
    # A title that was typed while the audio travelled stays.
    recording.refresh_from_db(fields=["title"])
    named = recording.title != title_of(recording.original_name)
    save_recording(
        job,
        file=name,
        original_name=fetched.name,
        title=recording.title if named else title_of(fetched.name),
        size_bytes=fetched.size_bytes,
        sha256=fetched.sha256,
    )


def check_audio(job: Job[Transcription], path: Path) -> None:
    """Reject what cannot be transcribed before it travels, and note what it is."""
    job.note(stage=Stage.CHECKING)
    if "encoding" in job.row.options:
        return  # raw samples: only the one who chose their coding knows what they are
    properties = sound.probe(path)
    save_recording(
        job,
        media_type=properties.media_type,
        duration=properties.duration,
        channels=properties.channels,
        tracks=[asdict(track) for track in properties.tracks] if len(properties.tracks) > 1 else [],
    )
    properties.check()
    sound.check_length(path, properties, settings.ENV.max_duration_seconds)


def save_recording(job: Job[Transcription], **facts: Any) -> None:
    """Write facts of the recording while the job is held. Raises ``Stopped``."""
    recording = job.row.recording
    with transaction.atomic():
        if not job.row.renew():
            job.halt(jobs.Stop.LOST)
        job.check()
        Recording.objects.filter(pk=recording.pk).update(**facts)
    for name, value in facts.items():
        setattr(recording, name, value)


def send(job: Job[Transcription], path: Path) -> ListenResponse:
    """Send the audio and wait for the response, which is on disk when this returns."""
    recording = job.row.recording
    server = recording.project.connection
    job.note(stage=Stage.SENDING)
    line = speech_line(server)
    job.use(line, recording.size_bytes)
    name = f"{job.row.pk}-{job.row.attempt}-{uuid.uuid4().hex}"
    options = listen_options(job.row.options)
    tags = request_tags(recording.project, "transcribe", options.tag)
    with (
        path.open("rb") as audio,
        speech_client(server, line, recording.duration) as client,
        following(job, server, name),
    ):
        response = client.transcribe(
            audio,
            tagged(options, tags, recording=recording.pk),
            size_bytes=recording.size_bytes,
            content_type=recording.media_type or "application/octet-stream",
            on_sent=job.sent,
            progress_name=name,
        )
    jobs.keep_response(job.row, response.raw)
    server.resume()
    return response
