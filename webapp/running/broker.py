"""The broker of the embedded default: kombu's folder of messages, each written whole.

kombu 5.7 opens a message's file before it has written it, and a worker that looks into the
folder in between reads nothing and ends over it. Here a file gets its name when it is whole.
"""

import fcntl
import logging
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    """A channel whose files are never seen half-written."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        # Read in the order of their names: the time comes first, and it holds over a restart.
        name = f"{time.time_ns()}_{uuid.uuid4()}.{queue}.msg"
        write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        try:
            return super()._get(queue)
        except ValueError as error:
            # Torn by a power cut. It was a ring for a worker, and the sweep rings again.
            logger.warning("An unreadable message was skipped: %s", error)
            raise Empty from error

    def get_table(self, exchange: str) -> list[Any]:
        try:
            table: list[Any] = super().get_table(exchange)
        except ValueError:
            return []  # torn by a power cut; a process that uses a queue binds it again
        return table

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        file = self._exchange_file(exchange)
        file.parent.mkdir(parents=True, exist_ok=True)
        with (file.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several processes start at once
            table = self.get_table(exchange)
            if bound not in table:
                write_whole(file, dumps([bound, *table]))


class Transport(filesystem.Transport):
    Channel = Channel
    # kombu warns of a missing host name where a transport has a default one.
    default_connection_params: ClassVar[dict[str, Any]] = {}


def write_whole(path: Path, text: str) -> None:
    """Write a file that has its name only once all of it is there."""
    # Neither a queue's message nor an exchange's table ends so.
    aside = path.with_name(f"{path.name}.{uuid.uuid4()}.part")
    try:
        aside.write_text(text)
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ChannelError(f"{path} cannot be written") from error


def use() -> None:
    """Have ``filesystem://`` mean this transport in this process."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
