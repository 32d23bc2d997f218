"""Background work of the mirror."""

import logging

from celery import shared_task

from management.mirror import NoServer, connect, mirror

logger = logging.getLogger(__name__)


# Without a time at which it expires: that would be compared with another machine's clock.
@shared_task(name="management.mirror")
def mirror_account() -> None:
    """Mirror the environment's connection, picking up an engine key that has changed."""
    try:
        mirror(connect())
    except NoServer as error:
        logger.warning("The speech account could not be mirrored: %s", error)
