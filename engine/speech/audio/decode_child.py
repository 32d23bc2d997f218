"""The confined process that decodes one stream of bytes; ``decode.py`` starts it.

It reads the audio from standard input and writes messages to standard output: a kind of one
byte, a length of four, a payload. ``H`` what the audio is (JSON), ``A`` samples (the number of
the track and that of its channels in a byte each, then float32, interleaved), ``Z`` the end
(JSON), ``E`` an error (JSON: kind, message), and in a live stream ``W`` (JSON) when so many bytes
have been decoded as far as they go. Only what it needs is imported, because a user waits for it
to start.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import sys
from typing import Any

import av

from sandbox.confinement import ConfinementError, confine
from sandbox.soundtrack import (
    Damage,
    Timeline,
    Track,
    Unreadable,
    decoded,
    open_media,
    packets,
    readable_tracks,
    stamp_of,
)

RATE = 16_000  # Hz, of the samples that are written

# Where the header states the length, so that less than it means that the data broke off.
_STATED_LENGTH = ("wav", "w64", "mov", "flac", "aiff", "caf", "au", "tta", "wv", "ape")
_AMR_FILE = b"#!AMR"
_MESSAGE_BYTES = 1 << 16
_SAMPLE_BYTES = 4


class _Rejected(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Pipe:
    """Standard input as PyAV reads it, from wherever the bytes come one after another."""

    name = ""

    def __init__(self, *, live: bool = False) -> None:
        self.received = 0
        self._live = live
        self._start = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which are read again."""
        while len(self._start) < size and (data := self._next(size - len(self._start))):
            self._start += data
        return self._start

    def read(self, size: int = -1) -> bytes:
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
        else:
            data = self._next(size)
        return data

    def _next(self, size: int) -> bytes:
        if self._live:
            # FFmpeg asks for more only when it has used all that came before.
            _send(b"W", _json({"received": self.received}))
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
    is_file = stat.S_ISREG(status.st_mode)
    source = _File(status.st_size) if is_file else _Pipe(live=order["live"])
    try:
        confine(memory_bytes=order["memory_bytes"], cpu_seconds=order["cpu_seconds"])
        _decode(order, source)
    except _Rejected as error:
        _send(b"E", _json({"kind": error.kind, "message": str(error)}))
    except Unreadable as error:
        kind = "none" if error.kind in ("no_track", "no_samples") else "unsupported"
        _send(b"E", _json({"kind": kind, "message": str(error)}))
    except ConfinementError as error:
        _send(b"E", _json({"kind": "unconfined", "message": str(error)}))
    except MemoryError:
        message = f"decoding needs more than {order['memory_bytes'] >> 20} MB of memory"
        _send(b"E", _json({"kind": "limit", "message": message}))
    except Exception as error:  # the edge of the process: the error is reported here or not at all
        message = f"the decoder failed on this audio: {type(error).__name__}: {error}"
        _send(b"E", _json({"kind": "unsupported", "message": message}))


def _decode(order: dict[str, Any], source: _Pipe) -> None:
    container = _open(order, source)
    readable = readable_tracks(container)
    tracks = _chosen(order, readable)
    damage = Damage()
    writers = {
        # A client that reconnects may continue the stamps of the stream before.
        track.number: _Writer(order, place, Timeline(container, is_live=order["live"]))
        for place, track in enumerate(tracks)
    }
    is_announced = len(tracks) > 1
    if is_announced:
        # Tracks may start late: their headers alone say what channels there will be.
        _announce(container, tracks[0], [_checked(order, track.channels) for track in tracks])
    for track, packet in packets(container, tracks, damage):
        writer = writers[track.number]
        for frame in decoded(track, packet, damage):
            if not writer.accepts(frame):
                damage.decode_errors += 1
                continue
            if not is_announced:
                _announce(container, track, [frame.layout.nb_channels], frame.sample_rate)
                is_announced = True
            writer.add(frame)
    for writer in writers.values():
        writer.finish()
    samples = max(writer.samples for writer in writers.values())
    _check_decoded(container, samples, damage)
    report = {
        "truncated": source.is_cut_wave() or _is_short(container, tracks[0], samples / RATE),
        "damaged": damage.read_errors + damage.decode_errors,
        "tracks": [
            _description(track, track in tracks)
            for track in sorted(readable, key=lambda track: track.number)
        ],
    }
    _send(b"Z", _json(report))


def _check_decoded(container: Any, samples: int, damage: Damage) -> None:
    """Raise ``_Rejected`` for a container without one decoded sample."""
    if samples:
        return
    if damage:
        raise _Rejected("unsupported", "not one piece of the audio could be decoded")
    raise _Rejected("none", f"the {container.format.name} data holds no audio samples")


def _open(order: dict[str, Any], source: _Pipe) -> Any:
    raw = order["raw"]
    if order["live"] and raw and source.peek(len(_AMR_FILE)) == _AMR_FILE:
        raw = None  # a file where bare frames were announced: it says itself what it is
    options: dict[str, str] = {}
    if order["live"]:
        # Respond after the first kilobytes, not after FFmpeg's usual 5 MB or 5 seconds.
        options |= {"probesize": "4096", "analyzeduration": "200000"}
    if raw:
        options |= raw["options"]
    try:
        return open_media(
            source,
            format=raw["format"] if raw else None,
            options=options,
            buffer_size=1 << 12 if order["live"] else 1 << 16,
        )
    except Unreadable as error:
        if not source.received:
            raise _Rejected("empty", "the audio is empty: 0 bytes") from error
        raise


def _chosen(order: dict[str, Any], readable: list[Track]) -> list[Track]:
    """The track that is played first, or all of them where each channel is kept."""
    if order["live"] or not order["multichannel"]:
        return readable[:1]
    chosen: list[Track] = []
    for track in sorted(readable, key=lambda track: track.number):
        if sum(each.channels for each in [*chosen, track]) <= order["max_channels"]:
            chosen.append(track)
    return chosen or readable[:1]


def _checked(order: dict[str, Any], channels: int) -> int:
    if channels > order["max_channels"]:
        message = f"the audio has {channels} channels; at most {order['max_channels']}"
        raise _Rejected("limit", message)
    return channels


def _announce(
    container: Any, track: Track, channels: list[int], sample_rate: int | None = None
) -> None:
    head = {
        "format": container.format.name,
        "codec": track.codec,
        "channels": sum(channels),
        "track_channels": channels,
        "sample_rate": sample_rate or track.stream.codec_context.sample_rate,
    }
    _send(b"H", _json(head))


def _description(track: Track, is_read: bool) -> dict[str, Any]:
    return {
        "number": track.number,
        "language": track.language,
        "title": track.title,
        "is_read": is_read,
    }


def _is_short(container: Any, track: Track, seconds: float) -> bool:
    """Return True when the header states more than what was decoded."""
    stream = track.stream
    if container.format.name.split(",")[0] not in _STATED_LENGTH or not stream.duration:
        return False
    stated = float(stream.duration * stream.time_base)
    return stated - seconds > 1.0 + stated / 100


class _Writer:
    """The frames of one track to 16 kHz samples on its time line, within the limits."""

    def __init__(self, order: dict[str, Any], place: int, timeline: Timeline) -> None:
        self.samples = 0  # a channel, with the silence of the time line
        self._order = order
        self._place = place
        self._timeline = timeline
        self._shape: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._channels = 0  # of the present shape
        self._waiting = bytearray()
        self._limit = int(order["max_seconds"] * RATE)
        self._decoded = 0  # without the silence

    def accepts(self, frame: Any) -> bool:
        """Return False for a frame to which damage gave an impossible shape.

        Raises ``_Rejected`` for the first frame, whose shape is that of the audio.
        """
        rate, most = frame.sample_rate, self._order["max_sample_rate"]
        channels = frame.layout.nb_channels
        if rate <= most and channels <= self._order["max_channels"]:
            return True
        if self._shape is None:
            _checked(self._order, channels)
            raise _Rejected("limit", f"the sample rate is {rate} Hz; at most {most}")
        return False

    def add(self, frame: Any) -> None:
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self._reshape(frame, shape)
        length = frame.samples / frame.sample_rate
        silence = self._timeline.silence_before(stamp_of(frame), length)
        self._add_silence(round(silence * RATE))
        for resampled in self._resampler.resample(frame):
            self._take(resampled)

    def finish(self) -> None:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                self._take(resampled)
            self._write()

    def _reshape(self, frame: Any, shape: tuple[str, str, int]) -> None:
        """Set the resampler up for frames of another shape."""
        self.finish()
        layout, channels = frame.layout.name, frame.layout.nb_channels
        if channels > 2 and not self._order["multichannel"] and not _is_anonymous(layout):
            # With the weights of the layout: speech is on the centre of a film's six channels.
            layout, channels = "stereo", 2
        self._resampler = av.AudioResampler(format="flt", layout=layout, rate=RATE)
        self._channels, self._shape = channels, shape

    def _take(self, frame: Any) -> None:
        self._decoded += frame.samples
        if self._decoded > self._limit:
            message = f"the audio is longer than {self._order['max_seconds']:g} seconds"
            raise _Rejected("limit", message)
        size = _SAMPLE_BYTES * frame.samples * self._channels
        self._append(bytes(memoryview(frame.planes[0])[:size]), frame.samples)

    def _add_silence(self, samples: int) -> None:
        while samples:
            count = min(samples, RATE)
            self._append(bytes(_SAMPLE_BYTES * count * self._channels), count)
            samples -= count

    def _append(self, data: bytes, samples: int) -> None:
        self.samples += samples
        self._waiting += data
        if self._order["live"] or len(self._waiting) >= _MESSAGE_BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            _send(b"A", struct.pack("<BB", self._place, self._channels) + self._waiting)
            self._waiting = bytearray()


def _is_anonymous(layout: str) -> bool:
    return layout.endswith(("channels", "channel"))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _send(kind: bytes, payload: bytes | bytearray) -> None:
    message = memoryview(struct.pack("<cI", kind, len(payload)) + payload)
    while message:
        message = message[os.write(1, message) :]
