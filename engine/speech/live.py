"""What a live track of speech means: samples in, questions to the model and results out.

No I/O and no clock: time is the audio received. The owner of the socket feeds samples, hands
each ``Decode`` to the recognizer and gives back what it heard; the session says what to tell
the client, in order. Contract, sections 9.3 to 9.6.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.speech.decode import RATE, Samples
from engine.speech.transcript import Word, paced
from engine.speech.vad import FRAME, VoiceDetector

_ROLL = round(0.3 * RATE)  # samples kept before the first voice: soft first sounds
# A pause this young starts the final decoding; the answer is kept when the pause holds.
_EARLY = round(0.15 * RATE)
# The detector needs some 100 ms to be sure of silence: a shorter pause is inside a word.
_SHORTEST_PAUSE = round(0.1 * RATE)
_NATURAL_PAUSE = round(0.6 * RATE)  # settles a segment where endpointing is off
_STEP = round(0.7 * RATE)  # of new audio between two interim decodings
_BUSY = 3.0  # the step grows to this many times the last decoding: a third of one core is enough
_CUT, _HARD_CUT = 20 * RATE, 28 * RATE
_CUT_PAUSE = 3 * FRAME
_QUIET = 5 * RATE  # silence after which an empty result moves the clock on
_FRESH = 0.4  # seconds at the end of the audio whose words may still change


@dataclass(frozen=True)
class LiveOptions:
    """How one track is listened to. Times in milliseconds; None is off."""

    interim_results: bool = False
    endpointing_ms: int | None = 10
    utterance_end_ms: int | None = None
    vad_events: bool = False


@dataclass(frozen=True)
class Decode:
    """A question to the model: the words of ``samples`` (float32, 16 kHz), by its number."""

    number: int
    samples: Samples
    final: bool


@dataclass(frozen=True)
class Drop:
    """The answer to this question is no longer wanted."""

    number: int


@dataclass(frozen=True)
class Heard:
    """A ``Results`` message; times in seconds from the start of the stream."""

    start: float
    duration: float
    words: tuple[Word, ...]
    is_final: bool
    speech_final: bool = False
    from_finalize: bool = False


@dataclass(frozen=True)
class SpeechStarted:
    timestamp: float


@dataclass(frozen=True)
class UtteranceEnd:
    last_word_end: float


Message = Heard | SpeechStarted | UtteranceEnd
Step = Decode | Drop | Message


@dataclass
class _Segment:
    """Speech that is not settled yet; places in samples of the stream."""

    first: int
    voice_end: int
    asked_at: int = 0  # how much audio the newest interim question held
    stable: list[Word] = field(default_factory=list)
    rest: list[Word] = field(default_factory=list)  # the newest hypothesis behind the stable words
    decoded: bool = False

    @property
    def words(self) -> list[Word]:
        return self.stable + self.rest


@dataclass
class _Question:
    """What was asked of the model; ``end`` is where its audio ends."""

    segment: _Segment
    end: int
    final: bool
    words: list[Word] | None = None


@dataclass
class _Settled:
    """A final result that waits for its words."""

    start: int
    end: int
    question: _Question | None
    ends_speech: bool
    from_finalize: bool


class ListenSession:
    """One track of a live stream.

    ``push``, ``finalize`` and ``decoded`` return what follows from them: questions for the
    model and messages for the client, in the order of sending.
    """

    def __init__(self, options: LiveOptions) -> None:
        self._options = options
        self._detector = VoiceDetector()
        self._audio = np.zeros(0, np.float32)
        self._origin = 0  # of the first sample kept
        self._received = 0
        self._seen = 0  # samples that the detector has judged
        self._voiced_until = 0  # the end of the last frame with voice
        self._settled_until = 0  # results touch each other: where the next one starts
        self._segment: _Segment | None = None
        self._questions: dict[int, _Question] = {}
        self._asked = 0
        self._interim: int | None = None
        self._early: tuple[int, _Question] | None = None
        self._seconds = 0.0  # of the last interim decoding
        self._waiting: deque[_Settled | Message] = deque()
        self._utterance_words = False  # since the last speech_final
        self._last_word_end: float | None = None  # of an utterance that has not ended

    @property
    def received_seconds(self) -> float:
        return self._received / RATE

    @property
    def is_settled(self) -> bool:
        """Whether every final result has been told."""
        return not self._waiting

    @property
    def is_in_speech(self) -> bool:
        """Whether a segment is open: there was voice, and no pause long enough since."""
        return self._segment is not None

    @property
    def silence_seconds(self) -> float:
        """How long there has been no voice; 0 while there is."""
        return (self._seen - self._voiced_until) / RATE

    def push(self, samples: Samples) -> list[Step]:
        """Take samples (float32, 16 kHz) that followed those before."""
        self._audio = np.concatenate((self._audio, samples))
        self._received += len(samples)
        steps: list[Step] = []
        for voiced in self._detector.voiced(samples).tolist():
            self._seen += FRAME
            steps += self._hear(voiced)
        steps += self._ask_interim()
        steps += self._end_utterance()
        self._forget()
        return steps

    def decoded(self, number: int, words: Sequence[Word], seconds: float) -> list[Step]:
        """The model's answer to a ``Decode``: words timed from its first sample.

        ``seconds`` is how long the answer took, which paces the interim questions.
        """
        question = self._questions.pop(number, None)
        if question is None:
            return []
        offset = question.segment.first / RATE
        found = [
            replace(word, start=round(word.start + offset, 3), end=round(word.end + offset, 3))
            for word in words
        ]
        if question.final:
            question.words = found
            return [*self._tell(), *self._end_utterance()]
        self._interim = None
        self._seconds = seconds
        return self._tell_interim(question, found)

    def finalize(self) -> list[Step]:
        """Settle what is buffered now: exactly one result with ``from_finalize`` follows."""
        return self._settle(self._received, ends_speech=self._ends_speech, from_finalize=True)

    def finish(self) -> list[Step]:
        """No more audio comes: settle the rest, if there is any."""
        if self._received == self._settled_until:
            return []
        return self._settle(self._received, ends_speech=self._ends_speech)

    def _hear(self, voiced: bool) -> list[Step]:
        """Follow one frame of the detector."""
        segment = self._segment
        if voiced:
            self._voiced_until = self._seen
            steps = self._forget_early()
            if segment is None:
                first = max(self._seen - FRAME - _ROLL, self._settled_until)
                self._segment = _Segment(first, self._seen)
                if self._options.vad_events:
                    self._waiting.append(SpeechStarted(round((self._seen - FRAME) / RATE, 3)))
                    steps += self._tell()
            else:
                segment.voice_end = self._seen
                if self._seen - segment.first >= _HARD_CUT:
                    steps += self._settle(self._quietest(segment), ends_speech=False)
            return steps
        if segment is None:
            if self._seen - self._settled_until >= _QUIET:
                return self._settle(self._seen, ends_speech=False)
            return []
        silence = self._seen - segment.voice_end
        if self._seen - segment.first >= _CUT and silence >= _CUT_PAUSE:
            return self._settle(self._seen, ends_speech=False)
        if silence >= self._pause:
            return self._settle(self._seen, ends_speech=self._ends_speech)
        if silence >= _EARLY and self._early is None:
            return self._ask_early(segment)
        return []

    @property
    def _ends_speech(self) -> bool:
        """``speech_final`` stays false where endpointing is off (section 9.4)."""
        return self._options.endpointing_ms is not None

    @property
    def _pause(self) -> int:
        """Samples of silence that settle a segment."""
        if self._options.endpointing_ms is None:
            return _NATURAL_PAUSE
        return max(self._options.endpointing_ms * RATE // 1000, _SHORTEST_PAUSE)

    def _ask(self, segment: _Segment, end: int, *, final: bool) -> tuple[int, Decode]:
        self._asked += 1
        self._questions[self._asked] = _Question(segment, end, final)
        samples = self._audio[segment.first - self._origin : end - self._origin]
        return self._asked, Decode(self._asked, samples, final)

    def _ask_early(self, segment: _Segment) -> list[Step]:
        steps = self._forget_interim()
        number, decode = self._ask(segment, self._seen, final=True)
        self._early = number, self._questions[number]
        return [*steps, decode]

    def _ask_interim(self) -> list[Step]:
        segment = self._segment
        if not self._wants_words or segment is None:
            return []
        if self._interim is not None or self._early is not None:
            return []
        length = self._seen - segment.first
        step = max(_STEP, round(_BUSY * self._seconds * RATE))
        if length - segment.asked_at < step:
            return []
        segment.asked_at = length
        self._interim, decode = self._ask(segment, self._seen, final=False)
        return [decode]

    @property
    def _wants_words(self) -> bool:
        return self._options.interim_results or self._options.utterance_end_ms is not None

    def _forget_interim(self) -> list[Step]:
        if self._interim is None:
            return []
        number, self._interim = self._interim, None
        self._questions.pop(number, None)
        return [Drop(number)]

    def _forget_early(self) -> list[Step]:
        """Voice again: the pause was inside the speech."""
        if self._early is None:
            return []
        (number, _), self._early = self._early, None
        return [Drop(number)] if self._questions.pop(number, None) else []

    def _settle(self, end: int, *, ends_speech: bool, from_finalize: bool = False) -> list[Step]:
        """Close the result that ends at ``end``; its words may still be on their way."""
        segment, self._segment = self._segment, None
        steps: list[Step] = []
        question = None
        if segment is not None:
            steps += self._forget_interim()
            if self._early is not None:
                question = self._early[1]
            else:
                number, decode = self._ask(segment, end, final=True)
                question = self._questions[number]
                steps.append(decode)
        self._early = None
        self._waiting.append(
            _Settled(self._settled_until, end, question, ends_speech, from_finalize)
        )
        self._settled_until = end
        if segment is not None and segment.voice_end > end:
            # Cut inside speech: what is behind the cut belongs to the next segment.
            self._segment = _Segment(end, segment.voice_end)
        return [*steps, *self._tell()]

    def _tell(self) -> list[Step]:
        """The messages that need not wait for words, in order."""
        told: list[Step] = []
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, _Settled):
                if item.question is not None and item.question.words is None:
                    break
                told.append(self._result(item))
            elif not (isinstance(item, SpeechStarted) and self._utterance_words):
                told.append(item)  # a pause inside an utterance does not start it again
            self._waiting.popleft()
        return told

    def _result(self, settled: _Settled) -> Heard:
        start, end = settled.start / RATE, settled.end / RATE
        heard = settled.question.words or [] if settled.question else []
        words = tuple(paced(heard, start, end))
        if words:
            self._utterance_words = True
            self._last_word_end = words[-1].end
        speech_final = settled.ends_speech and self._utterance_words
        if speech_final:
            self._utterance_words = False
        return Heard(
            round(start, 3),
            round(end - start, 3),
            words,
            is_final=True,
            speech_final=speech_final,
            from_finalize=settled.from_finalize,
        )

    def _tell_interim(self, question: _Question, words: list[Word]) -> list[Step]:
        segment = question.segment
        if segment is not self._segment:
            return []
        _agree(segment, words, question.end / RATE - _FRESH)
        segment.decoded = True
        # A result of later audio must not overtake a final one.
        if not (self._options.interim_results and segment.words and self.is_settled):
            return self._end_utterance()
        start = self._settled_until / RATE
        heard = Heard(
            round(start, 3),
            round(question.end / RATE - start, 3),
            tuple(paced(segment.words, start, question.end / RATE)),
            is_final=False,
        )
        return [heard]

    def _end_utterance(self) -> list[Step]:
        """``UtteranceEnd`` once the gap behind the last word is long enough, by word times."""
        gap, last = self._options.utterance_end_ms, self._last_word_end
        if gap is None or last is None or not self.is_settled:
            return []
        segment = self._segment
        if segment is not None and (segment.words or not segment.decoded):
            return []
        if self._seen / RATE - last < gap / 1000:
            return []
        self._last_word_end = None
        return [UtteranceEnd(last)]

    def _quietest(self, segment: _Segment) -> int:
        """The quietest place in the last three seconds before ``_seen``."""
        first = self._seen - 3 * RATE
        frames = self._audio[first - self._origin : self._seen - self._origin]
        frames = frames[: len(frames) // FRAME * FRAME].reshape(-1, FRAME)
        return first + int(np.argmin(np.square(frames).mean(axis=1))) * FRAME

    def _forget(self) -> None:
        """Let go of audio that no question will need."""
        needed = self._segment.first if self._segment else self._seen - _ROLL
        needed = max(min(needed, self._seen - _ROLL), self._origin)
        self._audio = self._audio[needed - self._origin :]
        self._origin = needed


def _plain(word: Word) -> str:
    return "".join(character for character in word.text.lower() if character.isalnum())


def _agree(segment: _Segment, words: list[Word], settled_until: float) -> None:
    """LocalAgreement-2: words that two hypotheses in a row share are stable and stay.

    The last words of the audio are left open: half a word reads as another one.
    (Macháček, Dabre and Bojar 2023, "Turning Whisper into Real-Time Transcription System".)
    """
    count = len(segment.stable)
    same = [_plain(word) for word in words[:count]] == [_plain(word) for word in segment.stable]
    if same:
        rest = words[count:]
    else:
        until = segment.stable[-1].end - 0.05
        rest = [word for word in words if (word.start + word.end) / 2 > until]
    agreed = 0
    for before, now in zip(segment.rest, rest, strict=False):
        if _plain(before) != _plain(now) or now.end > settled_until:
            break
        agreed += 1
    segment.stable += rest[:agreed]
    segment.rest = rest[agreed:]
