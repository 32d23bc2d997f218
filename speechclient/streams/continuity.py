"""Identity of a stream across its connections: places, times, ids and speakers.

Without sockets and clocks: its owner reports what it sent and received, and passes on the events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from msgspec.structs import replace as replace_struct

from speechclient.streams import flux, live_listen
from speechclient.streams.live_events import (
    Checkpoint,
    Configured,
    ConfigureFailed,
    ConnectionOpened,
    Gap,
    LiveEvent,
    NewVoice,
    Segment,
    ServerWarning,
    SpeechBegan,
    Turn,
    UtteranceEnded,
)
from speechclient.streams.places import Places
from speechclient.streams.rawaudio import RawAudio
from speechclient.streams.session import Event, StreamError, StreamWarning
from speechclient.streams.speakers import Speakers
from speechclient.words import Word

# Two recognitions of the same audio agree on times of words within that.
JITTER_SECONDS = 0.3
SAME_MOMENT_SECONDS = 0.001  # times on the wire have three digits


class Continuity(ABC):
    """Places of a stream. Subclasses read the events of their socket.

    Bytes before ``final`` are transcribed for good; a new connection begins there or earlier.
    ``heard`` is the end of the last result in seconds of the source.
    """

    def __init__(self, audio: RawAudio, resume: Checkpoint) -> None:
        self.final = resume.final
        self.connection = resume.connections
        self.heard = audio.seconds(resume.final)
        self.request_id: str | None = None
        self._audio = audio
        self._places = Places(audio, resume.final)
        self._lost: list[tuple[int, int]] = []  # gaps that were reported

    def open(self, oldest: int, request_id: str | None) -> list[LiveEvent]:
        """Begin a connection. ``oldest`` is the first byte that can still be sent."""
        self.connection += 1
        self.request_id = request_id
        start = max(self.first_byte(), oldest)
        gaps = self._lose(self.final, start, "the audio was no longer in memory")
        self.passed(start)
        self._places = Places(self._audio, start)
        self.restart()
        opened = ConnectionOpened(self.connection, request_id, self._audio.seconds(start))
        return [opened, *gaps]

    @property
    def is_in_turn(self) -> bool:
        """True when the server waits for audio to end a turn."""
        return False

    @property
    def start(self) -> int:
        """First byte of the connection."""
        return self._places.start

    def first_byte(self) -> int:
        """Return the byte of the source at which to begin a connection."""
        return self.final

    @abstractmethod
    def restart(self) -> None:
        """Begin a connection of a server that knows nothing of the ones before."""

    def sent(self, size: int) -> None:
        self._places.send(size)

    def skip(self, to: int, reason: str) -> list[LiveEvent]:
        """Audio up to byte ``to`` cannot be sent."""
        gaps = self._lose(max(self._places.end, self.final), to, reason)
        self._places.skip(to)
        return gaps

    def close(self, received: int) -> None:
        """The server has sent its last results: all audio is final."""
        self.final = max(self.final, received)
        self.heard = max(self.heard, self._audio.seconds(received))

    def receive(self, event: Event) -> list[LiveEvent]:
        """Return what ``event`` means for the whole stream."""
        if events := list(self.read(event)):
            return events
        match event:
            case StreamWarning() | StreamError():
                return [ServerWarning(event.code, event.description)]
            case live_listen.ConfigureFailed() | flux.ConfigureFailed():
                return [ConfigureFailed(event.code, event.description)]
        return []

    @abstractmethod
    def read(self, event: Event) -> Iterable[LiveEvent]:
        """Return what a result of the server means for the whole stream."""

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(final=self.final, connections=self.connection)

    def _lose(self, start: int, end: int, reason: str) -> list[LiveEvent]:
        """Return the gaps from ``start`` to ``end`` that were not reported before."""
        new = list(_uncovered(start, end, self._lost))
        known = (span for span in self._lost if span[1] > self.final)
        self._lost = sorted([*known, *new])
        seconds = self._audio.seconds
        return [Gap(seconds(gap_start), seconds(gap_end), reason) for gap_start, gap_end in new]

    def passed(self, end: int) -> None:
        """Nothing before byte ``end`` will be transcribed any more."""
        self.final = max(self.final, end)

    def _hear(self, end: float) -> None:
        self.heard = max(self.heard, end)

    def _moved(self, words: Iterable[Word]) -> tuple[Word, ...]:
        """Return the words at their times in the source."""
        moved = []
        for word in words:
            start = self._places.start_at(word.start)
            moved.append(word.moved(start, max(self._places.end_at(word.end), start)))
        return tuple(moved)


class ListenContinuity(Continuity):
    """Results of ``/v1/listen`` as segments of the source."""

    def __init__(
        self, audio: RawAudio, resume: Checkpoint, *, diarize: bool, interim: bool
    ) -> None:
        super().__init__(audio, resume)
        self._diarize = diarize
        self._interim = interim
        self._speakers = Speakers(resume.speakers, resume.labels)
        self._ends = dict(enumerate(resume.ends))  # of final segments, by channel, in seconds
        self._last_words: dict[int, Word] = {}
        self._numbers: dict[int, int] = {}
        self._utterance_ends: dict[int, float] = {}
        self._beginnings: dict[int, float] = {}

    def first_byte(self) -> int:
        if not self._diarize:
            return self.final
        start = self._speakers.overlap_start(self._audio.seconds(self.final))
        return min(self._audio.size(start), self.final)

    def restart(self) -> None:
        self._speakers.restart()
        self._numbers.clear()

    def passed(self, end: int) -> None:
        super().passed(end)
        seconds = self._audio.seconds(end)
        self._ends = {channel: max(was, seconds) for channel, was in self._ends.items()}

    def checkpoint(self) -> Checkpoint:
        return replace(
            super().checkpoint(),
            speakers=self._speakers.count,
            labels=tuple(self._speakers.labels),
            ends=tuple(end for _, end in sorted(self._ends.items())),
        )

    def read(self, event: Event) -> Iterable[LiveEvent]:
        match event:
            case live_listen.Results():
                return self._results(event)
            case live_listen.SpeechStarted():
                return self._speech_started(event)
            case live_listen.UtteranceEnd(last_word_end=end) if end is not None:
                return self._utterance_end(event.channel_index, self._places.end_at(end))
            case live_listen.Configured(keyterms=keyterms):
                return (Configured(keyterms),)
        return ()

    def _results(self, results: live_listen.Results) -> Iterator[LiveEvent]:
        channel = results.channel_index
        start = self._places.start_at(results.start)
        end = self._places.end_at(results.start + results.duration)
        words = self._moved(results.alternatives[0].words)
        final = self._end_of(channel)
        is_repeated = start < final - SAME_MOMENT_SECONDS
        new = self._new_words(channel, words) if is_repeated else words
        self._hear(end)
        if results.is_final:
            self._speakers.match(words[: len(words) - len(new)])
        if is_repeated and end <= final + SAME_MOMENT_SECONDS:
            return
        if results.is_final:
            new = yield from self._numbered(new)
            self._settle(channel, results.channels, end, new)
        else:
            new = self._numbered_if_known(new)
        if results.is_final or self._interim:
            yield self._segment(results, max(start, final), end, new, is_cut=new != words)
        if results.is_final:
            self._numbers[channel] = self._numbers.get(channel, 0) + 1

    def _segment(
        self,
        results: live_listen.Results,
        start: float,
        end: float,
        words: tuple[Word, ...],
        *,
        is_cut: bool,
    ) -> Segment:
        best = results.alternatives[0]
        channel = results.channel_index
        is_shortened = len(words) < len(best.words)
        return Segment(
            id=f"{self.connection}.{channel}.{self._numbers.get(channel, 0)}",
            connection=self.connection,
            request_id=self.request_id,
            channel_index=channel,
            channels=results.channels,
            start=start,
            end=end,
            is_final=results.is_final,
            speech_final=results.speech_final,
            from_finalize=results.from_finalize,
            transcript=_text(words) if is_shortened else best.transcript,
            confidence=best.confidence,
            words=words,
            languages=best.languages,
            # Their positions count the words of the whole transcript.
            entities=() if is_shortened else results.entities,
        )

    def _end_of(self, channel: int) -> float:
        """Return the end of the channel's final segments in seconds of the source."""
        end = self._ends.get(channel)
        return self._audio.seconds(self.final) if end is None else end

    def _new_words(self, channel: int, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Return the words after those that an earlier connection has made final."""
        final = self._end_of(channel)
        last = self._last_words.get(channel)
        pause = 0.0 if last is None else max(final - last.end, 0.0)
        cut = final - min(pause / 2, JITTER_SECONDS)
        first = next(
            (index for index, word in enumerate(words) if (word.start + word.end) / 2 >= cut),
            len(words),
        )
        if first < len(words) and last is not None and _is_same(words[first], last):
            first += 1
        return words[first:]

    def _numbered(self, words: tuple[Word, ...]) -> Generator[LiveEvent, None, tuple[Word, ...]]:
        """Yield new voices; return the words with the speakers of the stream."""
        numbered = []
        for word in words:
            if word.speaker is not None:
                is_first_voice = self._speakers.count == 0
                speaker, is_new = self._speakers.number(word.speaker)
                if is_new and self.connection > 1 and not is_first_voice:
                    yield NewVoice(speaker, self.connection, word.start)
                word = replace_struct(word, speaker=speaker)
            numbered.append(word)
        return tuple(numbered)

    def _numbered_if_known(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        numbered = []
        for word in words:
            if word.speaker is not None:
                word = replace_struct(word, speaker=self._speakers.known(word.speaker))
            numbered.append(word)
        return tuple(numbered)

    def _settle(self, channel: int, channels: int, end: float, words: tuple[Word, ...]) -> None:
        self._speakers.label(words)
        if words:
            self._last_words[channel] = words[-1]
        before = self._audio.seconds(self.final)
        self._ends = {index: self._ends.get(index, before) for index in range(channels)}
        self._ends[channel] = max(self._ends[channel], end)
        self.final = max(self.final, self._audio.size(min(self._ends.values())))

    def _speech_started(self, event: live_listen.SpeechStarted) -> Iterator[LiveEvent]:
        at = self._places.start_at(event.timestamp)
        last = self._beginnings.get(event.channel_index, -1.0)
        if at < self._end_of(event.channel_index) - JITTER_SECONDS or at <= last + JITTER_SECONDS:
            return
        self._beginnings[event.channel_index] = at
        yield SpeechBegan(event.channel_index, at)

    def _utterance_end(self, channel: int, end: float) -> Iterator[LiveEvent]:
        if end <= self._utterance_ends.get(channel, -1.0) + JITTER_SECONDS:
            return
        self._utterance_ends[channel] = end
        yield UtteranceEnded(channel, end)


class TurnContinuity(Continuity):
    """Turns of ``/v2/listen``, counted across connections."""

    # Voice that is not in words yet may be that old when an Update is still empty; 2.1 s were seen.
    DOUBT_SECONDS = 5.0
    # A turn that was open is over when a new connection hears none for so long after it.
    RESUME_SECONDS = 5.0

    def __init__(self, audio: RawAudio, resume: Checkpoint) -> None:
        super().__init__(audio, resume)
        self._ended = resume.turns  # number of ended turns
        self._base = resume.turns  # of the connection's turn 0
        self._open: Turn | None = None
        self._is_in_turn = False  # on this connection

    @property
    def is_in_turn(self) -> bool:
        return self._is_in_turn

    def restart(self) -> None:
        self._base = self._ended
        self._is_in_turn = False

    def checkpoint(self) -> Checkpoint:
        return replace(super().checkpoint(), turns=self._ended)

    def read(self, event: Event) -> Iterable[LiveEvent]:
        match event:
            case flux.TurnInfo():
                return self._turn(event)
            case flux.Configured():
                configured = Configured(
                    event.keyterms,
                    event.eot_threshold,
                    event.eager_eot_threshold,
                    event.eot_timeout_ms,
                    event.language_hints,
                )
                return (configured,)
        return ()

    def _turn(self, info: flux.TurnInfo) -> Iterator[LiveEvent]:
        start = self._places.start_at(info.audio_window_start)
        end = self._places.end_at(info.audio_window_end)
        self._hear(end)
        turn = Turn(
            id=str(self._base + info.turn_index),
            connection=self.connection,
            request_id=self.request_id,
            turn_index=self._base + info.turn_index,
            event=info.event,
            start=start,
            end=end,
            transcript=info.transcript,
            words=self._moved(info.words),
            end_of_turn_confidence=info.end_of_turn_confidence,
            trigger=info.trigger,
            languages=info.languages,
        )
        if info.event == "StartOfTurn":
            turn = self._started(turn)
        if self._is_in_turn or info.transcript:
            yield from self._advance(turn)
            return
        yield from self._abandon(end)
        doubtful = self._audio.size(max(end - self.DOUBT_SECONDS, 0.0))
        self.final = max(self.final, doubtful)

    def _started(self, turn: Turn) -> Turn:
        """Return the start of a turn; one that a connection before has started continues."""
        self._is_in_turn = True
        if self._open is None:
            return turn
        was_eager = self._open.event == "EagerEndOfTurn"
        return replace(turn, event="TurnResumed" if was_eager else "Update")

    def _advance(self, turn: Turn) -> Iterator[LiveEvent]:
        self._open = turn
        if turn.event == "EndOfTurn":
            self._is_in_turn, self._open = False, None
            self._ended = turn.turn_index + 1
            self.final = max(self.final, self._audio.size(turn.end))
        yield turn

    def _abandon(self, end: float) -> Iterator[LiveEvent]:
        """End a turn of a lost connection that the new one did not hear."""
        if self._open is None or end < self._open.end + self.RESUME_SECONDS:
            return
        ended = replace(self._open, event="EndOfTurn", trigger="timeout")
        self._open = None
        self._ended = ended.turn_index + 1
        self._base += 1
        yield ended


def _uncovered(start: int, end: int, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of ``start`` to ``end`` that no span covers; ``spans`` are in order."""
    for span_start, span_end in [*spans, (end, end)]:
        if start < min(span_start, end):
            yield start, min(span_start, end)
        start = max(start, span_end)


def _text(words: Iterable[Word]) -> str:
    return " ".join(word.punctuated_word for word in words)


def _is_same(word: Word, last: Word) -> bool:
    """Return whether two recognitions of the same audio mean the same word."""
    is_near = abs(word.start - last.start) < JITTER_SECONDS and word.start < last.end
    return is_near and word.word == last.word
