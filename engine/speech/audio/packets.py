"""Bare packets of Opus and Speex, one a frame of a socket, in the pages of an Ogg stream.

A packet says neither where it ends nor, for Speex, how it is coded: what a container would say is
put around it, and the decoder reads it as any other Ogg stream. Sources: RFC 3533 (Ogg),
RFC 6716, section 3.1 and RFC 7845 (Opus), the Speex manual, section 7.
"""

from __future__ import annotations

import struct

from engine.speech.audio.decode import CONTAINER_STARTS

BARE = ("opus", "speex")  # encodings whose packets come without a container
_SERIAL = 1
_FIRST = 2  # flag of the page that starts a stream
_MOST_LACES = 255  # in one page
_OPUS_RATE = 48_000
_OPUS_SILK_MS, _OPUS_HYBRID_MS, _OPUS_CELT_MS = (10, 20, 40, 60), (10, 20), (2.5, 5, 10, 20)
_SPEEX_RATE = 8_000  # where the caller names none
# The least rate of each mode, with its number and the samples of its frames of 20 ms.
_SPEEX_MODES = ((25_001, 2, 640), (12_501, 1, 320), (0, 0, 160))
# FFmpeg looks at so much before it gives the first sample: let it look at the comment.
_VENDOR = b"Earshot".ljust(4096)
_COMMENTS = struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)


class Packets:
    """The packets of one stream, or its bytes as they are where they are in a container."""

    def __init__(self, encoding: str, sample_rate: int | None, channels: int) -> None:
        self._encoding = encoding
        self._rate = sample_rate or _SPEEX_RATE
        self._channels = channels
        self._is_contained: bool | None = None  # not known before the first frames
        self._start: list[bytes] = []  # frames that may be the start of a container
        self._page = 0
        self._granule = 0

    def contained(self, frame: bytes) -> bytes:
        """Return the next bytes of the container: ``frame`` is one packet, or a part of them."""
        if not frame or self._is_contained:
            return frame
        if self._is_contained is None:
            return self._begin(frame)
        self._granule += self._duration(frame)
        return self._pages(frame, self._granule)

    def _begin(self, frame: bytes) -> bytes:
        self._start.append(frame)
        start = b"".join(self._start)
        if any(whole.startswith(start) and whole != start for whole in CONTAINER_STARTS):
            return b""
        self._is_contained = start.startswith(CONTAINER_STARTS)
        if self._is_contained:
            return start
        return self._head() + b"".join(map(self.contained, self._start))

    def _head(self) -> bytes:
        if self._encoding == "opus":
            identification = struct.pack(
                "<8sBBHIhB", b"OpusHead", 1, self._channels, 0, _OPUS_RATE, 0, 0
            )
            comments = b"OpusTags" + _COMMENTS
        else:
            mode, size = self._speex_mode()
            identification = struct.pack(
                "<8s20s13i",
                *(b"Speex   ", b"1.2", 1, 80, self._rate, mode, 4, self._channels, -1),
                *(size, 0, 1, 0, 0, 0),  # one frame a packet
            )
            comments = _COMMENTS
        return self._pages(identification, 0, _FIRST) + self._pages(comments, 0)

    def _speex_mode(self) -> tuple[int, int]:
        return next((mode, size) for least, mode, size in _SPEEX_MODES if self._rate >= least)

    def _duration(self, packet: bytes) -> int:
        """Return the length of ``packet`` in samples of the granule's rate."""
        if self._encoding == "speex":
            return self._speex_mode()[1]
        configuration, code = packet[0] >> 3, packet[0] & 3
        if configuration < 12:
            frame_ms: float = _OPUS_SILK_MS[configuration % 4]
        elif configuration < 16:
            frame_ms = _OPUS_HYBRID_MS[configuration % 2]
        else:
            frame_ms = _OPUS_CELT_MS[configuration % 4]
        count = (1, 2, 2)[code] if code < 3 else (packet[1] & 63 if len(packet) > 1 else 0)
        return round(count * frame_ms * _OPUS_RATE / 1000)

    def _pages(self, packet: bytes, granule: int, flags: int = 0) -> bytes:
        """Return ``packet`` in a page of its own, or in several where it is longer."""
        laces = [255] * (len(packet) // 255) + [len(packet) % 255]
        pages = b""
        for at in range(0, len(laces), _MOST_LACES):
            part = bytes(laces[at : at + _MOST_LACES])
            body = packet[at * 255 : at * 255 + sum(part)]
            is_last = at + _MOST_LACES >= len(laces)
            # -1 where no packet ends in the page.
            header = struct.pack(
                "<4sBBqIIIB",
                *(b"OggS", 0, flags | bool(at), granule if is_last else -1),
                *(_SERIAL, self._page, 0, len(part)),
            )
            page = header + part + body
            pages += page[:22] + struct.pack("<I", _checksum(page)) + page[26:]
            self._page += 1
        return pages


def _checksum(page: bytes) -> int:
    """Return the CRC of a page whose own field is zero: polynomial 0x04c11db7, not reflected."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _TABLE[crc >> 24 ^ byte]
    return crc


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = crc << 1 ^ (0x104C11DB7 if crc & 1 << 31 else 0)
        table.append(crc)
    return table


_TABLE = _table()
