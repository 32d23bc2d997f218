"""What the schedule sets going: everything whose message was lost or whose worker is gone."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from transcripts.doorbell import ring
from transcripts.leases import LeasedQuerySet
from transcripts.models import Insight, Transcription, Waveform
from transcripts.uploads import sweep_uploads

# A message that was not lost has been received by then.
OVERLOOKED_AFTER = timedelta(seconds=3)
# Between seeing a lease run out and taking the job: one that lives renews it meanwhile.
CONFIRM_SECONDS = 5.0
WOKEN_AT_ONCE = 64
ANSWERS_KEPT_FOR = timedelta(days=7)


def sweep() -> None:
    """Ring for a bounded number of whatever waits for a worker."""
    wake(Transcription.objects.all())
    wake(Insight.objects.all())
    undrawn = Waveform.objects.filter(due_at__lt=Now() - OVERLOOKED_AFTER)
    for pk in undrawn.order_by("pk").values_list("pk", flat=True)[:4]:
        ring("transcripts.draw_waveform", pk)
    sweep_uploads()
    sweep_answers()


def wake(queue: LeasedQuerySet[Any]) -> None:
    # In the order of the indexes on what is open: by id SQLite would read every finished row.
    overlooked = queue.ripe().filter(not_before__lt=Now() - OVERLOOKED_AFTER)
    overlooked = overlooked.order_by("not_before", "pk")
    for pk in overlooked.values_list("pk", flat=True)[:WOKEN_AT_ONCE]:
        ring(queue.model.task, pk)
    abandoned = queue.abandoned().order_by("lease_until", "pk")
    for pk, lease in abandoned.values_list("pk", "lease_until")[:WOKEN_AT_ONCE]:
        ring(queue.model.task, pk, lease.isoformat(), countdown=CONFIRM_SECONDS)


def sweep_answers() -> None:
    """Forget answers that nobody has taken up: their jobs were cancelled or deleted."""
    oldest = (timezone.now() - ANSWERS_KEPT_FOR).timestamp()
    folder = settings.DATA / "answers"
    if folder.is_dir():
        for path in folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
