"""Deepgram's JavaScript SDK as the client of the sockets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.engine import Engine
from tests.speech import join, pcm_bytes, say

pytestmark = pytest.mark.full

FOLDER = Path(__file__).parent


def run(node: str, program: str, *arguments: str) -> dict[str, Any]:
    """Run a program of this folder and return its output."""
    done = subprocess.run(
        [node, str(FOLDER / program), *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def listen(node: str, engine: Engine, version: str, folder: Path) -> dict[str, Any]:
    file = folder / "samples"
    file.write_bytes(pcm_bytes(join(0.3, say("The quick brown fox jumps over the lazy dog."), 3.0)))
    return run(node, "listen.mjs", version, engine.url, engine.key, str(file))


def test_captions_come_and_the_program_ends(node: str, engine: Engine, tmp_path: Path):
    found = listen(node, engine, "v1", tmp_path)
    results = [message for message in found["heard"] if message["type"] == "Results"]
    text = " ".join(
        result["channel"]["alternatives"][0]["transcript"]
        for result in results
        if result["is_final"]
    )
    assert "quick brown fox" in text.lower()
    assert found["heard"][-1]["type"] == "Metadata"
    assert found["code"] == 1000


def test_turns_come_and_the_program_ends(node: str, engine: Engine, tmp_path: Path):
    found = listen(node, engine, "v2", tmp_path)
    assert found["heard"][0]["type"] == "Connected"
    events = [message.get("event") for message in found["heard"]]
    assert [event for event in events if event not in (None, "Update")] == [
        *("StartOfTurn", "EndOfTurn"),
    ]
    assert found["code"] == 1000


def test_a_text_is_spoken_and_the_program_ends(node: str, engine: Engine):
    found = run(node, "speak.mjs", "v1", engine.url, engine.key)
    assert found["kinds"] == ["Metadata", "Flushed"]
    assert found["bytes"] > 48_000
    assert found["code"] == 1000


def test_a_turn_is_spoken_and_the_program_ends(node: str, engine: Engine):
    found = run(node, "speak.mjs", "v2", engine.url, engine.key)
    assert found["kinds"] == [
        *("Connected", "SpeechStarted", "Flushed", "SpeechMetadata", "SessionMetadata"),
    ]
    assert found["bytes"] > 48_000
    assert found["code"] == 1000
