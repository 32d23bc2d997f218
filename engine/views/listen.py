"""``POST /v1/listen``: the contract's section 5."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from engine.calls import call_of
from engine.errors import bad_request
from engine.operations import operation
from engine.options import ListenOptions, read_options
from engine.schemas import ANYTHING, array, record
from engine.transcription import plan, transcribe


@operation(
    "usage:write",
    tag="Listen",
    kind="listen",
    takes_audio=True,
    query=ListenOptions,
    answer=record(metadata=ANYTHING, results=record(channels=array(ANYTHING))),
)
async def transcribe_recording(request: HttpRequest) -> JsonResponse:
    """Transcribe a recording

    The body is the audio itself, in any container and codec that is found by its bytes.
    """
    call = call_of(request)
    options = read_options(ListenOptions, call.query)
    tags = [*call.usage.tags, *options.tag]
    intended = plan(options)
    if call.body is None or call.body.path is None:
        raise bad_request("Bad Request: audio by URL is not available.")
    done = await transcribe(
        call.body.path, call.body.sha256, call.request_id, call.created, intended
    )
    call.usage = done.usage
    call.usage.tags = tags
    return JsonResponse(done.response)
