"""One Earshot for all journeys: it starts once, with its real models."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.engine import MODELS
from tests.engine.languagemodel import LanguageModel
from tests.product import Member, Product
from tests.speech import join, say, wav_bytes


@pytest.fixture(scope="session")
def model() -> Iterator[LanguageModel]:
    """The language model of agents that have an endpoint."""
    running = LanguageModel()
    yield running
    running.close()


@pytest.fixture(scope="session")
def product(
    full_lane: None, model: LanguageModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    settings = {
        "ENGINE_AGENT_HOSTS": model.url.split("/")[2],
        "ENGINE_MODEL_CACHE": str(MODELS),
    }
    running = Product(tmp_path_factory.mktemp("earshot"), **settings)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def ada(product: Product) -> Member:
    return product.member()


@pytest.fixture(scope="session")
def talk(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences with a pause between them, as a WAV file."""
    path = tmp_path_factory.mktemp("audio") / "talk.wav"
    samples = join(
        say("The harbour was quiet in the morning."),
        1.2,
        say("Nobody had seen the lighthouse keeper since Tuesday."),
    )
    path.write_bytes(wav_bytes(samples))
    return path
