"""A recording as files: its audio, for the player and to keep, and its transcript."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import BinaryIO

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from management.models import Action, AuditEntry
from transcripts.media.ranges import Unsatisfiable, read_range
from transcripts.media.storage import open_range, size_of
from transcripts.models import Recording, Transcription
from transcripts.text import captions
from transcripts.views.access import finished_run, visible_recording

BLOCK_BYTES = 256 * 1024
CAPTION_FORMATS = {
    "txt": (captions.txt, "text/plain"),
    "srt": (captions.srt, "application/x-subrip"),
    "vtt": (captions.vtt, "text/vtt"),
}
INSIGHT = ("request_id", "summary", "topics", "intents", "sentiments", "average_score", "warnings")


@require_safe
def recording_audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The audio for the player: a copy when browsers cannot play the original."""
    recording = visible_recording(request, pk)
    return send(request, *recording.playable)


@require_safe
def recording_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The original, to keep, under the name that it came with."""
    recording = visible_recording(request, pk)
    if "Range" not in request.headers:
        record_export(request, recording, "audio")
    response = send(request, str(recording.file), "application/octet-stream", recording.sha256)
    response["Content-Disposition"] = content_disposition_header(
        True, recording.original_name or f"{recording.title}.audio"
    )
    return response


@require_safe
def recording_export(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """The transcript as txt, srt, vtt or json: the newest finished one, or ``?version=``."""
    recording = visible_recording(request, pk)
    run = finished_run(request, recording)
    if run is None or kind not in (*CAPTION_FORMATS, "json"):
        raise Http404
    record_export(request, recording, kind)
    utterances = list(run.utterances.order_by("index"))
    if kind == "json":
        whole = facts(recording, run) | {"utterances": captions.as_objects(utterances, run.voices)}
        body, media_type = json.dumps(whole, ensure_ascii=False, indent=1), "application/json"
    else:
        write, media_type = CAPTION_FORMATS[kind]
        body = write(utterances, run.voices, run.all_cautions)
    response = HttpResponse(body, content_type=f"{media_type}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{recording.title}.{kind}")
    return response


def record_export(request: HttpRequest, recording: Recording, kind: str) -> None:
    """Note an export; a HEAD, with which pages check the download first, is none."""
    if request.method == "HEAD":
        return
    AuditEntry.record(
        Action.TRANSCRIPT_EXPORTED,
        request=request,
        subject=recording.title,
        project=recording.project,
        format=kind,
    )


def facts(recording: Recording, run: Transcription) -> dict[str, object]:
    insight = run.finished_insight
    return {
        "recording": recording.pk,
        "title": recording.title,
        "created_at": recording.created_at.isoformat(),
        "duration": recording.duration,
        "language": run.language,
        "model": run.model_name,
        "request_id": run.request_id,
        "options": run.options,
        "warnings": run.warnings,
        "insight": {name: getattr(insight, name) for name in INSIGHT} if insight else None,
    }


def send(request: HttpRequest, name: str, media_type: str, tag: str) -> HttpResponseBase:
    """A stored file, or the part of it that is asked for: 200, 206, 304 or 416."""
    if not name:
        raise Http404  # its fetch is still under way
    try:
        size_bytes = size_of(name)
    except FileNotFoundError:
        raise Http404 from None
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{tag}"'}
    if request.headers.get("If-None-Match", "") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    byte_range = request.headers.get("Range", "")
    if request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        byte_range = ""  # the part would be one of another file
    try:
        part = read_range(byte_range, size_bytes)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{size_bytes}"
        return HttpResponse(status=416, headers=headers)
    first, last = part or (0, size_bytes - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size_bytes}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type=media_type)
    return StreamingHttpResponse(
        blocks(open_range(name, first, last), last - first + 1),
        status=status,
        headers=headers,
        content_type=media_type,
    )


async def blocks(file: BinaryIO, left: int) -> AsyncIterator[bytes]:
    """The next ``left`` bytes of a file, read beside the event loop, never all at once."""
    try:
        while left > 0 and (block := await asyncio.to_thread(file.read, min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block
    finally:
        file.close()
