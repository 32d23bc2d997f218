"""What a file from outside is, how loud it is over time, and a copy that browsers play.

FFmpeg reads files of strangers only in `sound_child.py`: a process of its own with limits,
without environment, other files or network. When it dies, a file is refused and nothing else.
"""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

CHILD = Path(__file__).with_name("sound_child.py")
PROBE_SECONDS = 20
DRAW_SECONDS = 1800
MAX_CHANNELS = 20  # the API's own limit: section 4 of its description
MAX_SAMPLE_RATE = 384_000
MAX_STEPS = 6_000

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
REFUSALS = {
    "unreadable": "This is not an audio or video file that can be read, or it is incomplete.",
    "no_audio_track": "There is no audio track in this file.",
    "unknown_codec": "The audio in this file is coded in a way that is not supported.",
    "no_samples": "There is no audio in this file: it holds no samples.",
}
BROKEN = "This file could not be read safely: its decoder broke down over it."


class Refused(Exception):
    """The file cannot be transcribed; the message tells a person why."""


@dataclass(frozen=True)
class Sound:
    """What a file's header says and its first sound confirmed. ``duration`` in seconds."""

    format: str
    codec: str
    video: bool
    channels: int
    sample_rate: int
    duration: float | None

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

    def check(self, max_duration_seconds: int) -> None:
        """Raise ``Refused`` when it is beyond a limit; the message names the limit."""
        if self.channels > MAX_CHANNELS:
            raise Refused(
                f"This file has {self.channels} audio channels; {MAX_CHANNELS} are possible."
            )
        if self.sample_rate > MAX_SAMPLE_RATE:
            raise Refused(
                f"The sample rate of this file is {self.sample_rate} Hz; "
                f"{MAX_SAMPLE_RATE} Hz are possible."
            )
        if self.duration is not None and self.duration > max_duration_seconds:
            raise Refused(
                f"This recording is {self.duration / 3600:.1f} hours long; "
                f"{max_duration_seconds / 3600:g} hours are possible."
            )


def probe(path: Path) -> Sound:
    """Look into the file. Raises ``Refused`` when there is no audio in it that can be read."""
    output = _run(path, "probe", PROBE_SECONDS)
    try:
        told = json.loads(output)
        if "refused" in told:
            raise Refused(REFUSALS.get(told["refused"], BROKEN))
        duration = told["duration"]
        return Sound(
            format=str(told["format"]),
            codec=str(told["codec"]),
            video=bool(told["video"]),
            channels=int(told["channels"]),
            sample_rate=int(told["sample_rate"]),
            duration=float(duration) if duration is not None and duration > 0 else None,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(BROKEN) from error


def draw(path: Path, copy: Path | None = None) -> bytes:
    """Loudness over time: at most MAX_STEPS bytes of equal length, 0 silent to 255 full scale.

    Writes an MP3 of it to ``copy``. Raises ``Refused``.
    """
    return reduce(_run(path, "draw", DRAW_SECONDS, copy), MAX_STEPS)


def reduce(peaks: bytes, steps: int) -> bytes:
    """The same curve in at most so many steps: of those that fall together the loudest."""
    count = len(peaks)
    if count <= steps:
        return peaks
    bounds = [step * count // steps for step in range(steps + 1)]
    return bytes(max(peaks[first:last]) for first, last in pairwise(bounds))


def _run(path: Path, order: str, seconds: int, copy: Path | None = None) -> bytes:
    arguments = [sys.executable, "-I", str(CHILD), order, str(seconds)]
    with ExitStack() as stack:
        nowhere = stack.enter_context(tempfile.TemporaryDirectory())
        source = stack.enter_context(path.open("rb"))
        handed = [stack.enter_context(copy.open("wb")).fileno()] if copy else []
        try:
            return subprocess.run(
                [*arguments, *map(str, handed)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=handed,
                cwd=nowhere,
                # One thread: the address space is limited, and nobody waits for this.
                env={"OPENBLAS_NUM_THREADS": "1"},
                timeout=seconds + 10,
                check=True,
            ).stdout
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Refused(BROKEN) from error
