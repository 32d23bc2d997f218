"""The order of the one queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engine.speech.errors import Cancelled
from engine.speech.recognition.queue import Job, Priority, Work


class Stage:
    """One worker that is held until all jobs are queued; ``calls`` is what it then did."""

    def __init__(self, windows_per_call: int = 2) -> None:
        self.work = Work(threads=1, windows_per_call=windows_per_call)
        self.calls: list[list[str]] = []
        self._go = threading.Event()
        self._held = threading.Event()
        self.queue("hold", call=self._hold, owner="stage")
        self._held.wait(5)

    def _hold(self, items):
        self._held.set()
        self._go.wait(10)
        return items

    def _note(self, items):
        self.calls.append(list(items))
        return [item.upper() for item in items]

    def queue(self, item, priority=Priority.BATCH, owner=None, kind="model", call=None):
        return self.work.submit(Job(item, call or self._note, kind, priority, owner))

    def run(self, *futures):
        self._go.set()
        return [future.result(10) for future in futures]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.run()
    stage.work.close()


def test_finals_go_before_interims_before_batch(stage):
    futures = [
        stage.queue("batch"),
        stage.queue("interim", Priority.INTERIM),
        stage.queue("final", Priority.FINAL),
    ]
    stage.run(*futures)
    assert stage.calls == [["final"], ["interim"], ["batch"]]


def test_batch_requests_take_turns(stage):
    long = [stage.queue(f"long{n}", owner="long") for n in range(4)]
    short = [stage.queue(f"short{n}", owner="short") for n in range(2)]
    stage.run(*long, *short)
    assert stage.calls == [["long0", "long1"], ["short0", "short1"], ["long2", "long3"]]


def test_windows_go_alone_while_somebody_speaks_live(stage):
    futures = [stage.queue(f"{n}") for n in range(3)]
    futures.append(stage.queue("final", Priority.FINAL))
    stage.run(*futures)
    assert stage.calls == [["final"], ["0"], ["1"], ["2"]]


def test_jobs_of_different_kinds_do_not_share_a_call(stage):
    futures = [
        stage.queue("english", owner="a", kind="tiny.en"),
        stage.queue("spanish", owner="b", kind="base"),
    ]
    stage.run(*futures)
    assert sorted(stage.calls) == [["english"], ["spanish"]]


def test_results_go_to_their_callers(stage):
    assert stage.run(*[stage.queue(item) for item in "abc"]) == ["A", "B", "C"]


def test_a_cancelled_job_is_dropped(stage):
    first, second = stage.queue("first"), stage.queue("second")
    assert first.cancel()
    stage.run(second)
    assert stage.calls == [["second"]]


def test_an_error_reaches_its_callers_and_the_worker_goes_on(stage):
    def fail(items):
        raise ValueError("broken")

    broken = stage.queue("broken", call=fail, kind="other", owner="a")
    fine = stage.queue("fine", owner="b")
    assert stage.run(fine) == ["FINE"]
    with pytest.raises(ValueError, match="broken"):
        broken.result(5)


def test_waiting_jobs_are_counted(stage):
    stage.queue("a")
    stage.queue("b", owner="other")
    stage.queue("c", Priority.FINAL)
    counts = stage.work.waiting()
    assert counts == {Priority.FINAL: 1, Priority.INTERIM: 0, Priority.BATCH: 2}


def test_two_threads_share_what_waits():
    met = threading.Barrier(2, timeout=5)

    def meet(items):
        met.wait()
        return items

    work = Work(threads=2, windows_per_call=2)
    futures = [work.submit(Job(n, meet, "model", Priority.BATCH)) for n in range(2)]
    assert [future.result(10) for future in futures] == [0, 1]
    work.close()


def test_a_closed_queue_takes_nothing():
    work = Work(threads=1)
    work.close()
    with pytest.raises(Cancelled):
        work.submit(Job(1, list, "model", Priority.FINAL))
