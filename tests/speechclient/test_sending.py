"""Order and pace of what a live stream sends."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient.streams.memory import Memory
from speechclient.streams.pace import MAX_RATE, Backoff, StallWatch
from speechclient.streams.rawaudio import RawAudio
from speechclient.streams.sending import (
    BURST_SECONDS,
    CHUNK_SECONDS,
    Finish,
    Mark,
    SendAudio,
    Sending,
    SendKeepAlive,
    SendMark,
    Wait,
)

AUDIO = RawAudio(16_000, 2)


class Sender:
    """Carries out what ``Sending`` decides, with a clock of its own."""

    def __init__(self, *, keeps_alive: bool = True) -> None:
        self.sending = Sending(AUDIO, 0, keeps_alive=keeps_alive)
        self.now = 100.0
        self.sent: list[tuple[float, object]] = []
        self.sending.restart(0, self.now)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            action = self.sending.next(self.now)
            if not isinstance(action, Wait):
                self.sending.did_send(action, self.now)
                self.sent.append((self.now, action))
            elif action.seconds is None or self.now + action.seconds > end:
                self.now = end
                return
            else:
                self.now += action.seconds + 1e-9

    def receive(self, seconds: float) -> None:
        self.sending.receive(AUDIO.size(seconds))

    @property
    def kinds(self) -> list[type]:
        return [type(action) for _, action in self.sent]


def seconds_of(action: object) -> float:
    return AUDIO.seconds(action.size) if isinstance(action, SendAudio) else 0.0


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=8), st.floats(0, 30))
def test_audio_is_never_sent_faster_than_a_server_takes_it(pieces, backlog):
    sender = Sender()
    sender.receive(backlog)
    for received, pause in pieces:
        sender.run(pause)
        sender.receive(received)
    sender.run(120)
    # Audio that a server of this rate has not taken yet, wherever one begins to count.
    waiting, before = 0.0, 0.0
    for at, action in sender.sent:
        waiting = max(0.0, waiting - (at - before) * MAX_RATE) + seconds_of(action)
        assert waiting <= BURST_SECONDS + CHUNK_SECONDS + 1e-3
        before = at


@given(st.floats(1, 60))
def test_a_replay_has_no_burst(backlog):
    sender = Sender()
    sender.receive(backlog)
    sender.sending.restart(0, sender.now)
    sender.run(backlog)
    start = sender.sent[0][0]
    audio = 0.0
    for at, action in sender.sent:
        audio += seconds_of(action)
        assert audio <= (at - start) * MAX_RATE + CHUNK_SECONDS + 1e-3


def test_audio_that_came_while_the_first_connection_was_opened_is_sent_at_once():
    sender = Sender()
    sender.receive(1.5)
    sender.run(0)
    assert sum(seconds_of(action) for _, action in sender.sent) == pytest.approx(1.5)


def test_silence_is_bridged_by_keep_alive_every_four_seconds():
    sender = Sender()
    sender.receive(0.1)
    sender.run(60)
    assert sender.kinds == [SendAudio, *[SendKeepAlive] * 14]
    times = [at for at, _ in sender.sent]
    assert all(3 <= later - at <= 5 for at, later in pairwise(times))


def test_audio_bridges_silence_by_itself():
    sender = Sender()
    for _ in range(100):
        sender.receive(0.5)
        sender.run(0.5)
    assert SendKeepAlive not in sender.kinds


def test_a_turn_is_ended_when_no_audio_comes():
    sender = Sender(keeps_alive=False)
    sender.receive(0.1)
    sender.run(10)
    assert sender.kinds == [SendAudio]
    sender.sending.has_open_turn = True
    sender.run(10)
    assert sender.sent[-1][1] == SendMark(Mark.END_TURN)
    assert len(sender.sent) == 2


@given(st.lists(st.integers(0, 9_999), max_size=20))
def test_a_piece_is_never_empty_and_ends_between_frames(sizes):
    sender = Sender()
    for size in sizes:
        sender.sending.receive(size)
        sender.run(0.2)
    sender.run(5)
    pieces = [action for _, action in sender.sent if isinstance(action, SendAudio)]
    assert all(piece.size > 0 and piece.size % 2 == 0 for piece in pieces)
    assert sum(piece.size for piece in pieces) == sum(sizes) - sum(sizes) % 2


def test_a_mark_is_sent_at_its_place_in_the_audio():
    sender = Sender()
    sender.receive(0.25)
    sender.sending.mark(Mark.FINALIZE)
    sender.receive(0.25)
    sender.run(2)
    (place,) = [index for index, kind in enumerate(sender.kinds) if kind is SendMark]
    before = [action for _, action in sender.sent[:place]]
    assert sum(map(seconds_of, before)) == 0.25


def test_the_end_comes_once_after_all_audio_on_each_connection():
    sender = Sender()
    sender.receive(1)
    sender.sending.is_ending = True
    sender.run(30)
    assert sender.kinds == [*[SendAudio] * 10, Finish]
    sender.sending.restart(AUDIO.size(0.5), sender.now)
    sender.run(30)
    assert sender.kinds[11:] == [*[SendAudio] * 5, Finish]


def test_a_stall_is_audio_for_ten_seconds_and_nothing_received():
    stall = StallWatch(10)
    assert not any(stall.sent(0.1, at / 10) for at in range(100))
    stall.heard()
    assert not any(stall.sent(0.1, 10 + at / 10) for at in range(100))
    assert stall.sent(0.1, 20.1)


def test_little_audio_and_a_long_pause_are_no_stall():
    stall = StallWatch(10)
    assert not stall.sent(1, 0)
    assert not stall.sent(1, 600)


def test_a_server_that_stalls_again_is_given_more_time():
    stall = StallWatch(10)

    def seconds_until_stall() -> int:
        stall.restart()
        return next(at for at in range(1000) if stall.sent(1, at))

    assert [seconds_until_stall() for _ in range(4)] == [10, 20, 40, 60]
    stall.heard()
    assert seconds_until_stall() == 10


def test_waits_between_attempts_double_and_are_spread():
    latest = Backoff(lambda: 1.0, first=0.5, most=30)
    assert [latest.next(None) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    soonest = Backoff(lambda: 0.0, first=0.5, most=30)
    assert [soonest.next(None) for _ in range(3)] == [0.25, 0.5, 1]
    soonest.reset()
    assert soonest.next(None) == 0.25
    assert soonest.next(7.0) == 7.5


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 60)), max_size=20))
def test_memory_is_bounded_and_reads_what_it_has(pieces):
    memory = Memory(20)
    source = b""
    for piece, droppable in pieces:
        if memory.make_room(len(piece), droppable):
            memory.append(piece)
            source = source[: memory.end - len(piece)] + piece
        assert memory.end - memory.start <= 20
        assert memory.read(memory.start, 100) == source[memory.start : memory.end]
        assert memory.read(memory.start - 1, 5) == b""
