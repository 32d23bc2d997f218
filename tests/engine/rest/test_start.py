"""The engine's start: the default voice is ready before the first request."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.env import DEFAULT_VOICE, read_environment
from tests.engine.engine import start_engine

pytestmark = pytest.mark.full


def loads(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if " loaded " in line]


def test_the_default_voice_is_warm_unless_another_is_named():
    assert read_environment({}).warm_voices == (DEFAULT_VOICE,)
    assert read_environment({"ENGINE_WARM_VOICES": ""}).warm_voices == ()
    assert read_environment({"ENGINE_WARM_VOICES": "joe ef_dora"}).warm_voices == ("joe", "ef_dora")


def test_the_first_text_of_the_default_voice_loads_nothing(tmp_path: Path):
    engine = start_engine(tmp_path, ENGINE_WARM_VOICES=DEFAULT_VOICE)
    try:
        log = tmp_path / "engine.log"
        before = loads(log)
        with engine.http() as http:
            http.post(f"/v1/speak?model={DEFAULT_VOICE}", json={"text": "Good morning."})
            assert loads(log) == before
            assert any("kokoro" in line for line in before)
            spanish = http.post("/v1/speak?model=aura-2-celeste-es", json={"text": "Hola."})
        assert spanish.status_code == 200
        assert len(loads(log)) > len(before)  # so that the log is known to name what is loaded
    finally:
        engine.stop()
