"""Files as strangers send them, through the whole product: what became of each.

SPEECH_FAULTS names a folder of such files; those whose right values are known here are compared
with them. Variants of level, phase, offset, damage, container and track are generated from the
engine's own voices. A row has the share of the spoken words that the transcript holds, the second
of its first word, and the length; the player's audio and the waveform must start at one second.
"""

import difflib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.speech.audio.decode import RATE, Decoder
from engine.speech.errors import SpeechError
from tests.bench.results import Result
from tests.media import Sound, damaged, without, written
from tests.product import Member, Product, until
from tests.speech import join, say

SECONDS = 600.0  # for one file, on a busy machine
WORD_SECONDS = 0.6  # a recognizer places the first word not more exactly than this
CLOCK_SECONDS = 0.3
ENOUGH = 85.0  # percent of the words

JFK = (
    "And so my fellow Americans ask not what your country can do for you"
    " ask what you can do for your country"
)
LJ = "produced the block books which were the immediate predecessors of the true printed book"


@dataclass(frozen=True)
class Right:
    """Right values of a file: its words, start of the first, its length in seconds."""

    words: str = JFK
    start: float | None = 0.32
    seconds: float | None = 11.0
    enough: float = ENOUGH  # percent of the words
    options: dict[str, Any] = field(default_factory=dict)
    warning: str = ""  # a word that a warning has to have


# Source: the README of the folder. Files of the same kinds that are not listed are tried as well.
KNOWN = {
    "phase_inverted_stereo.mp3": Right(),
    "quiet_minus50dB_24bit.flac": Right(),
    "quiet_minus55dB_24bit.flac": Right(),
    "speech_50ms.wav": Right("", None, 0.05),
    "audio_starts_at_5s.mp4": Right(start=5.33, seconds=16),
    "audio_starts_at_5s.webm": Right(start=5.33, seconds=16),
    "audio_starts_at_5s.mkv": Right(start=5.33, seconds=16),
    "first_timestamp_100s.webm": Right(start=100.3, seconds=111),
    "gap_10s_in_timestamps.mkv": Right(seconds=21, enough=70),
    "gap_10s_in_timestamps.ts": Right(seconds=21, enough=70),
    "second_track_is_default.mp4": Right(),
    "second_track_is_default.mkv": Right(),
    "two_tracks_two_people.mp4": Right(warning="tracks"),
    "hole_in_the_middle.aac": Right(f"{JFK} {JFK} {JFK}", seconds=28, enough=60),
    "damaged_in_six_places.m4a": Right(f"{JFK} {JFK} {JFK}", seconds=33),
    "broken_off.wav": Right(JFK[:34], seconds=5.5, warning="truncated"),
    "vbr_without_xing.mp3": Right(start=45.3, seconds=61),
    "adts_silent_start.aac": Right(start=45.3, seconds=60),
    "speech_f64.aif": Right(JFK[:26], seconds=3, enough=80.0),  # its end cuts the last word
    **{
        f"speech{name}": Right()
        for name in (
            *(".avi", ".flv", ".mpg", ".ac3", ".eac3", ".wv", ".tta"),
            *("_ima4.mov", "_ima4.aifc"),
        )
    },
}

FOX = "The quick brown fox jumps over the lazy dog near the bank of the river."
RAIN = "Tomorrow it will rain in the morning and clear up in the afternoon."


@dataclass(frozen=True)
class File:
    """A file to send, by its bytes or its path."""

    name: str
    source: bytes | Path
    right: Right | None


def given_files() -> Iterator[File]:
    folder = os.environ.get("SPEECH_FAULTS")
    if not folder:
        print("SPEECH_FAULTS is not set to a folder of files: only generated ones are tried.")
        return
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and path.suffix not in (".md", ".sh", ".txt"):
            yield File(str(path.relative_to(folder)), path, KNOWN.get(path.name))


def generated_files() -> Iterator[File]:
    speech = join(0.5, say(FOX, rate=48_000), 1.0, say(RAIN, rate=48_000), 0.5, rate=48_000)
    once = Right(f"{FOX} {RAIN}", 0.5, len(speech) / 48_000)

    def sound(samples: np.ndarray = speech, codec: str = "aac", **options: Any) -> Sound:
        return Sound(samples.astype(np.float32), codec, 48_000, **options)

    for level in (-30, -50, -55):
        samples = speech * 10 ** (level / 20) / np.abs(speech).max()
        yield File(f"level {level} dB.wav", written("wav", sound(samples, "pcm_s24le")), once)
    pair = np.stack([speech, -speech])
    yield File("phase inverted.mp3", written("mp3", sound(pair, "libmp3lame")), once)
    yield File("phase inverted.flac", written("flac", sound(pair, "flac")), once)
    noise = np.random.default_rng(1).normal(0, 0.02, 60 * 48_000)
    noisy = Right(once.words, 60.5, once.seconds + 60)
    yield File("after noise.flac", written("flac", sound(np.append(noise, speech), "flac")), noisy)

    for container, codec, offset in (
        ("mp4", "aac", 5),
        ("matroska", "flac", 5),
        ("webm", "libopus", 100),
        ("mpegts", "aac", 5),
    ):
        late = sound(codec=codec, stamps=lambda seconds, offset=offset: seconds + offset)
        video = 8.0 if offset == 5 else 0.0
        right = Right(once.words, 0.5 + offset, once.seconds + offset)
        data = written(container, late, video_seconds=video)
        yield File(f"starts at {offset} s.{container}", data, right)
    hole = sound(stamps=lambda seconds: seconds + (10 if seconds > len(say(FOX)) / RATE + 1 else 0))
    right = Right(once.words, 0.5, once.seconds + 10)
    yield File("hole of 10 s.mp4", written("mp4", hole), right)
    wrong = sound(stamps=lambda seconds: seconds + 90_000)
    yield File("stamps of 25 hours.mkv", written("matroska", wrong), once)

    adts = written("adts", sound(np.tile(speech, 3)))
    part = Right(" ".join([once.words] * 3), 0.5, 2.98 * once.seconds, enough=70, warning="damaged")
    yield File("damaged in 6 places.aac", damaged(adts, 6), part)
    yield File("without its middle.aac", without(adts, 0.35, 0.45), None)
    wave = written("wav", sound(codec="pcm_s16le"))
    half = Right(FOX, 0.5, once.seconds / 2, warning="truncated")
    yield File("broken off.wav", wave[: len(wave) // 2], half)

    for container, codec in (
        *(("avi", "libmp3lame"), ("flv", "aac"), ("mpeg", "mp2"), ("ac3", "ac3")),
        *(("eac3", "eac3"), ("wv", "wavpack"), ("tta", "tta"), ("aiff", "pcm_f64be")),
        *(("mov", "adpcm_ima_qt"), ("asf", "wmav2"), ("latm", "aac"), ("ogg", "libopus")),
    ):
        rate = 44_100 if container == "flv" else 48_000
        samples = speech[: int(once.seconds or 0) * 48_000]
        track = sound(samples, codec)
        track.rate, right = rate, Right(once.words, 0.5, None)
        yield File(f"container.{container}", written(container, track), right)

    fox, rain = say(FOX, rate=48_000), say(RAIN, rate=48_000)
    silent = sound(0 * fox, is_default=False)
    two = Right(FOX, 0.0, None, warning="tracks")
    default = written("mp4", silent, sound(fox, is_default=True))
    yield File("second track is default.mp4", default, two)
    people = written("mp4", sound(fox, language="eng"), sound(rain, language="eng"))
    yield File("two tracks.mp4", people, two)
    both = Right(f"{FOX} {RAIN}", 0.0, None, options={"multichannel": True})
    yield File("two tracks as channels.mp4", people, both)
    changed = written("adts", sound(fox)) + written(
        "adts", Sound(np.stack([say(RAIN)] * 2), "aac", RATE)
    )
    yield File("rate and channels change.aac", changed, Right(f"{FOX} {RAIN}", 0.0, None))
    # Few bytes for the first seconds: the length by the bit rate is many times too long.
    quiet = np.zeros(120 * 48_000, np.float32)
    guessed = written("adts", sound(np.concatenate([quiet, speech, noise])))
    right = Right(once.words, 120.5, 180 + (once.seconds or 0))
    yield File("guessed length.aac", guessed, right)
    vbr = sound(np.concatenate([quiet, noise, speech]), "libmp3lame")
    vbr.options = {"flags": "+qscale", "global_quality": "590"}
    right = Right(once.words, 180.5, 180 + (once.seconds or 0))
    yield File("variable rate.mp3", written("mp3", vbr, write_xing="0"), right)


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as name:
        folder = Path(name)
        product = Product(folder)
        product.start()
        try:
            ada = product.member()
            for file in (*given_files(), *generated_files()):
                yield became(ada, file, folder)
        finally:
            product.stop()


def became(ada: Member, file: File, folder: Path) -> Result:
    """Send one file and compare what the library has of it with what is right."""
    path = folder / "file" if isinstance(file.source, bytes) else file.source
    if isinstance(file.source, bytes):
        path.write_bytes(file.source)
    options = file.right.options if file.right else {}
    number = ada.upload(path, name=Path(file.name).name, **options).recording
    export = until(lambda: ended(ada, number), SECONDS, f"{file.name} has ended", every=0.5)
    if "error" in export:
        return outcome(file, float("nan"), export["error"], [f"failed: {export['error']}"])
    return compared(ada, number, file, export)


def ended(ada: Member, number: int) -> dict[str, Any] | None:
    """The exported transcript, or the error of a recording that has none; None while it waits."""
    if export := ada.export(number):
        return export
    failed = re.search(
        r"<h2>This recording could not be transcribed</h2>\s*<p>(.*?)</p>",
        ada.get(f"/recordings/{number}/"),
        re.S,
    )
    return {"error": failed[1]} if failed else None


def compared(ada: Member, number: int, file: File, export: dict[str, Any]) -> Result:
    said = " ".join(each["text"] for each in export["utterances"])
    start = min((each["start"] for each in export["utterances"]), default=None)
    seen, heard = waveform_start(ada, number), audio_start(ada, number)
    # The waveform decides the length that the page shows.
    export = ada.export(number) or export
    warnings = [str(each.get("type", each)) for each in export.get("warnings") or []]
    faults = []
    if seen is not None and heard is not None and abs(seen - heard) > CLOCK_SECONDS:
        faults.append(f"waveform from {seen:.2f} s and audio from {heard:.2f} s")
    right = file.right
    value = found_words(said, right.words) if right else float(len(plain(said)))
    if right:
        if right.words and value < right.enough:
            faults.append("words")
        if not right.words and plain(said):
            faults.append("words where there are none")
        if right.start is not None and (start is None or abs(start - right.start) > WORD_SECONDS):
            faults.append("first word")
        if right.seconds is not None and abs(export["duration"] - right.seconds) > WORD_SECONDS:
            faults.append("length")
        if right.warning and not any(right.warning in each for each in warnings):
            faults.append(f"no warning {right.warning}")
    parts = [
        "% of words" if right and right.words else "words",
        f"from {start:.1f} s" if start is not None else "",
        f"of {export['duration']:.1f} s",
        f"audio from {heard:.1f} s" if heard is not None else "",
        f"warnings: {', '.join(warnings)}" if warnings else "",
        f"wrong: {', '.join(faults)}" if faults else "",
    ]
    return outcome(file, value, ", ".join(filter(None, parts)), faults)


def outcome(file: File, value: float, text: str, faults: list[str]) -> Result:
    right = file.right
    if right is None:
        return Result(file.name, value, text)
    target = f"{right.enough:g} % of words" if right.words else "0 words"
    target += f" from {right.start:g} s" if right.start is not None else ""
    target += f" of {right.seconds:.4g} s" if right.seconds is not None else ""
    target += f", warning {right.warning}" if right.warning else ""
    return Result(file.name, value, text.replace("|", "/"), target, not faults)


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def found_words(said: str, right: str) -> float:
    """Percent of the words of ``right`` that were said, in its order."""
    wanted = plain(right)
    blocks = difflib.SequenceMatcher(None, plain(said), wanted, False).get_matching_blocks()
    return 100 * sum(block.size for block in blocks) / max(1, len(wanted))


def waveform_start(ada: Member, number: int) -> float | None:
    """The second at which the waveform rises; None for one that is flat."""

    def drawn() -> bytes | None:
        response = ada.http.get(f"/recordings/{number}/waveform")
        return response.content if response.status_code == 200 else None

    curve = np.frombuffer(until(drawn, SECONDS, "the waveform is drawn"), np.uint8)
    export = ada.export(number)
    loud = np.flatnonzero(curve > 0.25 * curve.max(initial=1))
    return float(loud[0] / len(curve) * export["duration"]) if export and len(loud) else None


def audio_start(ada: Member, number: int) -> float | None:
    """The second at which the audio of the player gets loud, by its own clock."""
    audio = ada.http.get(f"/recordings/{number}/audio").content
    with tempfile.NamedTemporaryFile() as file:
        file.write(audio)
        file.flush()
        try:
            with Decoder(Path(file.name)) as decoder:
                samples = np.abs(np.concatenate(list(decoder.blocks()), axis=1)[0])
        except SpeechError:
            return None
    loud = np.flatnonzero(samples > 0.25 * samples.max(initial=1e-4))
    return float(loud[0] / RATE) if len(loud) else None
