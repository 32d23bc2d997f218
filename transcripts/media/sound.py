"""Facts of a file of unknown origin, its loudness over time, and a copy that browsers play.

FFmpeg reads these files only in `sound_child.py`: a process of its own that is confined as
`sandbox/confinement.py` says. When it dies, its file is rejected and nothing else is affected.
"""

import base64
import importlib.util
import json
import subprocess
import sys
import tempfile
from array import array
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from network.jsontext import read_json

PROBE_SECONDS = 20
DRAW_SECONDS = 1800
MAX_CHANNELS = 20  # docs/contract.md, 4
MAX_SAMPLE_RATE = 384_000
MAX_STEPS = 6_000
# Full height of a waveform is its loudest sample, but not less than this: -80 dB is silence.
QUIETEST = 1e-4

# Browsers find a second of these by counting bytes, which needs a constant bit rate.
COUNTED_BY_BYTES = {"mp3"}
# And of these not even then: they have no index, and their lengths are guessed.
NEVER_EXACT = {"aac"}

MEDIA_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "asf": "audio/x-ms-wma",
    "caf": "audio/x-caf",
    "avi": "video/x-msvideo",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpegts": "video/mp2t",
    "ac3": "audio/ac3",
    "eac3": "audio/eac3",
    "dts": "audio/vnd.dts",
    "au": "audio/basic",
    "wv": "audio/x-wavpack",
    "tta": "audio/x-tta",
    "ape": "audio/x-ape",
}
PLAYABLE_CODECS = {
    "wav": {"pcm_s16le", "pcm_s24le", "pcm_u8", "pcm_f32le"},
    "mp3": {"mp3", "mp3float"},
    "flac": {"flac"},
    "ogg": {"opus", "libopus", "vorbis", "flac"},
    "aac": {"aac"},
    "mp4": {"aac", "mp3", "mp3float", "flac", "opus", "libopus"},
    "webm": {"opus", "libopus", "vorbis"},
}
REJECTIONS = {
    "unknown": "This is not an audio or video file that can be read, or it is incomplete.",
    "no_track": "There is no audio track in this file.",
    "codec": "The audio in this file is coded in a way that is not supported.",
    "no_samples": "There is no audio in this file: it holds no samples.",
}
BROKEN = "This file could not be read safely: the decoder crashed on it."


class Rejected(Exception):
    """The file cannot be transcribed; the message tells a person why."""


@dataclass(frozen=True)
class Track:
    """An audio track that can be read. ``number`` counts the audio tracks of the file from 1."""

    number: int
    language: str  # a code of ISO 639, or empty
    title: str
    channels: int


@dataclass(frozen=True)
class Sound:
    """Facts that the header of a file states and its first sound confirmed.

    They are those of the first of ``tracks``, which is the one that is played and heard.
    ``duration`` is in seconds, None where only a guess is known.
    """

    format: str
    codec: str
    video: bool
    channels: int
    sample_rate: int
    duration: float | None
    tracks: tuple[Track, ...] = ()

    @property
    def container(self) -> str:
        """FFmpeg names families: "mov,mp4,..." is an MP4, "matroska,webm" told by its codec."""
        if self.format.startswith("mov"):
            return "mp4"
        if self.format.startswith("matroska"):
            return "webm" if self.codec in PLAYABLE_CODECS["webm"] else "matroska"
        return self.format

    @property
    def media_type(self) -> str:
        if self.container in {"mp4", "webm", "matroska"}:
            subtype = "x-matroska" if self.container == "matroska" else self.container
            return f"{'video' if self.video else 'audio'}/{subtype}"
        return MEDIA_TYPES.get(self.container, "application/octet-stream")

    @property
    def plays_in_browsers(self) -> bool:
        return self.codec in PLAYABLE_CODECS.get(self.container, ())

    def check(self) -> None:
        """Raise ``Rejected`` when it is beyond a limit; the message names the limit."""
        if self.channels > MAX_CHANNELS:
            raise Rejected(
                f"This file has {self.channels} audio channels; at most {MAX_CHANNELS} are allowed."
            )
        if self.sample_rate > MAX_SAMPLE_RATE:
            raise Rejected(
                f"The sample rate of this file is {self.sample_rate} Hz; "
                f"at most {MAX_SAMPLE_RATE} Hz are allowed."
            )


@dataclass(frozen=True)
class Drawing:
    """Loudness over time: at most MAX_STEPS bytes of equal length, 255 the loudest of all.

    ``seconds`` is the length of the time line, also that of a listening copy.
    ``is_seekable`` is False for a file in which browsers miss the second that they show.
    """

    peaks: bytes
    seconds: float
    is_seekable: bool


def probe(path: Path) -> Sound:
    """Look into the file. Raises ``Rejected`` when there is no audio in it that can be read."""
    facts = _run(path, "probe", PROBE_SECONDS)
    try:
        duration = facts["duration"]
        return Sound(
            format=str(facts["format"]),
            codec=str(facts["codec"]),
            video=bool(facts["video"]),
            channels=int(facts["channels"]),
            sample_rate=int(facts["sample_rate"]),
            duration=float(duration) if duration is not None and duration > 0 else None,
            tracks=tuple(
                Track(
                    int(track["number"]),
                    str(track["language"]),
                    str(track["title"]),
                    int(track["channels"]),
                )
                for track in facts["tracks"]
            ),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Rejected(BROKEN) from error


def check_length(path: Path, properties: Sound, max_seconds: int) -> None:
    """Raise ``Rejected`` when more can be decoded than ``max_seconds``.

    A length stated by a header is checked, never a reason to reject: it may be wrong.
    """
    if properties.duration is not None and properties.duration <= max_seconds:
        return
    facts = _run(path, "measure", DRAW_SECONDS, most_seconds=max_seconds)
    if float(facts["seconds"]) > max_seconds:
        raise Rejected(f"This recording is more than {max_seconds / 3600:g} hours long.")


def draw(path: Path, properties: Sound, copy: Path | None = None) -> Drawing:
    """Draw a file that ``probe`` found to be readable, and write an MP3 of it to ``copy``.

    Raises ``Rejected``.
    """
    facts = _run(path, "draw", DRAW_SECONDS, copy)
    try:
        peaks = array("f", base64.b64decode(facts["peaks"]))
        is_seekable = (
            facts["is_even"]
            and facts["is_first_track"]
            and not facts["is_damaged"]
            and properties.container not in NEVER_EXACT
            and (facts["has_constant_rate"] or properties.container not in COUNTED_BY_BYTES)
        )
        return Drawing(reduce(scaled(peaks), MAX_STEPS), float(facts["seconds"]), is_seekable)
    except (ValueError, TypeError, KeyError) as error:
        raise Rejected(BROKEN) from error


def scaled(peaks: "array[float]") -> bytes:
    """Loudness as bytes, 255 for the loudest: the waveform of a quiet recording is not flat."""
    top = max(QUIETEST, max(peaks, default=0.0))
    return bytes(round(255 * min(1.0, max(0.0, peak / top))) for peak in peaks)


def reduce(peaks: bytes, steps: int) -> bytes:
    """The same curve in at most so many steps: of those that fall together the loudest."""
    count = len(peaks)
    if count <= steps:
        return peaks
    bounds = [step * count // steps for step in range(steps + 1)]
    return bytes(max(peaks[first:last]) for first, last in pairwise(bounds))


def _run(
    path: Path, work: str, seconds: int, copy: Path | None = None, **order: Any
) -> dict[str, Any]:
    with ExitStack() as stack:
        empty_folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sound-"))
        source = stack.enter_context(path.open("rb"))
        passed = [stack.enter_context(copy.open("wb")).fileno()] if copy else []
        order |= {"work": work, "cpu_seconds": seconds, "copy": passed[0] if passed else None}
        try:
            output = subprocess.run(
                [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(order)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
                cwd=empty_folder,
                # One thread: the address space is limited, and no user waits for this.
                env={"OPENBLAS_NUM_THREADS": "1"},
                timeout=seconds + 10,
                check=True,
            ).stdout
            facts = read_json(output)
            if not isinstance(facts, dict):
                raise ValueError("no JSON object")
        except (subprocess.SubprocessError, ValueError) as error:
            raise Rejected(BROKEN) from error
    if "unreadable" in facts:
        raise Rejected(REJECTIONS.get(facts["unreadable"], BROKEN))
    return facts


def _packages() -> str:
    """The folder in which PyAV is installed."""
    spec = importlib.util.find_spec("av")
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent.parent)


# -I and -S: neither the environment nor site-packages' own start-up code is read.
PROGRAM = (
    f"import sys; sys.path += [{str(Path(__file__).resolve().parents[2])!r}, {_packages()!r}]; "
    "from transcripts.media.sound_child import main; main()"
)
