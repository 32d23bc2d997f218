"""A session of Ada's, a speech server, and quick storage."""

from collections.abc import AsyncIterator

import pytest

from tests.transcripts.live.conftest import session as session
from tests.transcripts.live.conftest import upstream as upstream
from transcripts.consumers import sockets
from transcripts.live import serving


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "STORE_SECONDS", 0.01)
    monkeypatch.setattr(sockets, "ACCESS_SECONDS", 0.05)


@pytest.fixture(autouse=True)
async def nothing_left(transactional_db: None) -> AsyncIterator[None]:
    yield
    await serving.runs.close()
