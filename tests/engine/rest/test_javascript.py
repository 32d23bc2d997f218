"""Deepgram's JavaScript SDK as the client of the main REST calls."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engine.rest.conftest import Engine, Site

pytestmark = pytest.mark.full

PROGRAM = Path(__file__).with_name("calls.mjs")


def test_the_main_calls_work(node: str, lenient: Engine, site: Site, recording, tmp_path: Path):
    file = tmp_path / "fox.wav"
    file.write_bytes(recording)
    site.pages["/fox.wav"] = (200, {"content-type": "audio/wav"}, recording)
    done = subprocess.run(
        [node, str(PROGRAM), lenient.url, lenient.key, str(file), f"{site.url}/fox.wav"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for response in (told["file"], told["url"]):
        alternative = response["results"]["channels"][0]["alternatives"][0]
        assert "quick brown fox" in alternative["transcript"].lower()
    assert told["spoken"] > 2000
    assert told["read"]["results"]["summary"]["text"] == "I love it. Please call me back."
    assert told["brief"]["results"]["sentiments"]["average"]["sentiment"]
    assert told["models"]["tts"][0]["canonical_name"]
    assert told["projects"]["projects"][0]["name"] == "Earshot"
    assert told["key"]["item"]["member"]["api_key"]["comment"] == "javascript"
    assert "javascript" in [entry["api_key"]["comment"] for entry in told["keys"]["api_keys"]]
    assert told["rejected"]["status"] == 401
    rows = [row for row in told["usage"]["results"] if row["grouping"]["tags"] == ["javascript"]]
    assert rows[0]["requests"] == 1
