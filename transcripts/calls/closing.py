"""End of a call: its audio becomes a recording, its turns the first transcript."""

from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from management.models import budgets
from speechclient import read_listen_response
from transcripts.calls.models import Call
from transcripts.calls.tracks import STEREO
from transcripts.calls.turns import AGENT, CALLER, response_body, turns
from transcripts.live.audio import HEADER_BYTES, is_written
from transcripts.media.storage import digest, keep, media_name
from transcripts.models import Recording, State, Transcription
from transcripts.options import complete
from transcripts.queue.leases import LEASE

CALLER_NAME = "You"
# Shorter audio is no recording.
SHORTEST_BYTES = STEREO.bytes_per_second // 10
INTERRUPTED = "Earshot stopped during this call."


def finish(call: Call) -> Recording | None:
    """End a call whose audio and messages are stored; None when it has no audio, or has ended.

    Can be repeated after an interruption. Raises ``OSError`` and ``DiskFull``; the call can then
    be finished later.
    """
    name = media_name("recordings", call.created_at, call.pk)
    size_bytes = max(0, call.path.stat().st_size - HEADER_BYTES) if call.path.exists() else None
    if size_bytes is None and not default_storage.exists(name):
        _end(call)
        return None
    if size_bytes is not None and size_bytes < SHORTEST_BYTES:
        _end(call)
        call.path.unlink(missing_ok=True)
        return None
    name = keep(call.path, name) if size_bytes is not None else name
    with default_storage.open(name) as stored:
        sha256, size_bytes = digest(stored).hexdigest(), stored.size
    call.audio_bytes = size_bytes - HEADER_BYTES
    with transaction.atomic():
        if not _end(call, audio_bytes=call.audio_bytes):
            return None
        recording = Recording.objects.create(
            project=call.project,
            owner=call.owner,
            title=title_of(call),
            file=name,
            original_name=f"{title_of(call)[:200]}.wav",
            media_type="audio/wav",
            size_bytes=size_bytes,
            sha256=sha256,
            duration=call.duration,
            channels=STEREO.channels,
            source=Recording.Source.CALL,
        )
        if not _store_turns(call, recording):
            recording.enqueue(complete({"multichannel": True}))
        Call.objects.filter(pk=call.pk).update(recording=recording)
    call.recording = recording
    return recording


def finish_forsaken(pk: UUID) -> None:
    """End a call that no process serves."""
    call = Call.objects.forsaken().filter(pk=pk).select_related("project").first()
    # A process that writes it nevertheless is alive, and ends the call itself.
    if call is None or is_written(call.path):
        return
    if call.state == Call.State.PREPARED:
        Call.objects.filter(pk=pk, state=Call.State.PREPARED).delete()
        return
    call.error, call.ended_at = INTERRUPTED, call.served_at
    finish(call)


def title_of(call: Call) -> str:
    moment = timezone.localtime(call.started_at or call.created_at)
    return f"{call}, {moment:%-d %B %Y, %H:%M}"[:255]


def cost_of(call: Call, seconds: float) -> float:
    """Return the dollars that a call probably costs that was open for so long."""
    limits = list(budgets.Budget.objects.of(call.project_id))
    return budgets.estimate(call.project, call.amount(seconds), limits)


def _end(call: Call, **facts: object) -> bool:
    """Write the end of a call and settle its cost; False when it has ended already."""
    call.ended_at = call.ended_at or timezone.now()
    call.state = Call.State.ENDED
    seconds = (call.ended_at - call.started_at).total_seconds() if call.started_at else 0.0
    call.dollars = cost_of(call, seconds)
    ended = {
        "state": call.state,
        "ended_at": call.ended_at,
        "served_at": None,
        "error": call.error,
        "dollars": call.dollars,
    }
    if not Call.objects.open().filter(pk=call.pk).update(**ended, **facts):
        return False
    budgets.settle(call.reference, call.amount(seconds))
    return True


def _store_turns(call: Call, recording: Recording) -> bool:
    """Store what was said as a finished run of the recording; False when nothing was."""
    said = turns(event.entry() for event in call.events.order_by("sequence"))
    if not said:
        return False
    run = Transcription(
        recording=recording,
        options=complete({"multichannel": True}),
        state=State.RUNNING,
        attempt=1,
        lease_until=Now() + LEASE,
        started_at=call.started_at,
    )
    run.save()
    body = response_body(
        said,
        duration=call.duration,
        created=call.created_at,
        request_id=call.request_id,
        model=listen_model(call.settings),
    )
    run.complete(read_listen_response(body))
    run.call((CALLER, None), CALLER_NAME)
    run.call((AGENT, None), call.name)
    return True


def listen_model(settings: dict[str, object]) -> str:
    """Return the model that recognised the user."""
    value: object = settings
    for name in ("agent", "listen", "provider", "model"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else "agent"
