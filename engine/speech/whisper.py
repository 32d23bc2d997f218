"""Whisper on CTranslate2: windows of samples to words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ctranslate2
import faster_whisper
import numpy as np
import numpy.typing as npt
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations

from engine.speech.decode import RATE, Samples
from engine.speech.spectrogram import FRAMES_PER_SECOND, Spectrogram
from engine.speech.transcript import Word
from engine.speech.vad import FRAME, FRAME_SECONDS

WINDOW_SECONDS = 30.0  # what one encoding holds at most
_TOKENS_PER_SECOND = 50  # of the alignment: one encoder position is 20 ms
_PREPENDED = "\"'“¿([{-"
# Languages written without spaces, where each character is timed as a word.
_UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")
_APPENDED = "\"'.。,，!！?？:：”)]}、"

# OpenAI's thresholds for a decoding that went wrong (whisper/transcribe.py).
_REPETITIVE = 2.4
_IMPROBABLE = -1.0
_SILENT = 0.6
_SECOND_TEMPERATURE = 0.4

# Tokens that a text has at least which the model may have said twice, and the most that a person
# says in a second: hurried speech has five.
_SHORTEST_ECHO = 4
_FASTEST = 6.0

# A text may begin late or end early, most often where the speaker changes; so much voice that
# no word covers is read in a call of its own, three times at most.
_UNREAD_SECONDS = 1.0
_LONGEST_WORD_SECONDS = 1.0
_MOST_CALLS = 4


@dataclass(frozen=True)
class Hypothesis:
    """What the model made of one window; times in seconds from its first sample."""

    text: str
    words: tuple[Word, ...]  # empty unless word times were asked for
    average_log_probability: float
    no_speech_probability: float
    compression_ratio: float
    temperature: float

    def with_part(self, part: Hypothesis, start: float, end: float, space: str) -> Hypothesis:
        """This with the words of ``part``, which lie from ``start`` to ``end``, in their place;
        ``space`` stands between words."""
        if not part.words:
            return self
        before = [word for word in self.words if word.end <= start]
        after = [word for word in self.words if word.end > start]
        if after and after[0].start < end:
            after[0] = replace(after[0], start=min(end, after[0].end))
        inside = [
            replace(word, start=word.start + start, end=word.end + start) for word in part.words
        ]
        words = (*before, *inside, *after)
        return replace(self, text=space.join(word.text for word in words), words=words)


@dataclass(frozen=True)
class Reading:
    """How to read windows; windows of equal readings can go into one call."""

    language: str = "en"
    keyterms: tuple[str, ...] = ()
    word_times: bool = True
    is_guess: bool = False  # better soon than sure: a doubtful text is not read again


@dataclass(frozen=True)
class Window:
    """At most 30 s of speech for the model.

    ``samples`` are float32 at 16 kHz. ``context_seconds`` of them and of the silence behind are
    encoded: the model was trained on 30 s; less costs less, and the time of an encoding grows
    faster than its length. ``voiced`` tells for each 32 ms whether there is voice: with it, a
    decoding that broke off before the voice did is gone on with.
    """

    samples: Samples
    context_seconds: float = WINDOW_SECONDS
    voiced: npt.NDArray[np.bool_] | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def sufficient_context(seconds: float) -> float:
    """What to encode for a whole window of speech.

    Measured on tiny.en: 1.5 s of silence behind some ten seconds or more are as good as a full
    30 s, and less often end a text of several speakers early. Short ones need more.
    """
    return min(WINDOW_SECONDS, max(10.0, seconds + 1.5))


class Whisper:
    """One model in memory. Calls may come from as many threads as ``workers``."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "auto",
        compute_type: str = "int8",
        workers: int = 2,
        threads_per_worker: int = 1,
    ) -> None:
        self._model: Any = faster_whisper.WhisperModel(
            str(folder),
            device=device,
            compute_type=compute_type,
            cpu_threads=threads_per_worker,
            num_workers=workers,
        )
        self._spectrogram = Spectrogram(self._model.model.n_mels)
        self._suppressed = get_suppressed_tokens(self._tokenizer("en"), [-1])

    @property
    def is_multilingual(self) -> bool:
        return self._model.model.is_multilingual

    def languages(self) -> tuple[str, ...]:
        """The codes that the model knows."""
        return tuple(self._model.supported_languages)

    def transcribe(self, windows: Sequence[Window], reading: Reading) -> list[Hypothesis]:
        """One hypothesis for each window, in their order; one call of the model for all.

        Windows whose text is doubtful or breaks off early cost further calls.
        """
        tokenizer = self._tokenizer(reading.language)
        prompt = self._model.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=" ".join(reading.keyterms) or None
        )
        return self._transcribe(windows, prompt, tokenizer, reading, _MOST_CALLS)

    def _transcribe(
        self,
        windows: Sequence[Window],
        prompt: list[int],
        tokenizer: Tokenizer,
        reading: Reading,
        calls: int,
    ) -> list[Hypothesis]:
        encoded = self._encode(windows)
        results = self._generate(encoded, [prompt] * len(windows), _longest(windows), 0.0)
        drafts = [_Draft(result, 0.0, tokenizer) for result in results]
        for index, draft in enumerate(drafts):
            draft.take_tokens(without_echo(draft.tokens, windows[index].seconds), tokenizer)
            if draft.went_wrong and not reading.is_guess:
                drafts[index] = self._second_try(windows[index], prompt, draft, tokenizer)
                if drafts[index].is_repetitive:
                    drafts[index].take_tokens(without_loops(drafts[index].tokens), tokenizer)
        words: list[tuple[Word, ...]] = [()] * len(windows)
        if reading.word_times:
            words = self._align(encoded, windows, drafts, tokenizer)
        found = [draft.hypothesis(timed) for draft, timed in zip(drafts, words, strict=True)]
        if reading.word_times and calls > 1:
            gaps = [
                (index, start, end)
                for index, window in enumerate(windows)
                for start, end in _unread(window, words[index])
            ]
            if gaps:
                space = "" if tokenizer.language_code in _UNSPACED else " "
                parts = [_part(windows[index], start, end) for index, start, end in gaps]
                more = self._transcribe(parts, prompt, tokenizer, reading, calls - 1)
                for (index, start, end), hypothesis in zip(gaps, more, strict=True):
                    if hypothesis.average_log_probability > _IMPROBABLE:
                        found[index] = found[index].with_part(
                            hypothesis, start * FRAME_SECONDS, end * FRAME_SECONDS, space
                        )
        return found

    def detect_language(
        self, samples: Samples, candidates: Sequence[str] = ()
    ) -> tuple[str, float]:
        """The language that is spoken and its probability, from at most 30 s of voice.

        With ``candidates`` (codes) it is one of them, where the model knows any.
        """
        encoded = self._encode([Window(samples)])
        found = [
            (token[2:-2], probability)  # "<|en|>"
            for token, probability in self._model.model.detect_language(encoded)[0]
        ]
        allowed = [pair for pair in found if pair[0] in candidates] or found
        return max(allowed, key=lambda pair: pair[1])

    def _tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(
            self._model.hf_tokenizer, self.is_multilingual, task="transcribe", language=language
        )

    def _encode(self, windows: Sequence[Window]) -> Any:
        seconds = max(window.context_seconds for window in windows)
        frames = min(round(seconds * FRAMES_PER_SECOND / 2) * 2, 3000)
        features = np.zeros((len(windows), self._model.model.n_mels, frames), np.float32)
        for row, window in zip(features, windows, strict=True):
            levels = self._spectrogram(window.samples)[:, :frames]
            row[:, : levels.shape[1]] = levels
        model = self._model.model
        if model.device != "cpu" or len(windows) == 1:
            return model.encode(ctranslate2.StorageView.from_array(features))
        # One by one: as fast on a processor, and the attention needs memory for one alone.
        encoded = [
            np.array(model.encode(ctranslate2.StorageView.from_array(row[np.newaxis])))
            for row in features
        ]
        return ctranslate2.StorageView.from_array(np.concatenate(encoded))

    def _generate(
        self, encoded: Any, prompts: list[list[int]], longest: int, temperature: float
    ) -> list[Any]:
        sampling: dict[str, Any] = {"beam_size": 1}
        if temperature:
            sampling |= {"num_hypotheses": 3, "sampling_topk": 0}
        return self._model.model.generate(
            encoded,
            prompts,
            max_length=min(self._model.max_length, len(prompts[0]) + longest),
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
            sampling_temperature=temperature or 1.0,
            **sampling,
        )

    def _second_try(
        self, window: Window, prompt: list[int], draft: _Draft, tokenizer: Tokenizer
    ) -> _Draft:
        """The better of ``draft`` and one that was sampled, which seldom loops."""
        encoded = self._encode([Window(window.samples)])
        result = self._generate(encoded, [prompt], _longest([window]), _SECOND_TEMPERATURE)[0]
        second = _Draft(result, _SECOND_TEMPERATURE, tokenizer)
        return min(draft, second, key=lambda draft: (draft.is_repetitive, -draft.probability))

    def _align(
        self,
        encoded: Any,
        windows: Sequence[Window],
        drafts: Sequence[_Draft],
        tokenizer: Tokenizer,
    ) -> list[tuple[Word, ...]]:
        lengths = [len(window.samples) for window in windows]
        frames = [max(2, length * FRAMES_PER_SECOND // RATE) for length in lengths]
        found = self._model.model.align(
            encoded,
            tokenizer.sot_sequence,
            [draft.tokens for draft in drafts],
            frames,
            # 7, the usual width, costs a quarter more and moves words by 7 ms on average.
            median_filter_width=3,
        )
        return [
            _timed_words(draft.tokens, alignment, tokenizer)
            for draft, alignment in zip(drafts, found, strict=True)
        ]


class _Draft:
    """The tokens of one window with what tells whether to believe them."""

    def __init__(self, result: Any, temperature: float, tokenizer: Tokenizer) -> None:
        tokens = result.sequences_ids[0]
        self.temperature = temperature
        self.no_speech_probability = result.no_speech_prob
        self.probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        self.text = tokenizer.decode(tokens).strip()
        data = self.text.encode()
        self.ratio = len(data) / len(zlib.compress(data)) if data else 0.0
        self.tokens: list[int] = [] if self.is_silence else tokens

    @property
    def is_silence(self) -> bool:
        """The model says that nobody speaks, and does not believe its own text."""
        return self.no_speech_probability > _SILENT and self.probability < _IMPROBABLE

    @property
    def is_repetitive(self) -> bool:
        return self.ratio > _REPETITIVE

    @property
    def went_wrong(self) -> bool:
        return not self.is_silence and (self.is_repetitive or self.probability < _IMPROBABLE)

    def take_tokens(self, tokens: list[int], tokenizer: Tokenizer) -> None:
        """``tokens``, some of those that the model said, are what counts."""
        if tokens != self.tokens:
            self.tokens = tokens
            self.text = tokenizer.decode(tokens).strip()

    def hypothesis(self, words: tuple[Word, ...]) -> Hypothesis:
        return Hypothesis(
            text="" if self.is_silence else self.text,
            words=words,
            average_log_probability=self.probability,
            no_speech_probability=self.no_speech_probability,
            compression_ratio=self.ratio,
            temperature=self.temperature,
        )


def without_loops(tokens: Sequence[int]) -> list[int]:
    """``tokens`` where a run of up to 16 that comes four times in a row, or more, comes once."""
    kept: list[int] = []
    index = 0
    while index < len(tokens):
        for length in range(1, 17):
            phrase = tokens[index : index + length]
            end = index + length
            while tokens[end : end + length] == phrase:
                end += length
            if end - index >= 4 * length:
                kept += phrase
                index = end
                break
        else:
            kept.append(tokens[index])
            index += 1
    return kept


def without_echo(tokens: Sequence[int], seconds: float) -> list[int]:
    """``tokens`` once where all of them come twice, sooner than anybody says them in ``seconds``.

    The model does so to very short sounds, most of all with key terms in its prompt.
    """
    half = len(tokens) // 2
    is_echo = half >= _SHORTEST_ECHO and list(tokens[:half]) == list(tokens[half:])
    return list(tokens[:half] if is_echo and len(tokens) > _FASTEST * seconds else tokens)


def _unread(window: Window, words: Sequence[Word]) -> list[tuple[int, int]]:
    """Stretches of voice, in frames, that the text of ``window`` leaves out.

    The attention gives them to a neighbour, which then lasts for seconds: of each word no more
    than its last ones count as read.
    """
    if window.voiced is None:
        return []
    if not words and window.context_seconds == WINDOW_SECONDS:
        return []  # read as the model was trained, and not a word in it
    unread = window.voiced.copy()
    for word in words:
        start = max(word.start, word.end - _LONGEST_WORD_SECONDS)
        unread[int(start / FRAME_SECONDS) : int(word.end / FRAME_SECONDS) + 1] = False
    gaps = []
    frames = np.flatnonzero(unread)
    pauses = np.flatnonzero(np.diff(frames) * FRAME_SECONDS > 1.0) + 1
    for run in np.split(frames, pauses):
        if len(run) * FRAME_SECONDS >= _UNREAD_SECONDS:
            # A little before and after, for the first and the last sound.
            start, end = int(run[0]) - 6, int(run[-1]) + 7
            gaps.append((max(start, 0), min(end, len(unread))))
    return gaps


def _part(window: Window, start: int, end: int) -> Window:
    """The frames of ``window`` from ``start`` to ``end`` as a window of their own."""
    assert window.voiced is not None
    samples = window.samples[start * FRAME : end * FRAME]
    is_whole = end - start >= len(window.voiced) - 12
    context = WINDOW_SECONDS if is_whole else sufficient_context(len(samples) / RATE)
    return Window(samples, context, window.voiced[start:end])


def _longest(windows: Sequence[Window]) -> int:
    """Tokens that so much speech can hold: a decoding that loops ends here, not at 448."""
    seconds = max(len(window.samples) for window in windows) / RATE
    return round(40 + 16 * seconds)


def _timed_words(tokens: list[int], alignment: Any, tokenizer: Tokenizer) -> tuple[Word, ...]:
    """Words with the times at which the attention moves on to them (faster-whisper's rule)."""
    texts, pieces = tokenizer.split_to_word_tokens([*tokens, tokenizer.eot])
    if len(pieces) <= 1:
        return ()
    text_indices, time_indices = np.array(alignment.alignments).T
    first = np.diff(text_indices, prepend=-1).astype(bool)
    times = (time_indices[first] / _TOKENS_PER_SECOND).tolist()
    bounds = np.cumsum([0, *(len(piece) for piece in pieces[:-1])]).tolist()
    timed: list[dict[str, Any]] = []
    spaced = tokenizer.language_code not in _UNSPACED
    for index, text in enumerate(texts[:-1]):
        begin, end = bounds[index], bounds[index + 1]
        probability = float(np.mean(alignment.text_token_probs[begin:end]))
        timed.append(
            {
                "word": text,
                "tokens": pieces[index],
                "start": times[begin],
                "end": times[end],
                "probability": probability,
            }
        )
    merge_punctuations(timed, _PREPENDED, _APPENDED)
    words: list[Word] = []
    for word in timed:
        text = word["word"].strip()
        if not text:
            continue
        if words and spaced and not word["word"].startswith(" "):
            # "self" and "-substantial": the model wrote one word.
            before = words.pop()
            text = before.text + text
            word["start"] = before.start
            word["probability"] = (before.confidence + word["probability"]) / 2
        words.append(Word(text, word["start"], word["end"], word["probability"]))
    return tuple(words)
