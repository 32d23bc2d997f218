"""Fixtures that the tests of REST and of the sockets share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from engine.env import Environment, read_environment
from tests import node as packages
from tests.engine.inprocess import Inside, use_engine_settings

# EARSHOT_CASES=200 looks longer.
settings.register_profile(
    "engine", max_examples=max(50, int(os.environ.get("EARSHOT_CASES", "0"))), deadline=None
)
settings.load_profile("engine")


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


@pytest.fixture(scope="session")
def node(full_lane: None) -> str:
    """Node.js with the packages of package.json."""
    return str(packages.node())
