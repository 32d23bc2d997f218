"""Sessions that nobody ends: the sweep does, and nothing is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.transcripts.live.server import segment
from transcripts.live.audio import BYTES_PER_SECOND, AudioFile
from transcripts.live.models import ENDS_AFTER, Caption, LiveSession
from transcripts.live.segments import parts
from transcripts.models import Recording, State
from transcripts.stages.sweeps import sweep_live_sessions

pytestmark = pytest.mark.usefixtures("rings")


@pytest.fixture
def spoken(session: LiveSession) -> LiveSession:
    """Two seconds of audio, the first of them transcribed."""
    file = AudioFile(session.path)
    file.write(0, bytes(2 * BYTES_PER_SECOND))
    file.close()
    (fields,) = parts(segment("Good morning.", 0.0, 1.0))
    Caption.objects.create(session=session, index=0, sequence=1, **fields)
    return session


def age(session: LiveSession, by: timedelta, **facts) -> None:
    moment = timezone.now() - by
    LiveSession.objects.filter(pk=session.pk).update(heard_at=moment, served_at=moment, **facts)


def test_an_old_silence_ends_a_session(spoken):
    age(spoken, ENDS_AFTER + timedelta(minutes=1))
    sweep_live_sessions()
    recording = Recording.objects.get()
    assert recording.live_session == spoken
    # The second second was never heard by a server.
    assert [run.state for run in recording.transcriptions.order_by("pk")] == [
        State.DONE, State.QUEUED,
    ]  # fmt: skip


def test_a_session_that_was_asked_to_end_does_not_wait(spoken):
    age(spoken, timedelta(minutes=1), state=LiveSession.State.ENDING)
    sweep_live_sessions()
    assert Recording.objects.count() == 1


@pytest.mark.parametrize("served", [True, False])
def test_a_session_that_is_served_is_left_alone(spoken, served):
    age(spoken, timedelta(days=1))
    if served:
        LiveSession.objects.update(served_at=timezone.now())
    else:
        file = AudioFile(spoken.path)  # its process is alive but has not said so
    sweep_live_sessions()
    assert not Recording.objects.exists()
    if not served:
        file.close()


def test_an_interruption_between_file_and_row_is_repeated(spoken, monkeypatch):
    age(spoken, timedelta(days=1))
    with monkeypatch.context() as broken:
        broken.setattr(Recording.objects, "create", broken_database)
        with pytest.raises(RuntimeError):
            sweep_live_sessions()
    age(spoken, timedelta(days=1))
    sweep_live_sessions()
    assert Recording.objects.get().duration == 2.0


def broken_database(**facts):
    raise RuntimeError
