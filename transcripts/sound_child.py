"""The confined process that looks into a file from outside; `sound.py` starts it.

``probe`` writes what the file on standard input is, as JSON, on standard output. ``draw`` writes
one loudness byte a STEP_SECONDS there, and an MP3 copy into the descriptor that its last
argument names, if there is one. The argument between is the limit of its time, in seconds.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import IO, Any

import av
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream  # PyAV imports these when a file has such a track: too late by then

STEP_SECONDS = 0.05
RATE = 16_000  # Hz, of what is drawn and copied
COPY_BITS = 48_000  # a constant rate: a browser finds a second of an MP3 by counting bytes
MEMORY_BYTES = 2 * 1024**3
COPY_BYTES = 4 * 1024**3

# What browsers, telephones and recorders write. Playlists and scripts (hls, concat) are not
# here: they open other files.
FORMATS = (
    "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,aiff,au,caf,asf,avi,"
    "mpegts,mpeg,flv,ac3,eac3,mp2,ape,wv,tta"
)
# No video, and none of the rarely tried audio decoders: FFmpeg's faults are mostly there.
CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,ape,eac3,flac,gsm,gsm_ms,mp1,"
    "mp1float,mp2,mp2float,mp3,mp3float,opus,libopus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,"
    "pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,"
    "pcm_u8,speex,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2"
)


class Refused(Exception):
    """The file cannot be used; the message is a word that `sound.py` has a sentence for."""


def confine(cpu_seconds: int) -> None:
    """Give up what decoding does not need; everything is imported and open by now."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (COPY_BYTES, COPY_BYTES))
    # No descriptor is left for a file or a socket: those that are open stay.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def opened(file: IO[bytes]) -> Any:
    options = {
        "format_whitelist": FORMATS,
        "codec_whitelist": CODECS,
        "protocol_whitelist": "none",
    }
    try:
        return av.open(file, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise Refused("unreadable") from error


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """The frames of a stream; damaged packets are left out, as players do."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except (av.FFmpegError, EOFError):
        return  # broke off: what came before is there


def probe(file: IO[bytes]) -> dict[str, Any]:
    with opened(file) as container:
        if not container.streams.audio:
            raise Refused("no_audio_track")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise Refused("unknown_codec")
        facts = {
            "format": container.format.name,
            "codec": stream.codec_context.name,
            "video": bool(container.streams.video),
            "channels": stream.codec_context.channels,
            "sample_rate": stream.codec_context.sample_rate,
            "duration": duration(container, stream),
        }
        # A header alone promises nothing: some of it has to be heard.
        frames = (frame for frame in decoded(container, stream) if frame.samples)
        if next(frames, None) is None:
            raise Refused("no_samples")
        return facts


def duration(container: Any, stream: Any) -> float | None:
    """Seconds as the header tells or its size lets guess; None when neither does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def draw(file: IO[bytes], copy: IO[bytes] | None) -> Iterator[bytes]:
    """Loudness bytes as they come, and the copy on the way."""
    import numpy as np

    step = int(RATE * STEP_SECONDS)
    with opened(file) as container:
        if not container.streams.audio:
            raise Refused("no_audio_track")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=step)
        encoder = Mp3(copy) if copy else None
        for frame in decoded(container, container.streams.audio[0]):
            for even in resampler.resample(frame):
                samples = even.to_ndarray()[0].astype(np.int32)
                yield bytes([min(255, int(np.abs(samples).max()) >> 7)])
                if encoder:
                    encoder.write(even)
        if encoder:
            encoder.close()


class Mp3:
    """A listening copy, written as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.container = av.open(file, "w", format="mp3")
        self.stream = self.container.add_stream("libmp3lame", rate=RATE, layout="mono")
        self.stream.bit_rate = COPY_BITS
        self.stream.codec_context.format = "s16p"
        self.resampler = av.AudioResampler(
            format="s16p", layout="mono", rate=RATE, frame_size=self.frame_size()
        )
        self.written = 0

    def frame_size(self) -> int:
        self.stream.codec_context.open()
        return self.stream.codec_context.frame_size

    def write(self, frame: Any) -> None:
        # The source's time stamps may jump; the copy counts its own samples.
        frame.pts = None
        for even in self.resampler.resample(frame):
            even.pts = self.written
            self.written += even.samples
            self.container.mux(self.stream.encode(even))

    def close(self) -> None:
        for even in self.resampler.resample(None):
            even.pts = self.written
            self.written += even.samples
            self.container.mux(self.stream.encode(even))
        self.container.mux(self.stream.encode(None))
        self.container.close()


def main() -> int:
    order = sys.argv[1]
    copy = os.fdopen(int(sys.argv[3]), "wb") if len(sys.argv) > 3 else None
    if order == "draw":
        import numpy  # noqa: F401 while files can still be opened

        os.nice(10)  # nobody waits for a waveform while others wait for transcripts
    source, answer = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    confine(int(sys.argv[2]))
    try:
        if order == "probe":
            answer.write(json.dumps(probe(source)).encode())
        else:
            for step in draw(source, copy):
                answer.write(step)
    except Refused as refusal:
        if order == "probe":
            answer.write(json.dumps({"refused": str(refusal)}).encode())
    finally:
        answer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
