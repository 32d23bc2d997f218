"""End of a live session: its audio becomes a recording, its captions the first transcript."""

from uuid import UUID

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from management.models import budgets
from speechclient import read_listen_response
from speechclient.streams.live_events import Checkpoint
from transcripts.live.audio import BYTES_PER_SECOND, HEADER_BYTES, is_written
from transcripts.live.models import Caption, LiveSession
from transcripts.live.segments import corrected_copy, response_body
from transcripts.live.session_options import recording_options
from transcripts.media.storage import digest, keep, media_name
from transcripts.models import Recording, State, Transcription
from transcripts.queue.leases import LEASE

# Shorter audio is no recording.
SHORTEST_BYTES = BYTES_PER_SECOND // 10
# Audio after the last final result that can be left out: silence at the end.
SETTLED_SECONDS = 0.5


def finish(session: LiveSession, is_settled: bool = False) -> Recording | None:
    """End a session that this process holds; None when it has no audio, or is not held.

    Audio that no result covers is not lost: the recording is transcribed again. With
    ``is_settled`` the server has said that all results were sent. Can be repeated after an
    interruption. Raises ``OSError`` and ``DiskFull``; the session can then be finished later.
    """
    name = media_name("recordings", session.created_at, session.pk)
    if session.path.exists():
        session.audio_bytes = max(0, session.path.stat().st_size - HEADER_BYTES)
        if session.audio_bytes < SHORTEST_BYTES:
            _discard(session)
            return None
    elif not default_storage.exists(name):
        _discard(session)
        return None
    name = keep(session.path, name) if session.path.exists() else name
    with default_storage.open(name) as stored:
        sha256, size_bytes = digest(stored).hexdigest(), stored.size
    session.audio_bytes = size_bytes - HEADER_BYTES
    with transaction.atomic():
        ended = {"state": LiveSession.State.ENDED, "ended_at": timezone.now(), "served_at": None}
        if not session.held.update(**ended, audio_bytes=session.audio_bytes):
            return None
        recording = Recording.objects.create(
            project=session.project,
            owner=session.owner,
            title=session.title,
            file=name,
            original_name=f"{session.title[:200]}.wav",
            media_type="audio/wav",
            size_bytes=size_bytes,
            sha256=sha256,
            duration=session.duration,
            channels=1,
            source=Recording.Source.LIVE,
        )
        is_heard = _store_captions(session, recording)
        if session.again or not is_heard or not (is_settled or _is_covered(session)):
            recording.enqueue(recording_options(session.options))
        LiveSession.objects.filter(pk=session.pk).update(recording=recording)
    budgets.settle(session.reference, session.amount(session.duration))
    session.recording = recording
    return recording


def finish_forsaken(pk: UUID) -> None:
    """End a session that no process serves."""
    session = LiveSession.objects.forsaken().filter(pk=pk).select_related("project").first()
    # A process that writes it nevertheless is alive, and ends the session itself.
    if session is not None and not is_written(session.path) and session.claim():
        finish(session)


def _store_captions(session: LiveSession, recording: Recording) -> bool:
    """Store the captions as finished runs of the recording; False when there are none.

    The first run has what was recognised, a second one what people made of it.
    """
    captions = list(session.captions.order_by("index"))
    if not any(caption.kind == Caption.Kind.TEXT for caption in captions):
        return False
    _store_run(session, recording, captions)
    if any(caption.corrected for caption in captions):
        _store_run(session, recording, [corrected_copy(each) for each in captions])
    return True


def _store_run(session: LiveSession, recording: Recording, captions: list[Caption]) -> None:
    run = Transcription(
        recording=recording,
        options=recording_options(session.options),
        state=State.RUNNING,
        attempt=1,
        lease_until=Now() + LEASE,
        started_at=session.created_at,
    )
    run.save()
    run.complete(read_listen_response(response_body(session, captions, session.created_at)))
    for number, name in session.names.items():
        run.call((0, int(number)), name)


def _is_covered(session: LiveSession) -> bool:
    """Return whether the results reach to the end of the audio."""
    final = Checkpoint.from_json(session.checkpoint).final
    return session.audio_bytes - final <= SETTLED_SECONDS * BYTES_PER_SECOND


def _discard(session: LiveSession) -> None:
    ended = {"state": LiveSession.State.ENDED, "ended_at": timezone.now(), "served_at": None}
    if session.held.update(**ended):
        budgets.release(session.reference)
        session.path.unlink(missing_ok=True)
