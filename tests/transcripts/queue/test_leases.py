"""Kinds of jobs: each says what the shared lease cannot know."""

from typing import Any

import pytest

from transcripts.models import Insight, InsightQuerySet, Transcription, TranscriptionQuerySet
from transcripts.queue.leases import Leased, LeasedQuerySet

HOOKS = {"on", "by_share", "short", "with_connection", "connections"}


def test_a_queue_without_one_of_its_hooks_cannot_be_made():
    hooks = HOOKS - {"by_share"}
    defined: dict[str, Any] = {name: vars(TranscriptionQuerySet)[name] for name in hooks}
    unordered: Any = type("Unordered", (LeasedQuerySet,), defined)
    with pytest.raises(TypeError, match="by_share"):
        unordered(Transcription)


@pytest.mark.parametrize("queue", [TranscriptionQuerySet, InsightQuerySet])
def test_each_queue_has_every_hook(queue: type[LeasedQuerySet[Leased]]):
    assert LeasedQuerySet.__abstractmethods__ == HOOKS
    assert not queue.__abstractmethods__


@pytest.mark.parametrize("job", [Transcription, Insight])
def test_each_job_knows_its_server_and_how_it_ends(job: type[Leased]):
    assert Leased.__abstractmethods__ == {"connection", "complete"}
    assert not job.__abstractmethods__
