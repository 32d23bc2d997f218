"""Whisper on CTranslate2: windows of samples to words."""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import ctranslate2
import faster_whisper
import numpy as np
import numpy.typing as npt
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens, merge_punctuations

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.repeats import plain, without_repeats
from engine.speech.recognition.spectrogram import FRAMES_PER_SECOND, Spectrogram
from engine.speech.recognition.transcript import Word
from engine.speech.recognition.vad import FRAME, FRAME_SECONDS
from engine.text.words import is_unspaced

WINDOW_SECONDS = 30.0  # what one encoding holds at most
# Signs of Japanese and Thai that belong to the character before them.
_NEVER_FIRST = "ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々ゝヽะาำๅๆ"
_SAID_SIGNS = "%&+=@#°"
_TOKENS_PER_SECOND = 50  # of the alignment: one encoder position is 20 ms
_PREPENDED = "\"'“¿([{-"
# Languages written without spaces, where each character is timed as a word.
UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")
_APPENDED = "\"'.。,，!！?？:：”)]}、"

# OpenAI's thresholds for a decoding that went wrong (whisper/transcribe.py).
_REPETITIVE = 2.4
_IMPROBABLE = -1.0
_SILENT = 0.6
_SECOND_BEAMS = 5
_LONGEST_REPEAT = 8  # tokens; the second try of a text that loops has no longer ones

# Tokens of the shortest text that the model may have written twice, and of the fastest second of
# speech: hurried speech has five.
_SHORTEST_ECHO = 4
_FASTEST = 6.0

# A text may begin late or end early, most often where the speaker changes; so much voice that
# no word covers is read in a call of its own, three times at most.
_UNREAD_SECONDS = 1.0
_LONGEST_WORD_SECONDS = 1.0
_DIGIT_SECONDS = 0.5  # each digit of "555-123-4567" is a word
_MOST_CALLS = 4
# Of what was read in a call of its own, the part that stands in the text already, within so many
# words before and after, when it is taken for a second reading of the same speech.
_KNOWN, _FEWEST_KNOWN, _NEIGHBOURS = 0.6, 3, 8


@dataclass(frozen=True)
class Hypothesis:
    """Words of one window, times in seconds from its first sample."""

    text: str
    words: tuple[Word, ...]  # empty unless word times were asked for
    average_log_probability: float
    no_speech_probability: float
    compression_ratio: float

    def with_part(self, part: Hypothesis, start: float, end: float, space: str) -> Hypothesis:
        """This with the words of ``part``, which lie from ``start`` to ``end``, in their place.

        ``space`` stands between words. Words that the text already has there are not written
        again: a word whose time reached over the gap may have been said at its start.
        """
        before = [word for word in self.words if word.end <= start]
        after = [word for word in self.words if word.end > start]
        inside = [
            replace(word, start=word.start + start, end=word.end + start) for word in part.words
        ]
        if _is_known(inside, [*before[-_NEIGHBOURS:], *after[:_NEIGHBOURS]]):
            return self
        inside = inside[_overlap(before, inside) :]
        inside = inside[: len(inside) - _overlap(inside, after)]
        if not inside:
            return self
        if after and after[0].start < end:
            if plain(after[0]) == plain(inside[0]):
                after = after[1:]
            else:
                after[0] = replace(after[0], start=min(end, after[0].end))
        words = (*before, *inside, *after)
        return replace(self, text=space.join(word.text for word in words), words=words)

    def with_words(self, words: Sequence[Word], space: str) -> Hypothesis:
        """This with ``words``, some of its own."""
        if len(words) == len(self.words) and words:
            return self
        return replace(self, text=space.join(word.text for word in words), words=tuple(words))


@dataclass(frozen=True)
class Reading:
    """Decoding options; windows with equal ones can be decoded together."""

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

    @property
    def frames(self) -> int:
        """The length of the spectrogram that is encoded.

        Windows share a call only where it is equal: what one needs more would change the words
        of the others, and the words of a recording would depend on what else is transcribed.
        """
        return min(round(self.context_seconds * FRAMES_PER_SECOND / 2) * 2, 3000)

    @property
    def most_tokens(self) -> int:
        """Tokens that so much speech can hold: a decoding that loops ends here, not at 448."""
        return round(40 + 16 * self.seconds)

    def voice_of(self, word: Word) -> float:
        """The seconds of voice in ``word``; its length where the voice is not known."""
        if self.voiced is None:
            return word.end - word.start
        first, end = int(word.start / FRAME_SECONDS), math.ceil(word.end / FRAME_SECONDS)
        return float(np.count_nonzero(self.voiced[first:end])) * FRAME_SECONDS


def sufficient_context(seconds: float) -> float:
    """Return the seconds to encode for a whole window of speech.

    Measured on tiny.en: 1.5 s of silence behind some ten seconds or more are as good as a full
    30 s, and less often end a text of several speakers early. Short ones need more. Whole seconds,
    so that windows of about one length can share a call; steps of 4 s cost 15 % more processor
    time, alone and with eight recordings at once.
    """
    return min(WINDOW_SECONDS, max(10.0, math.ceil(seconds + 1.5)))


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
        return bool(self._model.model.is_multilingual)

    def languages(self) -> tuple[str, ...]:
        """The codes that the model knows."""
        return tuple(self._model.supported_languages)

    def transcribe(self, windows: Sequence[Window], reading: Reading) -> list[Hypothesis]:
        """One hypothesis for each window, in their order; windows of one length share a call.

        Windows whose text is doubtful or breaks off early cost further calls. The words of a
        window depend on it and on ``reading`` alone.
        """
        tokenizer = self._tokenizer(reading.language)
        prompt = self._model.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=" ".join(reading.keyterms) or None
        )
        space = "" if tokenizer.language_code in UNSPACED else " "
        if not reading.word_times:
            return self._transcribe(windows, prompt, tokenizer, reading, _MOST_CALLS)
        return [
            hypothesis.with_words(without_repeats(hypothesis.words, voice=window.voice_of), space)
            for window, hypothesis in zip(
                windows,
                self._transcribe(windows, prompt, tokenizer, reading, _MOST_CALLS),
                strict=True,
            )
        ]

    def _transcribe(
        self,
        windows: Sequence[Window],
        prompt: list[int],
        tokenizer: Tokenizer,
        reading: Reading,
        calls: int,
    ) -> list[Hypothesis]:
        by_place: dict[int, Hypothesis] = {}
        places: dict[int, list[int]] = {}
        for place, window in enumerate(windows):
            places.setdefault(window.frames, []).append(place)
        for group in places.values():
            hypotheses = self._read([windows[place] for place in group], prompt, tokenizer, reading)
            by_place |= zip(group, hypotheses, strict=True)
        if reading.word_times and calls > 1:
            gaps = [
                (place, start, end)
                for place, window in enumerate(windows)
                for start, end in _unread(window, by_place[place].words)
            ]
            if gaps:
                space = "" if tokenizer.language_code in UNSPACED else " "
                parts = [_part(windows[place], start, end) for place, start, end in gaps]
                more = self._transcribe(parts, prompt, tokenizer, reading, calls - 1)
                for (place, start, end), hypothesis in zip(gaps, more, strict=True):
                    if hypothesis.average_log_probability > _IMPROBABLE:
                        by_place[place] = by_place[place].with_part(
                            hypothesis, start * FRAME_SECONDS, end * FRAME_SECONDS, space
                        )
        return [by_place[place] for place in range(len(windows))]

    def _read(
        self,
        windows: Sequence[Window],
        prompt: list[int],
        tokenizer: Tokenizer,
        reading: Reading,
    ) -> list[Hypothesis]:
        """One hypothesis for each of ``windows``, whose ``frames`` are equal."""
        encoded = self._encode(windows)
        results = self._generate(encoded, [prompt] * len(windows), windows[0])
        drafts = [
            _Draft(result, window.most_tokens, tokenizer)
            for result, window in zip(results, windows, strict=True)
        ]
        for index, draft in enumerate(drafts):
            draft.take_tokens(without_echo(draft.tokens, windows[index].seconds), tokenizer)
            if draft.went_wrong and not reading.is_guess:
                drafts[index] = self._second_try(windows[index], prompt, draft, tokenizer)
                if drafts[index].is_repetitive:
                    drafts[index].take_tokens(without_loops(drafts[index].tokens), tokenizer)
        words: list[tuple[Word, ...]] = [()] * len(windows)
        if reading.word_times:
            words = self._align(encoded, windows, drafts, tokenizer)
        return [draft.hypothesis(timed) for draft, timed in zip(drafts, words, strict=True)]

    def detect_language(
        self, samples: Samples, candidates: Sequence[str] = ()
    ) -> tuple[str, float]:
        """The language that is spoken and its probability, from at most 30 s of voice.

        With ``candidates`` (codes) it is one of them, where the model knows any.
        """
        encoded = self._encode([Window(samples)])
        languages = [
            (token[2:-2], probability)  # "<|en|>"
            for token, probability in self._model.model.detect_language(encoded)[0]
        ]
        allowed = [pair for pair in languages if pair[0] in candidates] or languages
        return max(allowed, key=lambda pair: pair[1])

    def _tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(
            self._model.hf_tokenizer, self.is_multilingual, task="transcribe", language=language
        )

    def _encode(self, windows: Sequence[Window]) -> Any:
        frames = windows[0].frames
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
        self, encoded: Any, prompts: list[list[int]], window: Window, **search: Any
    ) -> list[Any]:
        longest = round(40 + 16 * window.frames / FRAMES_PER_SECOND)
        results: list[Any] = self._model.model.generate(
            encoded,
            prompts,
            max_length=min(self._model.max_length, len(prompts[0]) + longest),
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
            **{"beam_size": 1} | search,
        )
        return results

    def _second_try(
        self, window: Window, prompt: list[int], draft: _Draft, tokenizer: Tokenizer
    ) -> _Draft:
        """The better of ``draft`` and a wider search of all 30 s.

        Whisper's own second try is sampled, so that the same speech gives other words each time.
        """
        window = replace(window, context_seconds=WINDOW_SECONDS)
        search = {"beam_size": _SECOND_BEAMS}
        if draft.is_repetitive:
            search["no_repeat_ngram_size"] = _LONGEST_REPEAT
        result = self._generate(self._encode([window]), [prompt], window, **search)[0]
        second = _Draft(result, window.most_tokens, tokenizer)
        return min(draft, second, key=lambda draft: (draft.is_repetitive, -draft.probability))

    def _align(
        self,
        encoded: Any,
        windows: Sequence[Window],
        drafts: Sequence[_Draft],
        tokenizer: Tokenizer,
    ) -> list[tuple[Word, ...]]:
        """The words of each window with their times.

        One by one, since the padding of several changes the last digits of their attention.
        """
        rows = [encoded]
        if len(windows) > 1:
            rows = [
                ctranslate2.StorageView.from_array(np.ascontiguousarray(row[np.newaxis]))
                for row in np.array(encoded)
            ]
        words = []
        for row, window, draft in zip(rows, windows, drafts, strict=True):
            (alignment,) = self._model.model.align(
                row,
                tokenizer.sot_sequence,
                [draft.tokens],
                [max(2, len(window.samples) * FRAMES_PER_SECOND // RATE)],
                # 7, the usual width, costs a quarter more and moves words by 7 ms on average.
                median_filter_width=3,
            )
            words.append(_timed_words(draft.tokens, alignment, tokenizer))
        return words


class _Draft:
    """The tokens of one window with what tells whether to believe them."""

    def __init__(self, result: Any, most_tokens: int, tokenizer: Tokenizer) -> None:
        tokens = result.sequences_ids[0]
        self.no_speech_probability: float = result.no_speech_prob
        self.probability: float = result.scores[0] * len(tokens) / (len(tokens) + 1)
        tokens = tokens[:most_tokens]
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
    than its last seconds count as read, as many as it takes to say it slowly.
    """
    if window.voiced is None:
        return []
    if not words and window.context_seconds == WINDOW_SECONDS:
        return []  # read as the model was trained, and not a word in it
    unread = window.voiced.copy()
    for word in words:
        digits = sum(map(str.isdigit, word.text))
        longest = max(_LONGEST_WORD_SECONDS, digits * _DIGIT_SECONDS)
        start = max(word.start, word.end - longest)
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


def _is_known(words: Sequence[Word], neighbours: Sequence[Word]) -> bool:
    """Return True when most of ``words`` stand, in their order, among ``neighbours``."""
    if len(words) < _FEWEST_KNOWN:
        return False
    texts = [plain(word) for word in words], [plain(word) for word in neighbours]
    blocks = SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= _KNOWN * len(words)


def _overlap(words: Sequence[Word], following: Sequence[Word]) -> int:
    """Return how many of the last ``words`` are the first ``following``."""
    texts, next_texts = [plain(word) for word in words], [plain(word) for word in following]
    for size in range(min(len(texts), len(next_texts)), 0, -1):
        if texts[-size:] == next_texts[:size]:
            return size
    return 0


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
    spaced = tokenizer.language_code not in UNSPACED
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
        if (
            words
            and not word["word"].startswith(" ")
            and (spaced or _is_continued(words[-1].text, text))
        ):
            # "self" and "-substantial", "20" and "24": the model wrote one word.
            before = words.pop()
            text = before.text + text
            word["start"] = before.start
            word["probability"] = (before.confidence + word["probability"]) / 2
        words.append(Word(text, word["start"], word["end"], word["probability"]))
    return tuple(word for word in words if _is_written(word.text))


def _is_continued(before: str, text: str) -> bool:
    """Return True for pieces of one word in a language that is written without blanks."""
    last, first = before[-1], text[0]
    if unicodedata.category(first).startswith("M") or first in _NEVER_FIRST:
        return True
    return last.isalnum() and first.isalnum() and not (is_unspaced(last) or is_unspaced(first))


def _is_written(text: str) -> bool:
    """Return False for a text that stands for no word: a full stop, a note, a dash."""
    return any(
        character.isalnum() or character in _SAID_SIGNS or unicodedata.category(character) == "Sc"
        for character in text
    )
