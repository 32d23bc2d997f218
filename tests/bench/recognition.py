"""Recognition beside faster-whisper called directly: words, speed, throughput and memory.

The two compared programs run in turns, so that both meet the same other load. Without a corpus
the speech is the engine's own, and there are no reference words to count errors against.
"""

from __future__ import annotations

import csv
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel
from whisper_normalizer.english import EnglishTextNormalizer

from engine.speech.audio.decode import RATE, Decoder, Samples
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.weights.whisper_models import find_weights
from tests.bench.product import peak
from tests.bench.results import Result, at_least, at_most

MODELS = ("tiny.en", "base")
MINUTES, HOURS = 30, 2  # length of the recordings for speed and for memory
SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the bank of the river.",
    "Tomorrow it will rain in the morning and clear up in the afternoon.",
    "We moved the demonstration to Thursday because the room was not free.",
)


@dataclass(frozen=True)
class Recording:
    samples: Samples
    reference: str  # empty without a corpus


def recordings(corpus: Path | None) -> list[Recording]:
    """Return the corpus's recordings with a text; without a corpus, the engine's own speech."""
    if corpus is None:
        from tests.speech import say

        return [Recording(say(sentence), "") for sentence in SENTENCES]
    with (corpus / "index.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Recording(_decode(corpus / row["file"]), row["reference"])
        for row in rows
        if "asr" in row["tags"].split(",")
    ]


def _decode(path: Path) -> Samples:
    with Decoder(path) as decoder:
        return np.concatenate([block[0] for block in decoder.blocks()])


def repeated(found: list[Recording], seconds: float, path: Path) -> Path:
    """A WAV of that length, of the recordings in turn with half a second between."""
    left = round(seconds * RATE)
    pause = np.zeros(RATE // 2, np.float32)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for samples in itertools.chain.from_iterable(
            (one.samples, pause) for one in itertools.cycle(found)
        ):
            if left <= 0:
                return path
            file.writeframes((samples[:left] * 32_767).astype("<i2").tobytes())
            left -= len(samples)
    return path


@dataclass(frozen=True)
class Direct:
    """faster-whisper as its own documentation calls it, on both cores."""

    model: WhisperModel

    def sequential(self, audio: Path | Samples, beam: int = 1) -> str:
        segments, _ = self.model.transcribe(
            str(audio) if isinstance(audio, Path) else audio,
            language="en",
            beam_size=beam,
            vad_filter=True,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text for segment in segments)

    def batched(self, audio: Path | Samples, beam: int = 1) -> str:
        segments, _ = BatchedInferencePipeline(self.model).transcribe(
            str(audio) if isinstance(audio, Path) else audio,
            language="en",
            beam_size=beam,
            batch_size=8,
            word_timestamps=True,
        )
        return " ".join(segment.text for segment in segments)


def direct(name: str) -> Direct:
    folder = find_weights(name)
    return Direct(WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2))


def recognizer() -> Recognizer:
    found = Recognizer(RecognitionSettings(device="cpu"))
    found.warm(MODELS)
    return found


def words(recognizer: Recognizer, path: Path, model: str) -> str:
    transcript = recognizer.recognize(path, model=model)
    return " ".join(word.text for word in transcript.channels[0].words)


def accuracy(
    ours: Recognizer, name: str, theirs: Direct, found: list[Recording], folder: Path
) -> list[Result]:
    """Word error rates, file by file."""
    normal = EnglishTextNormalizer()
    references = [normal(one.reference) for one in found]

    def rate(texts: list[str]) -> float:
        return 100 * jiwer.wer(references, [normal(text) for text in texts])

    paths = [
        repeated([one], len(one.samples) / RATE, folder / f"{index}.wav")
        for index, one in enumerate(found)
    ]
    bare = rate([theirs.sequential(path) for path in paths])
    batched = rate([theirs.batched(path) for path in paths])
    engine = rate([words(ours, path, name) for path in paths])
    return [
        Result(f"word error rate, {name}, faster-whisper directly", bare, "%"),
        Result(f"word error rate, {name}, its batched pipeline", batched, "%"),
        at_most(
            f"word error rate, {name}, engine, above the direct one", engine - bare, 0.5, "points"
        ),
        Result(f"word error rate, {name}, engine", engine, "%"),
    ]


@dataclass(frozen=True, order=True)
class Cost:
    seconds: float
    processor_seconds: float  # of this process and its children: other load hardly matters


def clock(work: Callable[[], object]) -> Cost:
    started, before = time.perf_counter(), _processor_seconds()
    work()
    return Cost(time.perf_counter() - started, _processor_seconds() - before)


def _processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def speed(ours: Recognizer, name: str, theirs: Direct, path: Path) -> list[Result]:
    """One long file through each, the engine and the batched pipeline twice and in turns."""
    batches, engines = [], []
    for _ in range(2):
        batches.append(clock(lambda: theirs.batched(path)))
        engines.append(clock(lambda: words(ours, path, name)))
    batched, engine = min(batches), min(engines)
    sequential = clock(lambda: theirs.sequential(path))
    beam = clock(lambda: theirs.batched(path, beam=5))
    label = f"{MINUTES} minutes, {name}"
    processor = engine.processor_seconds / batched.processor_seconds
    return [
        Result(f"{label}, engine", engine.seconds, "s"),
        Result(f"{label}, batched pipeline", batched.seconds, "s"),
        at_most(f"{label}, engine over batched", engine.seconds / batched.seconds, 1.0, "times"),
        Result(f"{label}, engine over batched, processor time", processor, "times"),
        at_most(
            f"{label}, engine over sequential", engine.seconds / sequential.seconds, 1.0, "times"
        ),
        at_most(
            f"{label}, engine over batched with its beam of 5",
            engine.seconds / beam.seconds,
            1.0,
            "times",
        ),
    ]


def throughput(ours: Recognizer, name: str, found: list[Recording], folder: Path) -> list[Result]:
    """Four files at once beside one file of the same length in all."""
    whole = repeated(found, 60 * MINUTES, folder / "whole.wav")
    parts = [repeated(found, 15 * MINUTES, folder / f"part{n}.wav") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        one = clock(lambda: words(ours, whole, name))
        four = clock(lambda: list(pool.map(lambda path: words(ours, path, name), parts)))
    return [
        at_least(
            "throughput of four files at once over one", one.seconds / four.seconds, 1.0, "times"
        )
    ]


def memory(found: list[Recording], folder: Path) -> list[Result]:
    """The highest resident memory of a process of its own, with both models and the diarizer."""
    path = repeated(found, 3600 * HOURS, folder / "hours.wav")
    program = (
        "import sys; from pathlib import Path\n"
        "from engine.speech.diarization.diarizer import Diarizer\n"
        "from tests.bench.recognition import recognizer\n"
        "ours = recognizer()\n"
        "ours.recognize(Path(sys.argv[1]), diarizer=Diarizer())\n"
        "ours.close()\n"
    )
    with (
        subprocess.Popen([sys.executable, "-c", program, str(path)]) as process,
        peak(lambda: [process.pid]) as seen,
    ):
        if process.wait():
            raise RuntimeError("the long recording was not read")
    label = f"memory for {HOURS} hours with speakers, both models loaded, decoder included"
    return [at_most(label, seen["MiB"], 800, "MiB")]


def run() -> Iterator[Result]:
    name = os.environ.get("SPEECH_CORPUS")
    found = recordings(Path(name) if name else None)
    ours = recognizer()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        long = repeated(found, 60 * MINUTES, folder / "long.wav")
        for model in MODELS:
            theirs = direct(model)
            if name:
                yield from accuracy(ours, model, theirs, found, folder)
            if model == MODELS[0]:
                yield from speed(ours, model, theirs, long)
        yield from throughput(ours, MODELS[0], found, folder)
        ours.close()
        yield from memory(found, folder)
