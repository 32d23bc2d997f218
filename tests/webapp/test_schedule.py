"""The scheduler: every task at its interval, whatever is done to the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from celery.schedules import schedule
from django.conf import settings

from webapp.running.schedule import Schedule

INTERVALS = {"sweep": 5.0, "mirror": 300.0}
STEPS = [timedelta(hours=-1), timedelta(hours=1), timedelta(days=30), timedelta(days=-30)]


class Clock:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


class Ticking(Schedule):
    """The scheduler with a list in place of a broker."""

    def apply_entry(self, entry, producer=None):
        self.ran.append(entry.name)

    @property
    def producer(self):
        return None


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def scheduler(clock):
    app = Celery("clocks", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {
        name: {"task": name, "schedule": schedule(seconds, nowfun=clock, app=app)}
        for name, seconds in INTERVALS.items()
    }
    scheduler = Ticking(app=app)
    scheduler.ran = []
    return scheduler


def run(scheduler, clock, seconds: float) -> dict[str, int]:
    """Let so many seconds pass as beat's loop does; how often each task ran."""
    scheduler.ran.clear()
    passed = 0.0
    while passed < seconds:
        pause = scheduler.tick()
        assert pause <= max(INTERVALS.values())
        passed += max(pause, 0.01)
        clock.move(timedelta(seconds=max(pause, 0.01)))
    return {name: scheduler.ran.count(name) for name in INTERVALS}


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_is_set_stops_no_task(scheduler, clock, step):
    run(scheduler, clock, 60)
    clock.move(step)
    counts = run(scheduler, clock, 600)
    assert counts["sweep"] >= 110
    assert 1 <= counts["mirror"] <= 4


def test_the_scheduler_keeps_no_times_in_a_file(tmp_path, monkeypatch, scheduler, clock):
    monkeypatch.chdir(tmp_path)
    run(scheduler, clock, 20)
    scheduler.close()
    assert list(tmp_path.iterdir()) == []


def test_beat_uses_it():
    assert settings.CELERY_BEAT_SCHEDULER == "webapp.running.schedule:Schedule"
