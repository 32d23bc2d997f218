"""Any container and codec to 16 kHz samples, decoded in a separate, confined process.

The bytes decide what the audio is, not its name or type. The process gets an empty environment,
an empty directory, no network, and limits on memory and processor time; the audio reaches it as
its standard input, so that it knows no path. Samples come in blocks: memory does not grow with
the length of a recording.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from engine.speech.audio.mixing import Mixer
from engine.speech.errors import (
    AudioLimit,
    DecoderLost,
    EmptyAudio,
    NoAudio,
    SpeechError,
    UndescribedAudio,
    UnsupportedAudio,
)
from network.jsontext import read_json

RATE = 16_000  # Hz, of every block
Samples = npt.NDArray[np.float32]

_ERRORS: dict[str, type[SpeechError]] = {
    "empty": EmptyAudio,
    "none": NoAudio,
    "unsupported": UnsupportedAudio,
    "limit": AudioLimit,
    "unconfined": DecoderLost,
}
# Lag of a track after another one from which its silence is assumed.
_MOST_LAG = 120 * RATE  # samples
_HEADER = struct.Struct("<cI")
# What starts a container: such bytes are read as what they are, whatever the caller said.
CONTAINER_STARTS = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"OggS",
    b"fLaC",
    b"ID3",
    b"#!AMR",
    b"\x1aE\xdf\xa3",
)


@dataclass(frozen=True)
class Limits:
    """Limits of one recording; above them ``AudioLimit`` (docs/contract.md, 4)."""

    max_channels: int = 20
    max_sample_rate: int = 384_000  # Hz
    max_seconds: float = 12 * 3600.0
    memory_bytes: int = 1 << 30  # of address space, libraries included
    cpu_seconds: int = 900
    stall_seconds: float = 60.0  # without one block of samples


@dataclass(frozen=True)
class RawFormat:
    """Format of audio without a container (docs/contract.md, 5.1 and 9.1)."""

    encoding: str
    sample_rate: int | None = None  # Hz
    channels: int = 1

    def demuxer(self) -> dict[str, Any] | None:
        """FFmpeg's demuxer with its options; None where the bytes say it themselves.

        Raises ``UndescribedAudio`` for samples of which nobody said how many are a second.
        """
        pcm = {"linear16": "s16le", "linear32": "f32le", "mulaw": "mulaw", "alaw": "alaw"}
        if self.encoding in pcm:
            if self.sample_rate is None:
                raise UndescribedAudio(f"sample_rate is needed with encoding={self.encoding}")
            # FFmpeg writes "mono", "stereo", or "3C" for three tracks without places.
            layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels}C")
            options = {"sample_rate": str(self.sample_rate), "ch_layout": layout}
            return {"format": pcm[self.encoding], "options": options}
        bare = {"amr-nb": "amrnb", "amr-wb": "amrwb", "g729": "g729"}
        if self.encoding in bare:
            return {"format": bare[self.encoding], "options": {}}
        return None  # flac, opus, ogg-opus and speex are in a container by now


@dataclass(frozen=True)
class Head:
    """Format and tracks of the audio; with ``multichannel``, the channels of all tracks."""

    format: str
    codec: str
    channels: int
    sample_rate: int  # Hz


@dataclass(frozen=True)
class Track:
    """An audio track of a file that has several. ``number`` counts from 1."""

    number: int
    language: str  # a code of ISO 639, or empty
    title: str
    is_read: bool

    def __str__(self) -> str:
        words = ", ".join(filter(None, (self.title, self.language)))
        return f"{self.number} ({words})" if words else str(self.number)


class Decoder:
    """One stream of encoded bytes becoming samples.

    ``source`` is a path, or a binary file, read from its start. Without one the stream is live:
    ``feed`` it bytes as they come and call ``finish`` after the last, from another thread than
    the one that reads ``blocks``; that one calls ``decoded`` with the number of bytes whose
    samples ``blocks`` has given, as far as they can be decoded without more. Close it, or use it
    as a context, to end the process.
    """

    def __init__(
        self,
        source: BinaryIO | Path | None,
        *,
        raw: RawFormat | None = None,
        multichannel: bool = False,
        limits: Limits = Limits(),
        decoded: Callable[[int], None] = lambda received: None,
    ) -> None:
        self.samples = 0  # decoded so far, a channel
        # Known at the end:
        self.truncated = False  # the data broke off
        self.damaged = 0  # places that could not be decoded
        self.tracks: tuple[Track, ...] = ()  # the audio tracks that can be decoded
        self._limits = limits
        self._decoded = decoded
        self._live = source is None
        self._multichannel = multichannel
        self._head: Head | None = None
        self._track_channels: list[int] = []
        self._first: tuple[bytes, bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="decode-")
        with contextlib.ExitStack() as files:
            stdin: int = subprocess.PIPE
            if source is not None:
                stdin = files.enter_context(_as_file(source)).fileno()
                raw = _unless_contained(stdin, raw)
            self._process = self._start(stdin, raw)

    def _start(self, stdin: int, raw: RawFormat | None) -> subprocess.Popen[bytes]:
        """Start the process that decodes ``stdin``, a file or ``subprocess.PIPE``."""
        order = {
            "raw": raw.demuxer() if raw else None,
            "multichannel": self._multichannel,
            "live": self._live,
            "max_channels": self._limits.max_channels,
            "max_sample_rate": self._limits.max_sample_rate,
            "max_seconds": self._limits.max_seconds,
            "memory_bytes": self._limits.memory_bytes,
            "cpu_seconds": self._limits.cpu_seconds,
        }
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(order)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env={},
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._folder.cleanup()

    @property
    def head(self) -> Head:
        """Return format and tracks once enough bytes have come. Raises ``AudioError``."""
        if self._head is None:
            kind, payload = self._receive()
            if kind != b"H":
                raise UnsupportedAudio("the decoder sent a message out of order")
            head = _object(payload)
            self._track_channels = head.pop("track_channels")
            self._head = Head(**head)
        return self._head

    def blocks(self) -> Iterator[Samples]:
        """Samples as they are decoded: float32, (channels, samples), -1 to 1, at 16 kHz.

        One channel holds the mix of all, or with ``multichannel`` each is its own. Raises
        ``AudioError``, possibly after some blocks.
        """
        assert self.head, "the first message is read"
        tracks = [_Aligned(count if self._multichannel else 1) for count in self._track_channels]
        while True:
            kind, payload = self._receive()
            if kind == b"Z":
                self._finish(_object(payload))
                yield from self._counted(_together(tracks, is_last=True))
                return
            place, channels = payload[:2]
            block = np.frombuffer(payload, np.float32, offset=2).reshape(-1, channels).T
            tracks[place].append(block)
            yield from self._counted(_together(tracks))

    def _counted(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self.samples += block.shape[1]
            yield block

    def _finish(self, end: dict[str, Any]) -> None:
        self.truncated, self.damaged = end["truncated"], end["damaged"]
        self.tracks = tuple(Track(**track) for track in end["tracks"])

    def feed(self, data: bytes) -> None:
        """Give a live stream its next bytes; waits while the decoder is behind."""
        stdin = self._process.stdin
        assert stdin is not None, "only a live stream is fed"
        view = memoryview(data)
        # The process has ended when it rejected an earlier part; ``blocks`` raises the reason.
        with contextlib.suppress(BrokenPipeError, ValueError):
            while view:
                view = view[stdin.write(view) :]

    def finish(self) -> None:
        """No more bytes will be fed."""
        assert self._process.stdin is not None, "only a live stream is fed"
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def _receive(self) -> tuple[bytes, bytes]:
        while True:
            kind, size = _HEADER.unpack(self._read(_HEADER.size))
            payload = self._read(size)
            if kind != b"W":
                break
            self._decoded(_object(payload)["received"])
        if kind == b"E":
            error = _object(payload)
            raise _ERRORS[error["kind"]](error["message"])
        return kind, payload

    def _read(self, size: int) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        data = bytearray()
        deadline = None if self._live else time.monotonic() + self._limits.stall_seconds
        while len(data) < size:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not _is_readable(stdout, left):
                self._process.kill()
                raise AudioLimit(
                    f"decoding gave nothing for {self._limits.stall_seconds:g} seconds"
                )
            piece = stdout.read(size - len(data))
            if not piece:
                raise self._death()
            data += piece
        return bytes(data)

    def _death(self) -> SpeechError:
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            limit = self._limits.cpu_seconds
            return AudioLimit(f"decoding takes more than {limit} seconds of processor time")
        if code in (-signal.SIGKILL, -signal.SIGTERM):
            return DecoderLost("the decoder was stopped from outside")
        # A crash on crafted bytes ends here: it took the child alone.
        return UnsupportedAudio(f"the decoder broke off on this audio (status {code})")


class _Aligned:
    """The samples of one track that wait for those of the others at the same time."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.size = 0  # samples that wait
        self._waiting: list[Samples] = []
        self._late = 0  # samples whose time was filled with silence before they came
        self._mixer = Mixer()

    def append(self, block: Samples) -> None:
        late = min(self._late, block.shape[1])
        self._late -= late
        block = block[:, late:]
        is_mixed = self.channels == 1
        self._waiting.append(self._mixer.mix(block) if is_mixed else _fitted(block, self.channels))
        self.size += block.shape[1]

    def take(self, samples: int) -> Samples:
        """Remove and return the first ``samples``, with silence for those that did not come."""
        missing = max(0, samples - self.size)
        self._late += missing
        silence = np.zeros((self.channels, missing), np.float32)
        waiting = np.concatenate([*self._waiting, silence], axis=1)
        self._waiting = [waiting[:, samples:]]
        self.size = waiting.shape[1] - samples
        return waiting[:, :samples]


def _fitted(block: Samples, channels: int) -> Samples:
    """``block`` with so many channels: their number may change in the middle of a file."""
    if block.shape[0] > channels:
        last = block[channels - 1 :].mean(axis=0, keepdims=True)
        return np.concatenate([block[: channels - 1], last])
    if block.shape[0] < channels:
        missing = np.zeros((channels - block.shape[0], block.shape[1]), np.float32)
        return np.concatenate([block, missing])
    return block


def _together(tracks: Sequence[_Aligned], *, is_last: bool = False) -> Iterator[Samples]:
    """Return the samples that all ``tracks`` have, their channels stacked."""
    most = max(track.size for track in tracks)
    least = min(track.size for track in tracks)
    ready = most if is_last else max(least, most - _MOST_LAG)
    if ready:
        yield np.concatenate([track.take(ready) for track in tracks])


_ROOT = str(Path(__file__).resolve().parents[3])


def _object(payload: bytes) -> dict[str, Any]:
    """A message of the decoder: whoever took over its process would write these bytes."""
    try:
        message = read_json(payload)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise UnsupportedAudio("the decoder sent a message that is no JSON object")
    return message


def _find_av() -> str:
    spec = importlib.util.find_spec("av")
    if spec is None or spec.origin is None:
        raise ImportError("PyAV is not installed: pip install av")
    return str(Path(spec.origin).parent.parent)


# -I and -S: neither the environment nor site-packages' own start-up code (100 ms) is read.
_PROGRAM = (
    f"import sys; sys.path += [{_ROOT!r}, {_find_av()!r}]; "
    "from engine.speech.audio.decode_child import main; main()"
)


def _is_readable(file: IO[bytes], seconds: float | None) -> bool:
    """Wait for data or the end of ``file``; None waits for as long as it takes."""
    # poll: select takes no descriptor above 1,023, and a busy server has them.
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def _as_file(source: BinaryIO | Path) -> BinaryIO:
    """An open file with a descriptor of its own; bytes in memory move to an unnamed file."""
    if isinstance(source, Path):
        return source.open("rb")
    try:
        return os.fdopen(os.dup(source.fileno()), "rb", buffering=0)
    except (io.UnsupportedOperation, AttributeError):
        copy = tempfile.TemporaryFile()  # noqa: SIM115 the caller closes it
        source.seek(0)
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        return copy


def _unless_contained(descriptor: int, raw: RawFormat | None) -> RawFormat | None:
    """``raw``, unless the bytes start a container, which then speaks for itself."""
    if raw is None:
        return None
    try:
        start = os.pread(descriptor, 8, 0)
    except OSError:  # a pipe
        return raw
    return None if start.startswith(CONTAINER_STARTS) else raw
