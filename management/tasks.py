"""Background work of the mirror."""

import logging

from celery import shared_task

from management.mirror import NoServer, connect, mirror

logger = logging.getLogger(__name__)


# A run that could not start in its time is not made up for: the next one does the same.
@shared_task(name="management.mirror", expires=300)
def mirror_account() -> None:
    """Mirror the environment's connection, picking up an engine key that has changed."""
    try:
        mirror(connect())
    except NoServer as error:
        logger.warning("The speech account could not be mirrored: %s", error)
