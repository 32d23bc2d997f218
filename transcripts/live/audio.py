"""Audio of a live session on disk: a WAV file that grows and can be played at every moment."""

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE = 16_000
SAMPLE_BYTES = 2
HEADER_BYTES = 44


@dataclass(frozen=True)
class Format:
    """16-bit samples of so many channels at so many Hz."""

    sample_rate: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return SAMPLE_BYTES * self.channels

    @property
    def bytes_per_second(self) -> int:
        return self.sample_rate * self.frame_bytes


MONO = Format(SAMPLE_RATE, 1)  # of a microphone
BYTES_PER_SECOND = MONO.bytes_per_second
# The sizes in a WAV header have 32 bits.
LONGEST_BYTES = 2**32 - HEADER_BYTES - 2 * BYTES_PER_SECOND


class AudioBusy(Exception):
    """Another process writes this file."""


def seconds_of(size_bytes: int) -> float:
    """Return the duration in seconds of that many bytes of audio."""
    return size_bytes / BYTES_PER_SECOND


def wav_header(size_bytes: int, form: Format = MONO) -> bytes:
    """Return the header of a WAV file with ``size_bytes`` of samples."""
    sizes = struct.pack("<I", HEADER_BYTES - 8 + size_bytes), struct.pack("<I", size_bytes)
    described = struct.pack(
        "<IHHIIHH", 16, 1, form.channels, form.sample_rate, form.bytes_per_second,
        form.frame_bytes, 8 * SAMPLE_BYTES,
    )  # fmt: skip
    return b"RIFF" + sizes[0] + b"WAVEfmt " + described + b"data" + sizes[1]


def is_written(path: Path) -> bool:
    """Return whether a process has the file open to write it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class AudioFile:
    """The WAV file of one session, open for its only writer.

    Offsets and sizes are bytes of audio, without the header. Samples of an interrupted write
    are kept: the header is made to fit the samples that are there. Raises ``AudioBusy`` when
    another process has the file open.
    """

    def __init__(self, path: Path, form: Format = MONO) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # The lock is the kernel's and ends with the process.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AudioBusy(f"{path.name} is written by another process") from None
        stored = max(0, os.fstat(self._descriptor).st_size - HEADER_BYTES)
        self._form = form
        self.size_bytes = stored - stored % form.frame_bytes
        self._write_header()

    def write(self, start: int, audio: bytes) -> None:
        """Write samples at ``start`` and wait until the disk has them; can be repeated.

        Raises ``OSError``; the file then has what it had before.
        """
        written = 0
        while written < len(audio):
            place = HEADER_BYTES + start + written
            written += os.pwrite(self._descriptor, audio[written:], place)
        # The samples first: a header that says more than there is would break the file.
        os.fdatasync(self._descriptor)
        self.size_bytes = max(self.size_bytes, start + len(audio))
        self._write_header()

    def read(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes of audio from ``start``."""
        size = min(size, self.size_bytes - start)
        return os.pread(self._descriptor, size, HEADER_BYTES + start) if size > 0 else b""

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write_header(self) -> None:
        os.pwrite(self._descriptor, wav_header(self.size_bytes, self._form), 0)
