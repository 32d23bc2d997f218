"""Kinds of jobs: each says what the shared lease cannot know."""

import pytest

from transcripts.models import Insight, InsightQuerySet, Transcription, TranscriptionQuerySet
from transcripts.queue.leases import Leased, LeasedQuerySet

HOOKS = {"on", "by_share", "short", "with_connection", "connections"}


def test_a_queue_without_one_of_its_hooks_cannot_be_made():
    class Unordered(LeasedQuerySet[Transcription]):
        on = TranscriptionQuerySet.on
        short = TranscriptionQuerySet.short
        with_connection = TranscriptionQuerySet.with_connection
        connections = TranscriptionQuerySet.connections

    with pytest.raises(TypeError, match="by_share"):
        Unordered(Transcription)  # type: ignore[abstract]


@pytest.mark.parametrize("queue", [TranscriptionQuerySet, InsightQuerySet])
def test_each_queue_has_every_hook(queue: type[LeasedQuerySet[Leased]]):
    assert LeasedQuerySet.__abstractmethods__ == HOOKS
    assert not queue.__abstractmethods__


@pytest.mark.parametrize("job", [Transcription, Insight])
def test_each_job_knows_its_server_and_how_it_ends(job: type[Leased]):
    assert Leased.__abstractmethods__ == {"connection", "complete"}
    assert not job.__abstractmethods__
