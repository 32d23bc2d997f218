"""Outages of a speech server, with a simulated clock: nothing is lost, and times stay true."""

from __future__ import annotations

import random
from collections import deque

import pytest

from speechclient.streams.continuity import ListenContinuity
from speechclient.streams.live_events import Checkpoint, Gap, NewVoice, Segment
from speechclient.streams.pace import MAX_RATE
from speechclient.streams.sending import BURST_SECONDS, Finish, SendAudio, Sending, Wait
from tests.speechclient.simulated import (
    AUDIO,
    WORD_END,
    WORD_START,
    Server,
    source,
    speaker_of,
)

TICK = 0.1
LATE_SECONDS = 0.3  # of a result on its way
CUTS_OF_EACH = 10


class Microphone:
    """A stream of ``seconds`` of speech in real time, whose server is away now and then."""

    def __init__(self, seconds: int, outages: list[tuple[float, float]]) -> None:
        self.audio = source(seconds)
        self.outages = outages
        self.continuity = ListenContinuity(AUDIO, Checkpoint(), diarize=True, interim=True)
        self.sending = Sending(AUDIO, 0, keeps_alive=True)
        self.server: Server | None = None
        self.coming: deque[tuple[float, float, float]] = deque()
        self.settled = 0.0
        self.now = 0.0
        self.events: list = []
        self.sent: list[tuple[float, float]] = []  # when, and seconds of audio

    def run(self) -> None:
        while not self._is_complete():
            self._listen()
            is_away = any(start <= self.now < end for start, end in self.outages)
            if is_away:
                self.server = None
            elif self.server is None:
                self._connect()
            if self.server is not None:
                self._send(self.server)
                self._hear(self.server)
            self.now += TICK

    @property
    def words(self) -> list:
        finals = (each for each in self.events if isinstance(each, Segment) and each.is_final)
        return [word for segment in finals for word in segment.words]

    def _is_complete(self) -> bool:
        return self.continuity.final >= len(self.audio)

    def _listen(self) -> None:
        size = min(AUDIO.size(TICK), len(self.audio) - self.sending.received)
        self.sending.receive(size)
        self.sending.is_ending = self.sending.received == len(self.audio)

    def _connect(self) -> None:
        self.server, self.settled = Server(), 0.0
        self.coming.clear()  # results on their way were lost with the connection
        self.sent.clear()
        self.events += self.continuity.open(0, "r-1")
        self.sending.restart(self.continuity.start, self.now)

    def _send(self, server: Server) -> None:
        while not isinstance(action := self.sending.next(self.now), Wait):
            if isinstance(action, SendAudio):
                server.audio += self.audio[action.start : action.start + action.size]
                self.continuity.sent(action.size)
                self.sent.append((self.now, AUDIO.seconds(action.size)))
            if isinstance(action, Finish):
                self._settle(server, server.seconds)
            self.sending.did_send(action, self.now)
        self._check_pace()
        if server.pause() > self.settled:
            self._settle(server, server.pause())

    def _settle(self, server: Server, end: float) -> None:
        self.coming.append((self.now + LATE_SECONDS, self.settled, end))
        self.settled = end

    def _hear(self, server: Server) -> None:
        while self.coming and self.coming[0][0] <= self.now:
            _, start, end = self.coming.popleft()
            results = server.results(start, end, is_final=True)
            self.events += self.continuity.receive(results)

    def _check_pace(self) -> None:
        since = self.now - self.sent[0][0] if self.sent else 0.0
        sent = sum(seconds for _, seconds in self.sent)
        assert sent <= since * MAX_RATE + BURST_SECONDS + TICK * MAX_RATE


@pytest.mark.parametrize("seconds", [1, 10, 60, 120])
@pytest.mark.slow
def test_an_outage_loses_no_audio_and_keeps_times_and_speakers(seconds):
    chance = random.Random(seconds)
    for _ in range(CUTS_OF_EACH):
        at = chance.uniform(0, 20)
        again = at + seconds + chance.uniform(0.1, 10)
        outages = [(at, at + seconds), (again, again + 1)]
        microphone = Microphone(seconds + 30, outages)
        microphone.run()
        assert not [each for each in microphone.events if isinstance(each, Gap)]
        assert [word.word for word in microphone.words] == [str(n) for n in range(seconds + 30)]
        for second, word in enumerate(microphone.words):
            assert word.start == pytest.approx(second + WORD_START, abs=0.05)
            assert word.end == pytest.approx(second + WORD_END, abs=0.05)
        voices = {word.speaker: speaker_of(int(word.word)) for word in microphone.words}
        new = [each for each in microphone.events if isinstance(each, NewVoice)]
        assert all(voices[w.speaker] == speaker_of(int(w.word)) for w in microphone.words)
        assert len(voices) - len(new) <= 3
        if at > 15:  # each voice was heard before
            assert (sorted(voices), new) == ([0, 1, 2], [])
