"""The state with which another process resumes a live stream."""

import json

from speechclient.streams.live_events import Checkpoint


def test_a_checkpoint_survives_json():
    checkpoint = Checkpoint(
        final=64_000, connections=3, speakers=2, ends=(2.0,), labels=((0.5, 1.0, 1),)
    )
    assert Checkpoint.from_json(json.loads(json.dumps(checkpoint.to_json()))) == checkpoint
    assert Checkpoint.from_json({}) == Checkpoint()
