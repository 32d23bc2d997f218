"""A server that vanished without a word is noticed while a request waits for its response."""

import threading
from dataclasses import dataclass, field

import httpx
import pytest

from management.models import Connection
from tests.transcripts.conftest import transcript
from transcripts.models import Transcription
from transcripts.queue.leases import State
from transcripts.stages import jobs
from transcripts.stages.liveness import ASK_EVERY_SECONDS, SILENCE_SECONDS, ServerWatch
from transcripts.stages.transcribing import transcribe

ENGINE = Connection(pk=1, name="Engine")


@dataclass
class Request:
    """A job whose audio has been sent."""

    attempt: int = 1
    server: Connection = ENGINE
    given_up: bool = False

    def give_up_on_server(self) -> None:
        self.given_up = True


@dataclass
class Scene:
    """A server that responds or not, and a clock."""

    status: int | None = 200
    now: float = 0.0
    asked: list[float] = field(default_factory=list)

    def probe(self, server: Connection) -> int | None:
        self.asked.append(self.now)
        return self.status

    def pass_time(self, watch: ServerWatch, seconds: int, *requests: Request) -> None:
        for _ in range(seconds):
            self.now += 1.0
            watch.look_after(requests)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def watch(scene: Scene) -> ServerWatch:
    return ServerWatch(scene.probe, lambda: scene.now, lambda act: act())


def test_server_that_responds_to_nothing_is_given_up_after_15_s(scene, watch):
    scene.status = None
    request = Request()
    watch.look_after([request])
    scene.pass_time(watch, int(SILENCE_SECONDS) - 1, request)
    assert not request.given_up
    scene.pass_time(watch, 1, request)
    assert request.given_up


@pytest.mark.parametrize("status", [200, 401, 429, 503])
def test_server_that_responds_may_work_for_hours(scene, watch, status):
    scene.status = status
    request = Request()
    scene.pass_time(watch, 3_600, request)
    assert not request.given_up


def test_server_is_asked_once_for_all_its_requests_every_few_seconds(scene, watch):
    scene.pass_time(watch, 60, *[Request() for _ in range(50)])
    assert len(scene.asked) == pytest.approx(60 / ASK_EVERY_SECONDS, abs=1)


def test_server_is_left_alone_while_no_request_waits(scene, watch):
    scene.pass_time(watch, 60)
    assert scene.asked == []


def test_next_attempt_is_more_patient_with_a_slow_server(scene, watch):
    scene.status = None
    first, second = Request(attempt=1), Request(attempt=2)
    scene.pass_time(watch, int(SILENCE_SECONDS) + 1, first, second)
    assert (first.given_up, second.given_up) == (True, False)
    scene.pass_time(watch, int(SILENCE_SECONDS), second)
    assert second.given_up


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_job_of_a_vanished_server_is_tried_again_and_not_counted(queued, service, monkeypatch):
    """The request is cut off by the watch, which here gives up at once."""
    heart = jobs.Heart()
    monkeypatch.setattr(jobs, "heart", heart)
    silent = threading.Event()

    def vanish(request):
        (job,) = heart._jobs
        job.give_up_on_server()
        silent.set()
        raise httpx.ReadError("cut")

    service.returns(vanish, transcript())
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.failures, queued.deaths) == (State.QUEUED, 0, 0)
    assert Connection.objects.paused().exists()
    Connection.objects.update(retry_at=None)
    transcribe(queued.pk)
    assert Transcription.objects.get(pk=queued.pk).state == State.DONE
