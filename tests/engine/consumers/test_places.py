"""The response to a message comes at its place among the results."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.consumers.conftest import OpenLive
from tests.engine.live import FakeLiveRecognizer
from tests.speech import join, pcm_bytes, say

pytestmark = pytest.mark.full


@pytest.mark.parametrize(
    ("kind", "fields", "response"),
    [
        ("Finalize", {"channel": 5}, "Error"),
        ("Finalize", {"channel": -1}, "Error"),
        ("Finalize", {"channel": "left"}, "Error"),
        ("Configure", {"features": {"diarize": True}}, "ConfigureFailure"),
        ("Configure", {"keyterms": "Earshot"}, "ConfigureFailure"),
    ],
)
@pytest.mark.parametrize("is_multichannel", [False, True])
async def test_an_error_does_not_overtake_the_results_before_it(
    open_live: OpenLive,
    recognizer: FakeLiveRecognizer,
    kind: str,
    fields: dict[str, Any],
    response: str,
    is_multichannel: bool,
):
    recognizer.set_delays(0.2, 0.1)
    speech = join(0.3, say("The quick brown fox."), 1.0)
    channels = 2 if is_multichannel else 1
    async with open_live(
        model="nova-3", multichannel=str(is_multichannel).lower(), channels=channels
    ) as stream:
        await stream.hear(pcm_bytes(speech.repeat(channels)))
        await stream.say(kind, **fields)
        await stream.say("Finalize")
        await stream.close_stream()
    kinds = [message["type"] for message in stream.told]
    assert kinds == ["Results"] * channels + [response] + ["Results"] * channels + ["Metadata"]
