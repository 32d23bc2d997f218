"""Ringing for a worker. The queue is the rows; a ring that is lost costs a few seconds."""

import logging
import time
from typing import Any

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

# A broker that is down takes seconds to say so: those who come next do not wait for it.
SILENCE_SECONDS = 5.0
_silent_until = 0.0


def ring(task: str, *args: Any, countdown: float | None = None) -> None:
    """Send the task by its name, now. Never raises: the sweep rings again for what is due."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        current_app.send_task(task, args=args, countdown=countdown)
    except Exception:  # whatever a broker's library raises, the row is already in the queue
        _silent_until = time.monotonic() + SILENCE_SECONDS
        logger.warning(
            "The broker cannot be reached; the sweep will dispatch the job.", exc_info=True
        )


def ring_on_commit(task: str, *args: Any) -> None:
    """The same once the present transaction is committed; before, a worker may look too soon."""
    transaction.on_commit(lambda: ring(task, *args), robust=True)
