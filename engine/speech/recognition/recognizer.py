"""Recordings and live segments to words: decoding, voice, windows, the queue, the model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, BinaryIO, Self

import numpy as np

from engine.runtime.memory import HeapTrim
from engine.runtime.modelcache import ModelCache
from engine.speech.audio.decode import RATE, Decoder, Limits, RawFormat, Samples
from engine.speech.audio.loudness import raised
from engine.speech.diarization.diarizer import (
    Chunk,
    ChunkCutter,
    Diarization,
    Diarizer,
    Voice,
    group_voices,
)
from engine.speech.errors import Cancelled, UnknownModel
from engine.speech.recognition.queue import Job, Priority, Work
from engine.speech.recognition.repeats import without_repeats
from engine.speech.recognition.transcript import ChannelTranscript, Segment, Transcript, Word
from engine.speech.recognition.vad import FRAME_SECONDS
from engine.speech.recognition.whisper import (
    WINDOW_SECONDS,
    Hypothesis,
    Reading,
    Whisper,
    Window,
    sufficient_context,
)
from engine.speech.recognition.windows import SpeechWindow, WindowCutter
from engine.weights.whisper_models import find_weights

_DETECTION_SECONDS = 8.0  # of voice; more does not find the language better
# A language that was named is doubted below this mean confidence of the words, and another one
# is reported from this probability on. Spanish, French and Italian read as English had
# confidences of 0.22 to 0.53 with tiny.en, and were detected with 0.97 to 0.99; English from the
# far end of a room has 0.70 and more. Too short a voice has no language that can be told, and the
# look costs a second of a processor.
_DOUBTED, _DETECTED = 0.6, 0.8
_TELLING_SECONDS = 2.0  # of voice


@dataclass(frozen=True)
class RecognitionSettings:
    """Settings of recognition that an operator may choose."""

    english: str = "tiny.en"
    multilingual: str = "base"
    allow_download: bool = False
    device: str = "auto"
    compute_type: str = "int8"
    threads: int = 2  # calls of a model at the same time
    threads_per_call: int = 1  # 2 calls of one thread outdo 1 of two by a half
    windows_per_call: int = 2  # more gain little, and hold up a live final longer
    windows_in_flight: int = 6  # of one request: two calls of two, and the next two
    chunks_in_flight: int = 16  # of one request that asks who spoke: as long as its windows
    limits: Limits = field(default_factory=Limits)


class Recognizer:
    """Everything that turns speech into words; one for a process, safe for many threads."""

    def __init__(self, settings: RecognitionSettings) -> None:
        self._settings = settings
        self._work = Work(threads=settings.threads, windows_per_call=settings.windows_per_call)
        self._models = ModelCache(self._load, pinned={settings.english})
        self._installed: set[str] = set()
        self._trim = HeapTrim()
        # For looking where there is voice. More at once would only wait for each other, and the
        # event loop for all of them.
        self.looking = threading.Semaphore(settings.threads)

    def warm(self, models: Sequence[str]) -> None:
        """Load ``models`` and run each once, so that the first request is not slow."""
        silence = np.zeros(RATE, np.float32)
        for name in models:
            self._model(name).transcribe([Window(silence, 2.0)], Reading())

    def check(self, name: str) -> None:
        """Raise ``MissingWeights`` when the model ``name`` is not installed; loads nothing."""
        if name not in self._installed:  # finding it reads the whole file
            find_weights(name, allow_download=self._settings.allow_download)
            self._installed.add(name)

    def close(self) -> None:
        """Cancel what waits and end the threads."""
        self._work.close()

    def waiting(self) -> dict[Priority, int]:
        """Return the number of windows that wait for a model, by priority."""
        return self._work.waiting()

    def model_for(self, language: str) -> str:
        """The local model for a language where the caller names none."""
        is_english = language.split("-")[0].lower() == "en"
        return self._settings.english if is_english else self._settings.multilingual

    def recognize(
        self,
        source: BinaryIO | Path,
        *,
        model: str | None = None,
        language: str | None = "en",
        detect_language: bool | Sequence[str] = False,
        keyterms: Sequence[str] = (),
        multichannel: bool = False,
        diarizer: Diarizer | None = None,
        raw: RawFormat | None = None,
        cancelled: threading.Event | None = None,
        heard: Callable[[float], None] | None = None,
    ) -> Transcript:
        """Transcribe a whole recording; returns when it is done, with memory for some windows.

        ``source`` is a path or a binary file, read from its start by a confined process.
        ``model`` is a local name (``tiny.en``, ``base``, a path); without one the language
        decides. ``language`` is a code such as ``en`` or ``es-419``; it is ignored with
        ``detect_language``, which may name the only candidates. With a ``diarizer`` each channel
        also tells who spoke when. ``raw`` describes audio without a container. ``heard`` is
        called with the second up to which the recording has been read, each time it is later.

        Raises ``AudioError`` (send other audio), ``UnknownModel``, ``MissingWeights``,
        ``Cancelled`` once ``cancelled`` is set, ``DecoderLost`` (try again).
        """
        if not detect_language and not language:
            raise UnknownModel("neither a language nor detect_language is given")
        with (
            Decoder(
                source, raw=raw, multichannel=multichannel, limits=self._settings.limits
            ) as decoder,
            _Flow(self._settings.windows_in_flight, cancelled, heard) as windows,
            _Flow(self._settings.chunks_in_flight, cancelled) as chunks,
        ):
            new_track = partial(
                _Track,
                recognizer=self,
                windows=windows,
                model=model,
                language=None if detect_language else language,
                candidates=detect_language if not isinstance(detect_language, bool) else (),
                keyterms=tuple(keyterms),
            )
            tracks = [
                new_track(voices=_Voices(self, diarizer, chunks) if diarizer else None)
                for _ in range(decoder.head.channels if multichannel else 1)
            ]
            for block in decoder.blocks():
                windows.check()
                for track, samples in zip(tracks, block, strict=True):
                    track.feed(samples)
                self._trim()
            _finish(tracks, windows, chunks)
            self._trim()
            return _transcript(decoder, tracks, windows.waited)

    def submit(
        self,
        samples: Samples,
        *,
        priority: Priority,
        model: str | None = None,
        language: str = "en",
        keyterms: Sequence[str] = (),
        context_seconds: float | None = None,
        word_times: bool = True,
        is_guess: bool = False,
        owner: object = None,
    ) -> Future[Hypothesis]:
        """Queue one segment of live speech, at most 30 s of float32 samples at 16 kHz.

        The words are timed from the first sample. ``context_seconds`` is what the model sees of
        the segment and the silence behind it, at least the segment; None means all 30 s, which
        costs more and is more exact: audio + 2 s suit interim results. A guess is not read a
        second time where it went wrong. Cancel the future to drop a segment that still waits.
        """
        name = model or self.model_for(language)
        seconds = len(samples) / RATE
        context = WINDOW_SECONDS if context_seconds is None else max(context_seconds, seconds)
        return self.queue(
            name,
            Window(raised(samples), min(context, WINDOW_SECONDS)),
            Reading(_code(language), tuple(keyterms), word_times, is_guess),
            priority,
            owner,
        ).future

    def reads(self, name: str | None, language: str) -> bool:
        """Return whether the model ``name`` knows ``language``; None is the model for it."""
        return name is None or _code(language) in self._model(name).languages()

    def detect(
        self, samples: Samples, *, priority: Priority, candidates: Sequence[str] = ()
    ) -> Future[tuple[str, float]]:
        """Queue the detection of the language of ``samples``; 8 s of voice are enough.

        The result is a code, one of ``candidates`` if there are any, and its probability.
        """
        name = self._settings.multilingual
        codes = tuple(_code(candidate) for candidate in candidates)
        job = Job(
            item=samples,
            call=partial(self._detect, name, codes),
            kind=("detect", name, codes),
            priority=priority,
            owner=object(),
        )
        return self._work.submit(job)

    def _detect(
        self, name: str, candidates: Sequence[str], items: Sequence[Samples]
    ) -> list[tuple[str, float]]:
        model = self._model(name)
        return [model.detect_language(samples, candidates) for samples in items]

    def queue(
        self, name: str, window: Window, reading: Reading, priority: Priority, owner: object
    ) -> Job:
        """Queue one window for the model ``name``; see ``submit``."""
        job = Job(
            item=window,
            call=partial(self._transcribe, name, reading),
            kind=(name, reading, window.frames),
            priority=priority,
            owner=owner,
        )
        self._work.submit(job)
        return job

    def _transcribe(
        self, name: str, reading: Reading, windows: Sequence[Window]
    ) -> list[Hypothesis]:
        """Load the model in the queue's thread: an event loop may have queued the windows."""
        model = self._model(name)
        if reading.language not in model.languages():
            raise UnknownModel(f"model {name!r} does not know the language {reading.language!r}")
        return model.transcribe(windows, reading=reading)

    def listen(self, diarizer: Diarizer, chunk: Chunk, owner: object) -> Job:
        """Queue the diarization of ``chunk``, which runs when no live speech waits."""
        job = Job(
            item=chunk,
            call=lambda chunks: [diarizer.voices(one) for one in chunks],
            kind=diarizer,
            priority=Priority.BATCH,
            owner=owner,
        )
        self._work.submit(job)
        return job

    def unload_idle(self, seconds: float) -> list[str]:
        """Unload models unused for ``seconds``, but the English one; return their names."""
        return self._models.unload_idle(seconds)

    def _model(self, name: str) -> Whisper:
        return self._models.get(name)

    def _load(self, name: str) -> Whisper:
        settings = self._settings
        folder = find_weights(name, allow_download=settings.allow_download)
        return Whisper(
            folder,
            device=settings.device,
            compute_type=settings.compute_type,
            workers=settings.threads,
            threads_per_worker=settings.threads_per_call,
        )


def _code(language: str) -> str:
    """Whisper's code for a BCP-47 tag."""
    return language.split("-")[0].lower()


def _finish(tracks: Sequence[_Track], windows: _Flow, chunks: _Flow) -> None:
    """Complete ``tracks`` after the last block, and wait for their results."""
    for track in tracks:
        track.finish()
    windows.land_all()
    chunks.land_all()
    for track in tracks:
        track.check_language()


def _transcript(decoder: Decoder, tracks: Sequence[_Track], queued_seconds: float) -> Transcript:
    return Transcript(
        channels=tuple(track.transcript() for track in tracks),
        duration=decoder.samples / RATE,
        samples=decoder.samples,
        source_channels=decoder.head.channels,
        source_sample_rate=decoder.head.sample_rate,
        truncated=decoder.truncated,
        damaged=decoder.damaged,
        tracks=decoder.tracks,
        unsaid=sum(track.unsaid for track in tracks),
        speech_seconds=sum(track.voiced_seconds for track in tracks),
        queued_seconds=queued_seconds,
    )


class _Flow:
    """Jobs of one request: at most some in flight, results taken in order, cancelled at the end."""

    def __init__(
        self,
        most: int,
        cancelled: threading.Event | None,
        heard: Callable[[float], None] | None = None,
    ) -> None:
        self._most = most
        self._cancelled = cancelled
        self._heard = heard
        self._flights: deque[tuple[Job, Callable[[Any], None], float]] = deque()
        self.waited = 0.0  # seconds in the queue, summed

    def check(self) -> None:
        if self._cancelled is not None and self._cancelled.is_set():
            raise Cancelled("the request was cancelled")

    def add(self, job: Job, take: Callable[[Any], None], end: float = 0.0) -> None:
        """Wait for ``job``, now or later, and give its result to ``take``.

        ``end`` is the second of the recording at which what it reads ends.
        """
        self._flights.append((job, take, end))
        while len(self._flights) >= self._most:
            self._land()

    def land_all(self) -> None:
        while self._flights:
            self._land()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for job, _, _ in self._flights:
            job.future.cancel()

    def wait(self, future: Future[Any]) -> Any:
        """The result of ``future``, unless the request is cancelled first."""
        while True:
            try:
                return future.result(timeout=0.25)
            except TimeoutError:
                if future.done():
                    raise
                self.check()

    def _land(self) -> None:
        job, take, end = self._flights[0]
        result = self.wait(job.future)
        self._flights.popleft()
        self.waited += job.waited
        take(result)
        if self._heard and end:
            self._heard(end)


class _Voices:
    """Diarization of one channel, computed chunk by chunk between its windows."""

    def __init__(self, recognizer: Recognizer, diarizer: Diarizer, flow: _Flow) -> None:
        self._recognizer = recognizer
        self._diarizer = diarizer
        self._flow = flow
        self._cutter = ChunkCutter()
        self._heard: list[Voice] = []

    def feed(self, samples: Samples) -> None:
        for chunk in self._cutter.feed(samples):
            self._listen(chunk)

    def finish(self) -> None:
        for chunk in self._cutter.finish():
            self._listen(chunk)

    def diarization(self) -> Diarization:
        return group_voices(self._heard)

    def _listen(self, chunk: Chunk) -> None:
        job = self._recognizer.listen(self._diarizer, chunk, self._flow)
        self._flow.add(job, self._heard.extend)


class _Track:
    """One channel of a recording on its way to words."""

    def __init__(
        self,
        *,
        recognizer: Recognizer,
        windows: _Flow,
        voices: _Voices | None,
        model: str | None,
        language: str | None,
        candidates: Sequence[str],
        keyterms: tuple[str, ...],
    ) -> None:
        self._recognizer = recognizer
        self._windows = windows
        self._voices = voices
        self._model = model
        self._language = language
        self._is_detected = language is None
        self._confidence = 1.0
        self._candidates = candidates
        self._keyterms = keyterms
        self._cutter = WindowCutter()
        self._segments: list[Segment] = []
        self._telling_window: SpeechWindow | None = None
        self._heard_language: str | None = None
        self.unsaid = 0  # stretches whose words were not believed

    @property
    def voiced_seconds(self) -> float:
        return self._cutter.voiced_frames * FRAME_SECONDS

    def feed(self, samples: Samples) -> None:
        with self._recognizer.looking:
            windows = self._cutter.feed(samples)
        for window in windows:
            self._read(window)
        if self._voices:
            self._voices.feed(samples)

    def finish(self) -> None:
        """Queue what is left; the transcript is whole when the flows have landed."""
        for window in self._cutter.finish():
            self._read(window)
        if self._voices:
            self._voices.finish()

    def transcript(self) -> ChannelTranscript:
        language = self._language or "en"
        return ChannelTranscript(
            segments=tuple(sorted(self._segments, key=lambda segment: segment.start)),
            language=language,
            language_confidence=self._confidence if self._language else 0.0,
            model=self._model or self._recognizer.model_for(language),
            diarization=self._voices.diarization() if self._voices else None,
            heard_language=self._heard_language,
        )

    def check_language(self) -> None:
        """Look for another language than the one that was named, where the words are unsure.

        Sure words need no look: it would load the model that knows all languages.
        """
        words = [word for segment in self._segments for word in segment.words]
        if self._is_detected or self._telling_window is None or not self._language or not words:
            return
        if fmean(word.confidence for word in words) >= _DOUBTED:
            return
        language, probability = self._detect(self._telling_window)
        if probability >= _DETECTED and language != _code(self._language):
            self._heard_language = language

    def _read(self, window: SpeechWindow) -> None:
        if self._language is None:
            self._language, self._confidence = self._detect(window)
            if not self._recognizer.reads(self._model, self._language):
                self._model = None  # what was asked for knows English alone
        elif self._telling_window is None and window.voiced_seconds >= _TELLING_SECONDS:
            self._telling_window = window
        name = self._model or self._recognizer.model_for(self._language)
        job = self._recognizer.queue(
            name,
            Window(window.raised(), sufficient_context(window.seconds), window.voiced),
            Reading(_code(self._language), self._keyterms),
            Priority.BATCH,
            self._windows,
        )
        self._windows.add(
            job,
            lambda hypothesis: self._take(window, hypothesis.words),
            window.pieces[-1].end_seconds,
        )

    def _take(self, window: SpeechWindow, words: Sequence[Word]) -> None:
        """Keep what was said of the words of a window, which come in the order of the queue."""
        for segment in window.segments(tuple(words)):
            if not window.is_said(segment):
                self.unsaid += 1
                continue
            before = self._segments[-1].words if self._segments else ()
            kept = without_repeats(segment.words, before)
            if kept:
                self._segments.append(Segment(tuple(kept)))

    def _detect(self, window: SpeechWindow) -> tuple[str, float]:
        frames = window.samples.reshape(len(window.voiced), -1)[window.voiced]
        samples = frames[: round(_DETECTION_SECONDS / FRAME_SECONDS)].ravel()
        future = self._recognizer.detect(
            samples, priority=Priority.BATCH, candidates=self._candidates
        )
        language, confidence = self._windows.wait(future)
        return language, confidence
