"""Official SDKs of earlier years, which programs in use are still built with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.engine.engine import Engine
from tests.speech import join, pcm_bytes, say, wav_bytes

pytestmark = pytest.mark.full

HERE = Path(__file__).parent
SENTENCE = "The quick brown fox jumps over the lazy dog."
SDKS = Path(sys.prefix) / "share" / "earshot"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A sentence as a WAV file, and as bare samples followed by silence that ends a turn."""
    folder, sentence = tmp_path_factory.mktemp("files"), say(SENTENCE)
    (folder / "fox.wav").write_bytes(wav_bytes(sentence))
    (folder / "samples").write_bytes(pcm_bytes(join(0.3, sentence, 3.0)))
    return [str(folder / "fox.wav"), str(folder / "samples")]


def run(command: Sequence[str], **environ: str) -> dict[str, Any]:
    done = subprocess.run(
        command, env=os.environ | environ, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    received: dict[str, Any] = json.loads(done.stdout)
    return received


@pytest.mark.parametrize("version", ["5.3.4", "7.6.0"])
def test_an_older_python_sdk_works(version: str, engine: Engine, files: list[str]):
    command = [sys.executable, str(HERE / "older_sdk.py"), engine.url, engine.key, *files]
    received = run(command, PYTHONPATH=str(SDKS / f"sdk-{version}"))
    rest, live, turns = received["rest"], received["listen_v1"], received["listen_v2"]
    assert "quick brown fox" in rest["transcript"].lower()
    assert rest["utterances"] == 1
    assert rest["spoken_bytes"] > 2_000
    assert rest["sentiment"] == "positive"
    assert rest["keys"] >= 1
    assert rest["models"] >= 1
    assert "quick brown fox" in live["transcript"].lower()
    assert set(live["kinds"]) <= {"Results", "SpeechStarted", "UtteranceEnd", "Metadata"}
    assert live["kinds"][-1] == "Metadata"
    assert "quick brown fox" in turns["transcript"].lower()
    assert set(turns["kinds"]) == {"Connected", "TurnInfo"}
    assert received["speak_v1"]["kinds"] == ["Metadata", "Flushed"]
    assert received["speak_v1"]["bytes"] > 24_000


def test_the_javascript_sdk_4_works(node: str, engine: Engine, files: list[str]):
    received = run([node, str(HERE / "older.mjs"), engine.url, engine.key, *files])
    assert "quick brown fox" in received["rest"]["transcript"].lower()
    assert received["rest"]["spoken_bytes"] > 2_000
    assert received["rest"]["sentiment"] == "positive"
    assert received["rest"]["keys"] >= 1
    assert "quick brown fox" in received["listen"]["transcript"].lower()
    assert received["listen"]["kinds"][-1] == "Metadata"
    assert received["listen"]["code"] == 1000
    assert received["speak"]["bytes"] > 24_000
    assert received["speak"]["code"] == 1000
