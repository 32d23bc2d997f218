"""Fixtures that the tests of REST and of the sockets share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.env import Environment, read_environment
from tests import node as packages
from tests.engine.inprocess import Inside, use_engine_settings
from tests.engine.site import Site


@pytest.fixture
def environment(settings: Any, tmp_path: Path) -> Environment:
    """Default environment of an engine with a data folder of its own."""
    settings.ENVIRONMENT = made = read_environment({"EARSHOT_DATA": str(tmp_path)})
    return made


@pytest.fixture
def inside(environment: Environment, settings: Any, transactional_db: None) -> Inside:
    """The engine in this process, with Ada, Bob and Eve."""
    use_engine_settings(settings)
    environment.spool.mkdir(parents=True)
    return Inside(environment)


@pytest.fixture
def site(full_lane: None) -> Iterator[Site]:
    """A server of the test's own."""
    running = Site()
    yield running
    running.close()


@pytest.fixture(scope="session")
def node(full_lane: None) -> str:
    """Node.js with the packages of package.json."""
    return str(packages.node())
