"""The confined process that decodes one stream of bytes; ``decode.py`` starts it.

It reads the audio from standard input and writes messages to standard output: a kind of one
byte, a length of four, a payload. ``H`` what the audio is (JSON), ``A`` samples (int16,
interleaved), ``Z`` the end (JSON), ``E`` an error (JSON: kind, message). Only what it needs is
imported, because a person waits for it to start.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
from typing import Any

import av
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream  # PyAV imports these when a file has such a track: too late by then

from engine.speech.confinement import confine

RATE = 16_000  # Hz, of the samples that are written

# What the contract names and what browsers, telephones and recorders write. Playlists and
# scripts (hls, concat) are not here: they open other files.
FORMATS = (
    "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,amrnb,amrwb,aiff,au,caf,"
    "mpegts,asf,gsm,s16le,f32le,mulaw,alaw,g729"
)
# No video decoder, and none of the rarely tried audio ones (APAC).
CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,eac3,flac,g729,gsm,gsm_ms,"
    "mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64le,"
    "pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,speex,"
    "vorbis,wmav1,wmav2"
)
# Where the header states the length, so that less than it means that the data broke off.
_STATED_LENGTH = ("wav", "w64", "mov", "flac", "aiff", "caf", "au")
_AMR_FILE = b"#!AMR"
_GAP_SECONDS = 0.1  # shorter jumps of the time stamps are jitter
_LONGEST_GAP_SECONDS = 3600.0  # longer ones are broken time stamps
_MESSAGE_BYTES = 1 << 15


class _Refused(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Pipe:
    """Standard input as PyAV reads it, from wherever the bytes come one after another."""

    name = ""

    def __init__(self) -> None:
        self.received = 0
        self._start = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which are read again."""
        while len(self._start) < size and (data := os.read(0, size - len(self._start))):
            self._start += data
        return self._start

    def read(self, size: int = -1) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
        else:
            data = os.read(0, size)
        self.received += len(data)
        return data

    def is_cut_wave(self) -> bool:
        return False


class _File(_Pipe):
    """Standard input when it is a file: m4a may keep its index at the end."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        # pread: the file's own offset may be shared with the process that gave it.
        data = os.pread(0, size, self._position)
        self._position += len(data)
        self.received += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def is_cut_wave(self) -> bool:
        """FFmpeg takes the length of a WAV from what is there: ask the header itself."""
        start = os.pread(0, 8, 0)
        if start[:4] != b"RIFF":
            return False
        stated = int.from_bytes(start[4:8], "little")
        # Writers that cannot seek back leave the highest numbers: no length at all.
        return stated < 0x7FFFFF00 and stated > self._size


def main() -> None:
    order = json.loads(sys.argv[1])
    status = os.fstat(0)
    source = _File(status.st_size) if stat.S_ISREG(status.st_mode) else _Pipe()
    confine(memory_bytes=order["memory_bytes"], cpu_seconds=order["cpu_seconds"])
    try:
        _decode(order, source)
    except _Refused as error:
        _send(b"E", _json({"kind": error.kind, "message": str(error)}))
    except MemoryError:
        message = f"decoding needs more than {order['memory_bytes'] >> 20} MB of memory"
        _send(b"E", _json({"kind": "limit", "message": message}))
    except Exception as error:  # the edge of the process: nobody else would say what happened
        message = f"the decoder failed on this audio: {type(error).__name__}: {error}"
        _send(b"E", _json({"kind": "unsupported", "message": message}))


def _decode(order: dict[str, Any], source: _Pipe) -> None:
    container = _open(order, source)
    stream = container.streams.audio[0] if container.streams.audio else None
    if stream is None:
        raise _Refused("none", f"the {container.format.name} data holds no audio track")
    context = stream.codec_context
    if context is None or context.codec.name not in CODECS.split(","):
        name = context.codec.name if context is not None else "unknown"
        raise _Refused("unsupported", f"the audio is coded as {name}, which is not read here")
    # FFmpeg's own threads would outrun what the limits and the other core allow.
    context.thread_count = 1
    blocks = _Blocks(order, container, stream)
    truncated = False
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                truncated = True  # a damaged piece: what follows may be whole
                continue
            for frame in frames:
                blocks.add(frame)
        blocks.finish()
    except av.error.FFmpegError:
        truncated = True
        blocks.finish()
    if not blocks.samples:
        if truncated:
            raise _Refused("unsupported", "not one piece of the audio could be decoded")
        raise _Refused("none", f"the {container.format.name} data holds no audio samples")
    stated = _stated_seconds(container, stream)
    if stated is not None and stated - blocks.samples / RATE > 1.0 + stated / 100:
        truncated = True
    truncated = truncated or source.is_cut_wave()
    _send(b"Z", _json({"samples": blocks.samples, "truncated": truncated}))


def _open(order: dict[str, Any], source: _Pipe) -> Any:
    raw = order["raw"]
    if order["live"] and raw and source.peek(len(_AMR_FILE)) == _AMR_FILE:
        raw = None  # a file where bare frames were announced: it says itself what it is
    options = {
        "format_whitelist": FORMATS,
        "codec_whitelist": CODECS,
        "protocol_whitelist": "none",
    }
    if order["live"]:
        # Answer after the first kilobytes, not after FFmpeg's usual 5 MB or 5 seconds.
        options |= {"probesize": "4096", "analyzeduration": "200000"}
    if raw:
        options |= raw["options"]
    try:
        return av.open(
            source,
            format=raw["format"] if raw else None,
            options=options,
            buffer_size=1 << 12 if order["live"] else 1 << 16,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError) as error:
        if not source.received:
            raise _Refused("empty", "the audio is empty: 0 bytes") from error
        message = "corrupt data, or no format that is read here"
        raise _Refused("unsupported", message) from error


def _stated_seconds(container: Any, stream: Any) -> float | None:
    if container.format.name.split(",")[0] not in _STATED_LENGTH or not stream.duration:
        return None
    return float(stream.duration * stream.time_base)


class _Blocks:
    """Frames to 16 kHz samples, in the time of the frames' own stamps, within the limits."""

    def __init__(self, order: dict[str, Any], container: Any, stream: Any) -> None:
        self._order = order
        self._container = container
        self._stream = stream
        self._shape: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._channels = 0  # written; fixed by the first frame
        self._clock = 0.0  # the stamp that the next frame should have, in seconds
        self._waiting = bytearray()
        self._limit = int(order["max_seconds"] * RATE)
        self.samples = 0  # a channel

    def add(self, frame: Any) -> None:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self._begin(frame, shape)
        self._bridge(frame)
        self._clock += frame.samples / frame.sample_rate
        for resampled in self._resampler.resample(frame):
            self._take(resampled)

    def finish(self) -> None:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                self._take(resampled)
            self._write()

    def _begin(self, frame: Any, shape: tuple[str, str, int]) -> None:
        """Check the sound of a new shape and set the resampler up for it."""
        order, channels = self._order, frame.layout.nb_channels
        if channels > order["max_channels"]:
            message = f"the audio has {channels} channels; at most {order['max_channels']}"
            raise _Refused("limit", message)
        if not 0 < frame.sample_rate <= order["max_sample_rate"]:
            message = (
                f"the sample rate is {frame.sample_rate} Hz; at most {order['max_sample_rate']}"
            )
            raise _Refused("limit", message)
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                self._take(resampled)
        layout = frame.layout.name
        if not order["multichannel"] and not _is_anonymous(layout):
            layout = "mono"  # mixed with the weights of the layout; the others are averaged later
        self._resampler = av.AudioResampler(format="s16", layout=layout, rate=RATE)
        written = 1 if layout == "mono" else channels
        if self._shape is None:
            self._channels = written
            self._clock = _seconds(frame) or 0.0
            head = {
                "format": self._container.format.name,
                "codec": self._stream.codec_context.codec.name,
                "channels": channels,
                "written_channels": written,
                "sample_rate": frame.sample_rate,
            }
            _send(b"H", _json(head))
        elif written != self._channels:
            message = f"the number of channels changes from {self._channels} to {written}"
            raise _Refused("unsupported", message)
        self._shape = shape

    def _bridge(self, frame: Any) -> None:
        """Fill a hole in the time stamps with silence: a player pauses there too."""
        stamp = _seconds(frame)
        if stamp is None:
            return
        gap = stamp - self._clock
        if abs(gap) < _GAP_SECONDS:
            return
        self._clock = stamp
        if 0 < gap < _LONGEST_GAP_SECONDS:
            remaining = round(gap * RATE)
            while remaining:
                count = min(remaining, RATE)
                self._append(bytes(2 * count * self._channels), count)
                remaining -= count

    def _take(self, frame: Any) -> None:
        size = 2 * frame.samples * self._channels
        self._append(bytes(memoryview(frame.planes[0])[:size]), frame.samples)

    def _append(self, data: bytes, samples: int) -> None:
        self.samples += samples
        if self.samples > self._limit:
            message = f"the audio is longer than {self._order['max_seconds']:g} seconds"
            raise _Refused("limit", message)
        self._waiting += data
        if self._order["live"] or len(self._waiting) >= _MESSAGE_BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            _send(b"A", self._waiting)
            self._waiting = bytearray()


def _is_anonymous(layout: str) -> bool:
    return layout.endswith(("channels", "channel"))


def _seconds(frame: Any) -> float | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _send(kind: bytes, payload: bytes | bytearray) -> None:
    message = memoryview(struct.pack("<cI", kind, len(payload)) + payload)
    while message:
        message = message[os.write(1, message) :]
