"""Streams of live sessions to speech servers."""

from typing import Any

import pytest

from transcripts.live import streams
from transcripts.live.models import LiveSession

Mode = LiveSession.Mode


@pytest.mark.parametrize(
    ("mode", "kind"), [(Mode.CAPTIONS, "LiveListen"), (Mode.TURNS, "LiveTurns")]
)
def test_a_stream_has_the_tags_of_its_project(mode, kind, session, monkeypatch):
    session.mode, session.options = mode, {}
    monkeypatch.setattr(streams, kind, lambda url, key, options, **facts: options)
    nothing: Any = None
    options: Any = streams.open_stream(session, streams.server_of(session), nothing, nothing, 0)
    assert options.tag == (f"project:{session.project_id}", "feature:live")
