"""Processes killed at random moments with jobs under way: is every upload transcribed once?

Each of worker, engine, web server and the whole group is killed (SIGKILL) ten times while two
recordings are being processed, and the broker loses every file ten times. Late is how long
after the restart the last of them has its transcript, less what they take undisturbed; the
group restarts its own children, so there the clock starts at the kill.
"""

import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.results import Result, at_least, at_most
from tests.product import Product, until
from tests.speech import join, say, wav_bytes

MOMENTS, AT_ONCE = 10, 2
SENTENCES = (
    "The harbour was quiet in the morning, and the boats lay side by side.",
    "Nobody had seen the lighthouse keeper since Tuesday, when the wind turned.",
    "We agreed to send the letters with the first train on the following day.",
    "She asked twice whether the bridge would hold, and nobody answered her.",
)


def talk(folder: Path) -> Path:
    """Some two minutes of speech: long enough to be killed in the middle of."""
    path = folder / "talk.wav"
    parts = [part for sentence in SENTENCES for part in (say(sentence), 0.8)]
    path.write_bytes(wav_bytes(join(*(parts * 6))))
    return path


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as name:
        folder = Path(name)
        product = Product(folder / "data")
        product.data.mkdir()
        product.start()
        try:
            yield from rounds(product, talk(folder))
        finally:
            product.stop()


def rounds(product: Product, path: Path) -> Iterator[Result]:
    moments = random.Random(11)
    member = product.member()
    started = time.monotonic()
    undisturbed = [member.upload(path, name=f"calm-{n}.wav").recording for n in range(AT_ONCE)]
    words = {words_in(member.transcript(recording, 300)) for recording in undisturbed}
    usual = time.monotonic() - started
    yield Result(f"{AT_ONCE} recordings undisturbed", usual, "s")
    acknowledged = list(undisturbed)
    for victim in ("worker", "engine", "web", "group", "broker"):
        worst = 0.0
        for moment in range(MOMENTS):
            recordings = [
                member.upload(path, name=f"{victim}-{moment}-{n}.wav").recording
                for n in range(AT_ONCE)
            ]
            acknowledged += recordings
            time.sleep(moments.uniform(0, usual))
            strike(product, victim)
            since = time.monotonic()
            words |= {words_in(member.transcript(recording, 120)) for recording in recordings}
            worst = max(worst, time.monotonic() - since - usual)
        yield at_most(f"{victim}, latest of {MOMENTS} moments", worst, 30, "s late")
    not_once = [recording for recording in acknowledged if transcripts(product, recording) != 1]
    yield at_most(f"of {len(acknowledged)} uploads not transcribed just once", len(not_once), 0, "")
    # Not to the letter: which windows share a call of the model moves its last bits.
    yield at_least(
        "words of the shortest transcript, of the longest", min(words) / max(words), 0.98, "times"
    )


def strike(product: Product, victim: str) -> None:
    if victim == "group":
        product.stop(signal.SIGKILL)
        product.start()
    elif victim == "broker":
        for path in (product.data / "broker").rglob("*"):
            if path.is_file():
                path.unlink(missing_ok=True)
    else:
        os.kill(
            until(lambda: product.processes().get(victim), 30, f"{victim} runs"), signal.SIGKILL
        )


def transcripts(product: Product, recording: int) -> int:
    """Finished transcripts of ``recording``, as the database has them."""
    with sqlite3.connect(product.data / "earshot.sqlite3") as database:
        rows = database.execute(
            "SELECT count(*) FROM transcripts_transcription"
            " WHERE recording_id = ? AND state = 'done'",
            [recording],
        )
        return rows.fetchone()[0]


def words_in(export: dict) -> int:
    return sum(len(utterance["text"].split()) for utterance in export["utterances"])
