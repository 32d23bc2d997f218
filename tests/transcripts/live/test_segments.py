"""Results as captions, and captions as the first transcript of the recording."""

import json

from django.utils import timezone
from msgspec.structs import replace

from speechclient import read_listen_response
from tests.transcripts.live.server import segment
from transcripts.live.models import Caption, LiveSession
from transcripts.live.segments import parts, response_body, utterances


def captions_of(*said: tuple[str, int, bool]) -> list[Caption]:
    made = []
    for index, (text, speaker, ends) in enumerate(said):
        (fields,) = parts(segment(text, index, index + 0.9, speaker=speaker))
        made.append(Caption(index=index, sequence=index + 1, ends=ends, **fields))
    return made


def test_a_result_is_cut_where_the_speaker_changes():
    spoken = segment("Did he? He did.", 0.0, 4.0)
    words = tuple(replace(word, speaker=index // 2) for index, word in enumerate(spoken.words))
    cut = parts(replace(spoken, words=words))
    assert [(each["speaker"], each["text"]) for each in cut] == [(0, "Did he?"), (1, "He did.")]
    assert [(each["start"], each["end"]) for each in cut] == [(0.0, 2.0), (2.0, 4.0)]


def test_silence_is_no_caption():
    assert parts(segment("", 0.0, 4.0)) == []


def test_an_utterance_ends_at_a_pause_and_at_another_speaker():
    said = captions_of(
        ("One", 0, False), ("two.", 0, True), ("Three", 0, False), ("Four", 1, False)
    )
    assert [[each.text for each in run] for run in utterances(said)] == [
        ["One", "two."], ["Three"], ["Four"],
    ]  # fmt: skip


def test_a_gap_ends_an_utterance_and_is_none():
    one, gap, two = captions_of(("One", 0, False), ("x", 0, False), ("two", 0, False))
    gap.kind = Caption.Kind.GAP
    assert [[each.text for each in run] for run in utterances([one, gap, two])] == [
        ["One"], ["two"],
    ]  # fmt: skip


def test_the_response_is_one_that_the_client_reads():
    session = LiveSession(
        options={"model": "nova-3"}, audio_bytes=64_000, offsets=[[1, 0.0, "r-1"], [2, 1.5, "r-2"]]
    )
    said = captions_of(("Good morning", 0, False), ("everyone.", 0, True), ("Hello.", 1, True))
    body = response_body(session, said, timezone.now())
    response = read_listen_response(body)
    assert response.request_id == "r-2"
    assert response.duration == 2.0
    assert [(each.speaker, each.transcript) for each in response.utterances] == [
        (0, "Good morning everyone."),
        (1, "Hello."),
    ]
    assert [word.start for word in response.utterances[0].words] == [0.0, 0.45, 1.0]
    assert json.loads(body)["live"]["connections"] == session.offsets
