"""The confined process that looks into a file of unknown origin; `sound.py` starts it.

The file is on standard input, the result goes to standard output as JSON: for ``probe`` what the
file is, for ``measure`` its decoded length up to a limit, for ``draw`` its loudness over time and
whether browsers find each second of it. ``draw`` also writes an MP3 copy into the descriptor
``copy``, if there is one.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, Any

import av

from sandbox.confinement import confine
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
    zero_of,
)

MEMORY_BYTES = 2 * 1024**3
COPY_BYTES = 4 * 1024**3

# The length in the header of these is an estimate by the bit rate, or was written before the
# end was known: their packets are counted. For the others it is that of an index.
COUNTED = ("aac", "ac3", "ape", "dts", "eac3", "flac", "loas", "mp3", "mpeg", "tta", "wv")
COUNT_SECONDS = 10.0


def probe(file: IO[bytes]) -> dict[str, Any]:
    with open_media(file) as container:
        tracks = readable_tracks(container)
        # A header alone promises nothing: some of it has to be heard.
        if not any(True for _ in heard(container, tracks[0], Damage())):
            raise Unreadable("no_samples", "the file holds no samples")
        facts = {
            "format": container.format.name,
            "codec": tracks[0].codec,
            "video": bool(container.streams.video),
            "channels": tracks[0].channels,
            "sample_rate": tracks[0].stream.codec_context.sample_rate,
            "tracks": [described(track) for track in tracks],
        }
        length = stated_seconds(container, tracks[0])
    if length is None or facts["format"].split(",")[0] in COUNTED:
        length = counted_seconds(file)
    return facts | {"duration": length}


def described(track: Track) -> dict[str, Any]:
    return {
        "number": track.number,
        "language": track.language,
        "title": track.title,
        "channels": track.channels,
    }


def stated_seconds(container: Any, track: Track) -> float | None:
    """The last second of the time line, as the header states it."""
    stream = track.stream
    if not stream.duration or not stream.time_base:
        return container.duration / av.time_base if container.duration else None
    start = float((stream.start_time or 0) * stream.time_base)
    late = max(0.0, start - (zero_of(container) or 0.0))
    return late + float(stream.duration * stream.time_base)


def counted_seconds(file: IO[bytes]) -> float | None:
    """The last second of the time line by the packets; None when there are too many to count."""
    file.seek(0)
    deadline = time.monotonic() + COUNT_SECONDS
    with open_media(file) as container:
        tracks = readable_tracks(container)[:1]
        timeline = Timeline(container)
        seconds = 0.0
        for number, (_, packet) in enumerate(packets(container, tracks, Damage())):
            if number % 1_000 == 0 and time.monotonic() > deadline:
                return None
            if packet is not None and packet.duration:
                length = float(packet.duration * packet.time_base)
                seconds += timeline.silence_before(stamp_of(packet), length) + length
    return seconds or None


def measure(file: IO[bytes], most_seconds: float) -> dict[str, Any]:
    """Decode until ``most_seconds`` are passed; a header that states more may be wrong."""
    seconds = 0.0
    with open_media(file) as container:
        for frame in heard(container, readable_tracks(container)[0], Damage()):
            seconds += frame.samples / frame.sample_rate
            if seconds > most_seconds:
                break
    return {"seconds": seconds}


def heard(container: Any, track: Track, damage: Damage) -> Iterator[Any]:
    """The decoded frames of one track."""
    for _, packet in packets(container, [track], damage):
        yield from decoded(track, packet, damage)


def work_of(order: dict[str, Any], source: IO[bytes]) -> Callable[[], dict[str, Any]]:
    """The work that was ordered, with all that it needs imported and open."""
    match order["work"]:
        case "draw":
            # NumPy is slow to load: the others do without.
            from transcripts.media.drawing import draw

            os.nice(10)  # transcripts are more urgent than waveforms
            copy = None if order["copy"] is None else os.fdopen(order["copy"], "wb")
            return partial(draw, source, copy)
        case "measure":
            return partial(measure, source, order["most_seconds"])
        case _:
            return partial(probe, source)


def main() -> None:
    order = json.loads(sys.argv[1])
    source, output = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    work = work_of(order, source)
    confine(memory_bytes=MEMORY_BYTES, cpu_seconds=order["cpu_seconds"], file_bytes=COPY_BYTES)
    try:
        output.write(json.dumps(work()).encode())
    except Unreadable as error:
        output.write(json.dumps({"unreadable": error.kind}).encode())
    output.flush()
