"""One track of live speech, cut into segments at places of its audio alone.

No I/O and no clock. Two positions move through the stream. The *listening* position is the end of
the audio: there the detector runs, segments open and settle, and decodings are requested. The
*telling* position follows in the same order and stops at a decoding that is not finished;
everything that depends on words is decided there, frame by frame. The results of a stream are
therefore a function of its bytes, its options and the places of its control messages, however
late a decoding is and however the bytes were split into frames. Only guesses (interim results)
depend on the speed of the models.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.belief import PIECE, VOICE_SURE, is_said
from engine.speech.recognition.edges import UNBROKEN, Edges, edges_of
from engine.speech.recognition.transcript import Word, paced
from engine.speech.recognition.vad import FRAME, VoiceDetector
from engine.speech.recognition.voicerun import END, VoiceRun

NATURAL_PAUSE = round(0.6 * RATE)  # ends a stretch of speech whatever the options are
_ROLL = round(0.3 * RATE)  # samples kept before the first voice: soft first sounds
# A pause this young starts the final decoding; its words are kept when the pause holds.
_EARLY = round(0.15 * RATE)
# The detector needs about 100 ms to be sure of silence: a shorter pause is inside a word.
_SHORTEST_PAUSE = round(0.1 * RATE)
_STEP = round(0.7 * RATE)  # of new audio between two guesses
_BUSY = 3.0  # the step grows to this many times the last decoding: a third of one core is enough
_CUT, _HARD_CUT = 20 * RATE, 28 * RATE
_CUT_PAUSE = 3 * FRAME
_QUIET = 5 * RATE  # silence after which an empty result moves the clock on
# A live segment may be one word between two short pauses, or the rest of a cut: where the detector
# is sure of its voice, it is believed at any confidence.
_LEAST_CONFIDENCE = 0.0
# Seconds of voice that no segment of noise or of 50 ms had; a soft "ask" had 0.6, none of it sure.
_ENOUGH_VOICE = 0.5
_FRESH = 0.4  # seconds at the end of the audio whose words may still change


@dataclass(frozen=True)
class Decode:
    """A request for the words of ``samples`` (float32, 16 kHz), with its number.

    If it is ``awaited``, nothing after its place is reported before its result.
    """

    number: int
    samples: Samples
    final: bool
    awaited: bool = True
    keyterms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drop:
    """Cancel this decoding: its words are no longer needed."""

    number: int


@dataclass
class Segment:
    """Speech that is not settled yet; places in samples of the stream."""

    first: int
    voice_end: int
    keyterms: tuple[str, ...]
    asked_at: int = 0  # how much audio the newest guess held
    stable: list[Word] = field(default_factory=list)
    rest: list[Word] = field(default_factory=list)  # the newest hypothesis after the stable words

    @property
    def words(self) -> list[Word]:
        return self.stable + self.rest


@dataclass(frozen=True)
class Frame:
    """One frame of the detector, as the state of the stream at its end."""

    end: int
    silence: int  # samples since the last voice; 0 while there is voice
    segment: Segment | None  # that is open

    @property
    def seconds(self) -> float:
        return self.end / RATE

    def crosses(self, length: int, first: int = 0) -> bool:
        """Return whether a multiple of ``length`` after ``first``, not itself, is in this frame."""
        return (self.end - first) // length > max(self.end - FRAME - first, 0) // length


@dataclass
class Decoding:
    """A decoding that was requested; ``end`` is the end of its audio.

    ``voice`` is the probability of voice in each voiced frame of its audio, by the frame's end.
    """

    segment: Segment
    end: int
    final: bool
    voice: dict[int, float]
    edges: Edges = UNBROKEN
    words: list[Word] | None = None
    is_unsaid: bool = False  # the model wrote words that were not spoken

    def believed(self, words: list[Word]) -> list[Word]:
        """Return ``words``, in the time of the stream, or none where they are not believed."""
        if not words:
            return words
        first, end = words[0].start * RATE, words[-1].end * RATE + FRAME
        self.is_unsaid = not is_said(
            words,
            _voiced_seconds(self.voice),
            [voice for place, voice in self.voice.items() if first < place <= end],
            is_doubtful=max(self.voice.values(), default=0.0) < VOICE_SURE,
            least=_LEAST_CONFIDENCE,
            enough=_ENOUGH_VOICE,
            edges=self.edges,
        )
        return [] if self.is_unsaid else words


@dataclass(frozen=True)
class Settled:
    """A stretch of the stream whose words are final."""

    start: int
    end: int
    segment: Segment | None
    decoding: Decoding | None
    ends_speech: bool
    from_finalize: bool

    @property
    def words(self) -> tuple[Word, ...]:
        """The words, in the time of the stream; known once the decoding is finished."""
        found = self.decoding.words if self.decoding else None
        return tuple(paced(found or [], self.start / RATE, self.end / RATE))


# A place in the order of a stream: samples that the detector had judged, and control messages.
Moment = tuple[int, int]


@dataclass(frozen=True)
class Mark:
    """A place in the stream to which its owner gave a meaning: a control message."""

    value: Any
    end: int = 0
    moment: Moment = field(default=(0, 0), compare=False)


class Track:
    """One track of a live stream; a subclass says what it tells.

    ``push``, ``decoded``, ``mark`` and the methods of a subclass return what follows: decodings
    for the model and messages for the client, in the order of sending. The subclass overrides
    ``on_frame``, ``on_settled``, ``on_mark`` and ``on_words``, which follow each other in the
    order of the stream, and ``on_guess``.

    ``pause_ms`` of silence settle a segment and end the speech; None leaves the end open.
    """

    def __init__(
        self, pause_ms: int | None, *, guesses: bool, keyterms: Sequence[str] = ()
    ) -> None:
        self._ends_speech = pause_ms is not None
        self._pause = (
            NATURAL_PAUSE if pause_ms is None else max(pause_ms * RATE // 1000, _SHORTEST_PAUSE)
        )
        self._guesses = guesses
        self._keyterms = tuple(keyterms)
        self._detector = VoiceDetector()
        self._audio = np.zeros(0, np.float32)
        self._origin = 0  # of the first sample kept
        self._received = 0
        self._seen = 0  # samples that the detector has judged
        self._voice: deque[tuple[int, float]] = deque()  # of voiced frames, by their end
        self.unsaid = 0  # results for which the model wrote words that were not spoken
        self._run = VoiceRun()
        self._voiced_until = 0  # the end of the last frame with voice
        self._settled_until = 0  # results touch each other: where the next one starts
        self._is_ended = True  # no voice since speech ended
        self._segment: Segment | None = None
        self._untold: deque[Segment] = deque()  # segments whose result has not been told
        # What has not been told, and when it was found.
        self._script: deque[tuple[Moment, Frame | Settled | Mark]] = deque()
        self._controls = 0  # control messages so far
        self.moment: Moment = (0, 0)  # of what is being told
        self._decodings: dict[int, Decoding] = {}
        self._number = 0
        self._guess: int | None = None
        self._early: tuple[int, Decoding] | None = None
        self._probe: Decoding | None = None
        self._seconds = 0.0  # of the last guess

    @property
    def received_seconds(self) -> float:
        return self._received / RATE

    @property
    def is_settled(self) -> bool:
        """Return whether everything that was heard has been reported."""
        return not self._script

    @property
    def next_moment(self) -> Moment:
        """The earliest moment of anything that will still be told."""
        return self._script[0][0] if self._script else (self._seen, self._controls + 1)

    @property
    def is_in_speech(self) -> bool:
        """Return whether a segment is open: voice without a long enough pause since."""
        return self._segment is not None

    @property
    def voice_seconds(self) -> float:
        """Return how long the voice at the end of the audio has lasted; 0 in silence."""
        return self._run.seconds(self._received - self._seen, self._audio[-END:])

    @property
    def silence_seconds(self) -> float:
        """Return how long the silence at the end of the audio has lasted; 0 with a voice."""
        return (self._seen - self._voiced_until) / RATE

    def push(self, samples: Samples) -> list[Any]:
        """Take samples (float32, 16 kHz) that followed those before."""
        self._audio = np.concatenate((self._audio, samples))
        self._received += len(samples)
        steps: list[Any] = []
        voices = self._detector.probabilities(samples)
        for voiced, voice in zip(
            self._detector.flags(voices).tolist(), voices.tolist(), strict=True
        ):
            self._seen += FRAME
            start = self._seen - FRAME - self._origin
            self._run.add(self._audio[start : start + FRAME], is_voiced=voiced)
            if voiced:
                self._voice.append((self._seen, voice))
            steps += self._hear(voiced)
            frame = Frame(self._seen, self._seen - self._voiced_until, self._segment)
            self._script.append(((self._seen, self._controls), frame))
            steps += self.on_heard(frame)
            steps += self._tell()
        # A guess is about all that has come: frames by the dozen need one.
        steps += self._request_guess()
        self._forget()
        return steps

    def decoded(self, number: int, words: Sequence[Word], seconds: float) -> list[Any]:
        """Receive the words of a ``Decode``, timed from its first sample.

        ``seconds`` is the duration of the decoding, which paces the guesses.
        """
        decoding = self._decodings.pop(number, None)
        if decoding is None:
            return []
        offset = decoding.segment.first / RATE
        placed = [
            replace(word, start=round(word.start + offset, 3), end=round(word.end + offset, 3))
            for word in words
        ]
        # A guess that nothing waits for may be wrong, and early.
        decoding.words = placed if number == self._guess else decoding.believed(placed)
        if number != self._guess:
            return self._tell()
        self._guess = None
        self._seconds = seconds
        return [*self._take_guess(decoding, decoding.words), *self._request_guess()]

    def mark(self, value: Any) -> list[Any]:
        """Mark the place up to which audio has been received."""
        self.count_control()
        moment = self._seen, self._controls
        self._script.append((moment, Mark(value, self._received, moment)))
        return self._tell()

    def count_control(self) -> None:
        """Count a control message, also one for other tracks: all have the same moments."""
        self._controls += 1

    def set_keyterms(self, keyterms: Sequence[str]) -> None:
        """Listen for ``keyterms`` from here on.

        A segment that is open lies on both sides: it is read with the terms of both.
        """
        self._keyterms = tuple(keyterms)
        if self._segment is not None:
            added = [term for term in keyterms if term not in self._segment.keyterms]
            self._segment.keyterms = (*added, *self._segment.keyterms)

    def settle(self, *, from_finalize: bool = False, is_over: bool = False) -> list[Any]:
        """Settle what is buffered now; exactly one result follows.

        It ends the speech where there is a pause by now, or no more audio comes (``is_over``).
        """
        self.count_control()
        has_paused = self._seen - self._voiced_until >= min(self._pause, NATURAL_PAUSE)
        steps = self._settle(
            self._received,
            ends_speech=self._ends_speech and (has_paused or is_over),
            from_finalize=from_finalize,
        )
        return [*steps, *self._tell()]

    # What a subclass says.

    def on_heard(self, frame: Frame) -> list[Any]:
        """Follow the listening position: nothing that depends on words."""
        return []

    def is_ready(self, frame: Frame) -> bool:
        """Return whether ``frame`` can be told: whether nothing else has to come first."""
        return True

    def needs_words(self, frame: Frame) -> bool:
        """Return whether ``on_words`` must know here what is said in the open segment."""
        return False

    def on_words(self, frame: Frame, words: list[Word]) -> list[Any]:
        """Take the words of the open segment up to here, none in noise."""
        return []

    def on_frame(self, frame: Frame) -> list[Any]:
        """Follow the telling position by one frame."""
        return []

    def on_settled(self, settled: Settled) -> list[Any]:
        """Take a result, each once, in order."""
        return []

    def on_mark(self, mark: Mark) -> list[Any]:
        """Take a mark at its place."""
        return []

    def on_guess(self, words: tuple[Word, ...], start: int, end: int) -> list[Any]:
        """Take a guess of what is said in the open segment, from ``start`` to ``end``."""
        return []

    # The listening position.

    def _hear(self, voiced: bool) -> list[Any]:
        """Follow one frame of the detector."""
        segment = self._segment
        if voiced:
            self._voiced_until = self._seen
            self._is_ended = False
            steps = self._drop_early()
            if segment is None:
                self._open(max(self._seen - FRAME - _ROLL, self._settled_until))
            else:
                segment.voice_end = self._seen
                if self._seen - segment.first >= _HARD_CUT:
                    steps += self._settle(self._quietest())
            return steps
        silence = self._seen - self._voiced_until
        if segment is None:
            return self._hear_silence(silence)
        if self._seen - segment.first >= _CUT and silence >= _CUT_PAUSE:
            return self._settle(self._seen)
        if silence >= self._pause:
            return self._settle(self._seen, ends_speech=self._ends_speech)
        if silence >= _EARLY and self._early is None:
            return self._ask_early(segment)
        return []

    def _hear_silence(self, silence: int) -> list[Any]:
        if self._ends_speech and not self._is_ended and silence >= self._pause:
            # A cut or a Finalize settled the words before the pause was long enough.
            return self._settle(self._seen, ends_speech=True)
        if self._seen - self._settled_until >= _QUIET:
            return self._settle(self._seen)
        return []

    def _open(self, first: int) -> None:
        self._segment = Segment(first, self._voiced_until, self._keyterms)
        self._untold.append(self._segment)

    def _request(
        self, segment: Segment, end: int, *, final: bool, awaited: bool = True
    ) -> tuple[int, Decoding, Decode]:
        self._number += 1
        voice = {place: voice for place, voice in self._voice if segment.first < place <= end}
        samples = self._audio[segment.first - self._origin : end - self._origin]
        # Before the end of a segment, its sound breaks off here alone.
        is_short = final and _voiced_seconds(voice) < PIECE
        edges = edges_of(samples) if is_short else UNBROKEN
        decoding = self._decodings[self._number] = Decoding(segment, end, final, voice, edges)
        decode = Decode(self._number, samples, final, awaited, segment.keyterms)
        return self._number, decoding, decode

    def _ask_early(self, segment: Segment) -> list[Any]:
        steps = self._drop_guess()
        number, decoding, decode = self._request(segment, self._seen, final=True)
        self._early = number, decoding
        return [*steps, decode]

    def _request_guess(self) -> list[Any]:
        segment = self._segment
        if not self._guesses or segment is None:
            return []
        if not (self._guess is None and self._early is None and self._probe is None):
            return []
        length = self._seen - segment.first
        step = max(_STEP, round(_BUSY * self._seconds * RATE))
        if length - segment.asked_at < step:
            return []
        segment.asked_at = length
        self._guess, _, decode = self._request(segment, self._seen, final=False, awaited=False)
        return [decode]

    def _drop_guess(self) -> list[Any]:
        if self._guess is None:
            return []
        number, self._guess = self._guess, None
        self._decodings.pop(number, None)
        return [Drop(number)]

    def _drop_early(self) -> list[Any]:
        """Voice again: the pause was inside the speech."""
        if self._early is None:
            return []
        (number, _), self._early = self._early, None
        return [Drop(number)] if self._decodings.pop(number, None) else []

    def _settle(
        self, end: int, *, ends_speech: bool = False, from_finalize: bool = False
    ) -> list[Any]:
        """Close the result that ends at ``end``; its words may still be on their way."""
        segment, self._segment = self._segment, None
        steps: list[Any] = []
        decoding = None
        if segment is not None:
            steps += self._drop_guess()
            if self._early is not None:
                decoding = self._early[1]
            else:
                _, decoding, decode = self._request(segment, end, final=True)
                steps.append(decode)
        self._early = None
        settled = Settled(self._settled_until, end, segment, decoding, ends_speech, from_finalize)
        self._script.append(((self._seen, self._controls), settled))
        self._settled_until = end
        self._is_ended = self._is_ended or ends_speech
        if segment is not None and segment.voice_end > end:
            # Cut inside speech: the audio after the cut belongs to the next segment.
            self._open(end)
        return steps

    def _quietest(self) -> int:
        """The quietest place in the last three seconds before ``_seen``."""
        first = self._seen - 3 * RATE
        frames = self._audio[first - self._origin : self._seen - self._origin]
        frames = frames[: len(frames) // FRAME * FRAME].reshape(-1, FRAME)
        return first + int(np.argmin(np.square(frames).mean(axis=1))) * FRAME

    def _forget(self) -> None:
        """Release the audio that no decoding will need."""
        needed = self._seen - _ROLL
        if self._untold:
            needed = min(needed, self._untold[0].first)
        needed = max(needed, self._origin)
        self._audio = self._audio[needed - self._origin :]
        self._origin = needed
        while self._voice and self._voice[0][0] <= needed:
            self._voice.popleft()

    # The telling position.

    def _tell(self) -> list[Any]:
        """Tell what need not wait, in order."""
        steps: list[Any] = []
        while self._script:
            self.moment, found = self._script[0]
            match found:
                case Frame() as frame:
                    if self._needs_probe(frame):
                        steps.append(self._ask_probe(frame))
                    is_asking = self._probe is not None and self._probe.words is None
                    if is_asking or not self.is_ready(frame):
                        break
                    self._script.popleft()
                    steps += self._tell_frame(frame)
                case Settled(decoding=decoding) as settled:
                    if decoding and decoding.words is None:
                        break
                    self._script.popleft()
                    if settled.segment is not None:
                        self._untold.popleft()
                    self.unsaid += bool(decoding and decoding.is_unsaid)
                    steps += self.on_settled(settled)
                case Mark() as mark:
                    self._script.popleft()
                    steps += self.on_mark(mark)
        return steps

    def _needs_probe(self, frame: Frame) -> bool:
        segment = frame.segment
        return (
            self._probe is None
            and segment is not None
            and frame.crosses(_STEP, segment.first)
            and self.needs_words(frame)
        )

    def _ask_probe(self, frame: Frame) -> Decode:
        assert frame.segment is not None
        _, self._probe, decode = self._request(frame.segment, frame.end, final=False)
        frame.segment.asked_at = frame.end - frame.segment.first
        return decode

    def _tell_frame(self, frame: Frame) -> list[Any]:
        steps: list[Any] = []
        if self._probe is not None:
            probe, self._probe = self._probe, None
            steps += self.on_words(frame, probe.words or [])
        return [*steps, *self.on_frame(frame)]

    def _take_guess(self, decoding: Decoding, words: list[Word]) -> list[Any]:
        segment = decoding.segment
        if segment is not self._segment:
            return []
        _agree(segment, words, decoding.end / RATE - _FRESH)
        # A guess must not overtake what was settled before it.
        if not (segment.words and self.is_settled):
            return []
        start = self._settled_until
        found = paced(segment.words, start / RATE, decoding.end / RATE)
        return self.on_guess(tuple(found), start, decoding.end)


def _voiced_seconds(voice: Sized) -> float:
    return len(voice) * FRAME / RATE


def _plain(word: Word) -> str:
    return "".join(character for character in word.text.lower() if character.isalnum())


def _agree(segment: Segment, words: list[Word], settled_until: float) -> None:
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
