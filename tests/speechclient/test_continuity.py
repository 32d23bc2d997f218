"""Identity of a stream across connections, with a simulated server."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient.streams.continuity import ListenContinuity, TurnContinuity
from speechclient.streams.flux import FluxSession
from speechclient.streams.live_events import (
    Checkpoint,
    ConnectionOpened,
    Gap,
    NewVoice,
    Segment,
    Turn,
)
from tests.speechclient.simulated import (
    AUDIO,
    RATE,
    WORD_END,
    WORD_START,
    Server,
    source,
    speaker_of,
)

SECONDS = 40
LATENESS = st.sampled_from([-0.1, -0.05, 0.0, 0.05, 0.1])
# Audio of each connection in seconds, the finals that it says and how late its words are.
CONNECTIONS = st.lists(
    st.tuples(st.floats(0, 25), st.lists(st.integers(1, 9), max_size=8), LATENESS), max_size=6
)


class Caller:
    """One stream of ``SECONDS`` of the source, over many connections of simulated servers."""

    def __init__(self, *, diarize: bool = False, resume: Checkpoint | None = None) -> None:
        self.audio = source(SECONDS)
        self.continuity = ListenContinuity(
            AUDIO, resume or Checkpoint(), diarize=diarize, interim=True
        )
        self.events: list = []

    def connect(self, late_seconds: float = 0.0) -> None:
        self.server = Server(late_seconds)
        self.events += self.continuity.open(0, "r-1")
        self.at = self.start = self.continuity.start
        self.settled = 0.0

    def send(self, seconds: float) -> None:
        piece = self.audio[self.at : self.at + AUDIO.size(seconds)]
        self.server.audio += piece
        self.at += len(piece)
        self.continuity.sent(len(piece))

    def settle(self, second: int, *, is_final: bool = True) -> None:
        """The server says all up to ``second`` of the source, a moment between two words."""
        end = (second * RATE - self.start) / RATE  # as the server counts its seconds
        if not self.settled < end <= self.server.seconds:
            return
        results = self.server.results(self.settled, end, is_final=is_final)
        self.events += self.continuity.receive(results)
        self.settled = end if is_final else self.settled

    def finish(self) -> None:
        self.send(SECONDS)
        self.settle(SECONDS)
        self.continuity.close(len(self.audio))

    def run(self, connections: list) -> None:
        for seconds, pauses, late_seconds in connections:
            self.connect(late_seconds)
            second = int(self.start / RATE)
            self.send(seconds)
            for pause in pauses:
                second += pause
                self.settle(second - 1, is_final=False)
                self.settle(second)
        self.connect()
        self.finish()

    @property
    def finals(self) -> list[Segment]:
        return [event for event in self.events if isinstance(event, Segment) and event.is_final]

    @property
    def words(self) -> list:
        return [word for segment in self.finals for word in segment.words]


@given(CONNECTIONS, st.booleans())
def test_no_word_is_lost_or_doubled_and_each_is_at_its_time(connections, diarize):
    caller = Caller(diarize=diarize)
    caller.run(connections)
    assert [word.word for word in caller.words] == [str(n) for n in range(SECONDS)]
    for second, word in enumerate(caller.words):
        assert word.start == pytest.approx(second + WORD_START, abs=0.11)
        assert word.end == pytest.approx(second + WORD_END, abs=0.11)


@given(CONNECTIONS, st.booleans())
def test_final_segments_touch_and_have_ids_of_their_own(connections, diarize):
    caller = Caller(diarize=diarize)
    caller.run(connections)
    starts = [segment.start for segment in caller.finals]
    ends = [segment.end for segment in caller.finals]
    assert starts == pytest.approx([0.0, *ends[:-1]], abs=0.011)
    assert ends[-1] == pytest.approx(SECONDS)
    ids = [segment.id for segment in caller.finals]
    assert len(set(ids)) == len(ids)
    assert all(segment.id.startswith(f"{segment.connection}.0.") for segment in caller.finals)


@given(CONNECTIONS)
def test_a_speaker_keeps_the_number_or_is_marked_as_new(connections):
    caller = Caller(diarize=True)
    caller.run(connections)
    new = {event.speaker for event in caller.events if isinstance(event, NewVoice)}
    voices: dict[int | None, int] = {}
    for word in caller.words:
        voices.setdefault(word.speaker, speaker_of(int(word.word)))
        assert voices[word.speaker] == speaker_of(int(word.word))
    assert set(range(len(voices))) == set(voices)
    assert len(voices) - len(new) <= 3


@given(CONNECTIONS)
def test_the_same_voices_are_recognised_after_a_cut(connections):
    caller = Caller(diarize=True)
    caller.connect()
    caller.send(15)
    caller.settle(15)
    caller.run(connections)
    assert {word.speaker for word in caller.words} == {0, 1, 2}
    assert not [event for event in caller.events if isinstance(event, NewVoice)]


@given(CONNECTIONS, CONNECTIONS, st.booleans())
@pytest.mark.slow
def test_another_process_resumes_where_the_first_ended(before, after, diarize):
    first = Caller(diarize=diarize)
    for connection in before:
        seconds, _, _ = connection
        first.connect()
        first.send(seconds)
        for second in range(int(first.start / RATE) + 1, SECONDS, 3):
            first.settle(second)
    stored = json.loads(json.dumps(first.continuity.checkpoint().to_json()))
    other = Caller(diarize=diarize, resume=Checkpoint.from_json(stored))
    other.run([(seconds, pauses, 0.0) for seconds, pauses, _ in after])
    words = [word.word for word in first.words + other.words]
    assert words == [str(n) for n in range(SECONDS)]
    assert not {segment.id for segment in first.finals} & {s.id for s in other.finals}


def test_an_interim_segment_has_the_id_of_the_final_one():
    caller = Caller()
    caller.connect()
    caller.send(10)
    caller.settle(3, is_final=False)
    caller.settle(5, is_final=False)
    caller.settle(5)
    caller.settle(7)
    assert [event.id for event in caller.events if isinstance(event, Segment)] == [
        *["1.0.0", "1.0.0", "1.0.0"],
        "1.0.1",
    ]


def test_audio_that_was_lost_is_a_gap_and_later_times_are_true():
    caller = Caller()
    caller.connect()
    caller.send(10)
    caller.settle(4)
    caller.server = Server()
    (opened, gap) = caller.continuity.open(AUDIO.size(12.0), "r-2")
    assert opened == ConnectionOpened(2, "r-2", 12.0)
    assert gap == Gap(4.0, 12.0, "the audio was no longer in memory")
    caller.at = caller.start = caller.continuity.start
    caller.settled = 0.0
    caller.finish()
    assert [word.word for word in caller.words] == [*"0123", *map(str, range(12, SECONDS))]
    assert caller.words[4].start == pytest.approx(12.2)


def test_audio_that_cannot_be_read_again_is_a_gap_within_a_connection():
    caller = Caller()
    caller.connect()
    caller.send(10)
    caller.settle(4)
    (gap,) = caller.continuity.skip(AUDIO.size(15.0), "unreadable")
    assert gap == Gap(10.0, 15.0, "unreadable")
    caller.at = AUDIO.size(15.0)
    caller.send(5)
    caller.events += caller.continuity.receive(caller.server.results(4.0, 10.0, is_final=True))
    caller.events += caller.continuity.receive(caller.server.results(10.0, 15.0, is_final=True))
    assert [word.word for word in caller.words] == [str(n) for n in [*range(10), *range(15, 20)]]
    assert caller.words[10].start == pytest.approx(15.2)
    assert caller.continuity.final == AUDIO.size(20.0)


def test_a_gap_is_reported_once():
    caller = Caller()
    caller.connect()
    caller.send(10)
    assert caller.continuity.skip(AUDIO.size(15.0), "unreadable")
    caller.connect()
    caller.send(10)
    assert caller.continuity.skip(AUDIO.size(15.0), "unreadable") == []
    assert caller.continuity.skip(AUDIO.size(16.0), "unreadable") == [Gap(15.0, 16.0, "unreadable")]


def turn(event: str, index: int, start: float, end: float, transcript: str = ""):
    body = {
        "type": "TurnInfo",
        "event": event,
        "turn_index": index,
        "audio_window_start": start,
        "audio_window_end": end,
        "transcript": transcript,
    }
    return FluxSession().receive(json.dumps(body))


class Turns:
    def __init__(self) -> None:
        self.continuity = TurnContinuity(AUDIO, Checkpoint())
        self.continuity.open(0, "r-1")
        self.continuity.sent(AUDIO.size(100.0))
        self.turns: list[Turn] = []

    def reconnect(self) -> None:
        self.continuity.open(0, "r-2")
        self.continuity.sent(AUDIO.size(100.0))

    def hear(self, *facts) -> None:
        self.turns += [
            event for event in self.continuity.receive(turn(*facts)) if isinstance(event, Turn)
        ]

    @property
    def shown(self) -> list:
        return [(turn.turn_index, turn.event, turn.transcript) for turn in self.turns]


def test_a_turn_that_is_open_when_the_connection_is_lost_keeps_its_number():
    turns = Turns()
    turns.hear("StartOfTurn", 0, 0.0, 2.0, "hello")
    turns.hear("EndOfTurn", 0, 0.0, 3.0, "hello there")
    turns.hear("StartOfTurn", 1, 3.0, 5.0, "how")
    turns.hear("EagerEndOfTurn", 1, 3.0, 6.0, "how are")
    turns.reconnect()
    assert turns.continuity.start == AUDIO.size(3.0)
    turns.hear("StartOfTurn", 0, 0.0, 2.0, "how")
    turns.hear("EndOfTurn", 0, 0.0, 5.0, "how are you")
    turns.hear("StartOfTurn", 1, 5.0, 6.0, "fine")
    assert turns.shown == [
        (0, "StartOfTurn", "hello"),
        (0, "EndOfTurn", "hello there"),
        (1, "StartOfTurn", "how"),
        (1, "EagerEndOfTurn", "how are"),
        (1, "TurnResumed", "how"),
        (1, "EndOfTurn", "how are you"),
        (2, "StartOfTurn", "fine"),
    ]
    assert (turns.turns[-1].start, turns.turns[-1].end) == (8.0, 9.0)


def test_a_turn_that_a_new_connection_does_not_hear_ends():
    turns = Turns()
    turns.hear("StartOfTurn", 0, 0.0, 2.0, "cough")
    turns.reconnect()
    turns.hear("Update", 0, 0.0, 3.0)
    turns.hear("Update", 0, 0.0, 8.0)
    turns.hear("StartOfTurn", 0, 0.0, 9.0, "hello")
    assert turns.shown == [
        (0, "StartOfTurn", "cough"),
        (0, "EndOfTurn", "cough"),
        (1, "StartOfTurn", "hello"),
    ]


def test_silence_between_turns_is_not_sent_again():
    turns = Turns()
    turns.hear("Update", 0, 0.0, 60.0)
    turns.reconnect()
    assert turns.continuity.start == AUDIO.size(55.0)
