"""Background work of the mirror."""

import logging

from celery import shared_task

from management.models import Connection
from management.servers.environment_connection import NoServer, connect
from management.sync.runs import sync

logger = logging.getLogger(__name__)


# Without a time at which it expires: that would be compared with another machine's clock.
@shared_task(name="management.mirror")
def mirror_accounts() -> None:
    """Sync every connection whose server is not left alone now.

    Picks up an engine key that has changed.
    """
    try:
        connect()
    except NoServer as error:
        logger.warning("The speech account could not be mirrored: %s", error)
    for pk in Connection.objects.to_sync().values_list("pk", flat=True):
        request_sync(pk)


@shared_task(name="management.sync")
def sync_account(connection_id: int) -> None:
    """Sync one connection for a while; the rest is another task, so that others get a turn."""
    connection = Connection.objects.active().filter(pk=connection_id).first()
    if connection is not None and not sync(connection):
        request_sync(connection_id)


def request_sync(connection_id: int) -> None:
    """Wake a worker for a sync; without a broker the schedule does it later."""
    try:
        sync_account.delay(connection_id)
    except Exception:  # each broker has its own
        logger.warning("No worker could be woken for a sync", exc_info=True)
