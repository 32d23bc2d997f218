"""A running engine and Deepgram's own SDK as its client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deepgram import DeepgramClient

from tests.engine.engine import Engine, run_errand, start_engine
from tests.engine.site import Arrival, Site
from tests.speech import join, say, wav_bytes

__all__ = ["Arrival", "Engine", "Site", "run_errand", "start_engine"]


@pytest.fixture(scope="session")
def engine(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for the whole run; tests that change it for others start their own."""
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def recording(full_lane: None) -> bytes:
    """A few seconds of speech in two utterances."""
    said = say("The quick brown fox jumps over the lazy dog."), say("She sells sea shells.")
    return wav_bytes(join(0.3, said[0], 1.0, said[1], 0.3))


@pytest.fixture
def client(engine: Engine) -> DeepgramClient:
    """The SDK with the owner's key."""
    return engine.client()


@pytest.fixture(scope="session")
def project_id(engine: Engine) -> str:
    return engine.project_id


@pytest.fixture(scope="session")
def lenient(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that reaches inside its network, retries soon and has little room."""
    running = start_engine(
        tmp_path_factory.mktemp("lenient"),
        ENGINE_FETCH_PRIVATE_HOSTS="true",
        ENGINE_CALLBACK_RETRY_SECONDS="1",
        ENGINE_LISTEN_LIMIT="2",
    )
    yield running
    running.stop()
