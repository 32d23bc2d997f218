"""The sound of a media file of unknown origin: formats, tracks, damage and the time line.

The recognizer, the waveform and the listening copy read files through this module, so that they
agree on what is heard and when. Times are seconds from the zero of a player.

Only PyAV is imported: the processes that decode start for each file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.subtitles.codeccontext
import av.subtitles.stream
import av.video.codeccontext
import av.video.stream  # PyAV imports these when a file has such a track: too late by then
from av.stream import Disposition

# FFmpeg's demuxers that read one file and open no other. Not listed: playlists and scripts (hls,
# concat, dash, sdp), devices, pictures, subtitles, and the formats of single games.
FORMATS = (
    "3g2,3gp,aa,aac,ac3,act,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dhav,dsf,dss,dts,dtshd,"
    "dv,eac3,flac,flv,g722,g723_1,g726,g726le,g729,gsm,gxf,iff,ilbc,ircam,ivf,kux,lc3,live_flv,"
    "loas,m4a,matroska,webm,mj2,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,mtv,mxf,nistsphere,nsv,nut,ogg,"
    "oma,paf,pvf,qoa,rm,rso,sds,sln,smjpeg,sox,tak,tta,voc,w64,wav,wsd,wtv,wv,xa,xwma,"
    # Raw data, which no file is taken for by itself: the caller names it.
    "s16le,f32le,mulaw,alaw"
)
# Audio decoders alone. Not listed: those of single games, and rarely used ones (truehd, mlp,
# nellymoser, dolby_e, apac): most faults of FFmpeg are in those.
CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,"
    "amrnb,amrwb,ape,dca,dss_sp,dvaudio,eac3,flac,g722,g723_1,g726,g726le,g729,gsm,gsm_ms,ilbc,"
    "libopencore_amrnb,libopencore_amrwb,libopus,mace3,mace6,mp1,mp1float,mp2,mp2float,mp3,"
    "mp3float,mpc7,mpc8,opus,pcm_alaw,pcm_bluray,pcm_dvd,pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,"
    "pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,"
    "pcm_s24be,pcm_s24le,pcm_s24le_planar,pcm_s32be,pcm_s32le,pcm_s32le_planar,pcm_s64be,"
    "pcm_s64le,pcm_s8,pcm_s8_planar,pcm_u16be,pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,pcm_u32le,"
    "pcm_u8,qoa,s302m,speex,tak,truespeech,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,"
    "wmavoice"
)
_FORMATS, _CODECS = frozenset(FORMATS.split(",")), frozenset(CODECS.split(","))

# In these a time stamp of 100 s is 100 s for a player, even where it is the first of the file.
# Other formats count from the start of a broadcast or of a device: their first stamp is zero.
_STAMPED_FROM_ZERO = ("mov", "matroska", "ogg")
# These hold no stamps: FFmpeg makes them by the rate of the first frame, which may change.
_UNSTAMPED = ("aac", "ac3", "amr", "amrnb", "amrwb", "dts", "eac3", "loas", "mp3")
GAP_SECONDS = 0.1  # shorter jumps of the time stamps are jitter
# The silence that one file may claim by its time stamps. Stamps that claim more are wrong.
MOST_SILENCE_SECONDS = 2 * 3600.0
_MOST_READ_ERRORS = 10  # in a row, without a packet between them
# What a player mixes into or plays instead of the main track only on request.
_SECONDARY = (
    Disposition.comment
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.descriptions
    | Disposition.attached_pic
)


class Unreadable(Exception):
    """There is no sound that can be decoded. ``kind`` is one of these:

    ``unknown`` (no format of the table, or damaged), ``no_track``, ``codec`` (a track is coded in
    a way that is not in the table), ``no_samples``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Track:
    """One audio track that can be decoded. ``number`` counts the audio tracks from 1."""

    number: int
    stream: Any  # av.AudioStream
    is_default: bool

    @property
    def codec(self) -> str:
        return str(self.stream.codec_context.codec.name)

    @property
    def channels(self) -> int:
        """Channels that the header states; some codecs correct it with the first frame."""
        return max(1, int(self.stream.codec_context.channels))

    @property
    def language(self) -> str:
        """A code of ISO 639 as the file has it; empty where it has none."""
        language = str(self.stream.metadata.get("language", ""))
        return "" if language == "und" else language[:20]

    @property
    def title(self) -> str:
        """Title of the track in the file; empty if it has none."""
        metadata = self.stream.metadata
        title = metadata.get("title") or metadata.get("name") or metadata.get("handler_name", "")
        # Writers of MP4 put the kind of the track where it has no name.
        return "" if "handler" in title.lower() else str(title)[:100]


@dataclass
class Damage:
    """Parts that could not be read or decoded."""

    read_errors: int = 0
    decode_errors: int = 0

    def __bool__(self) -> bool:
        return bool(self.read_errors or self.decode_errors)


def open_media(
    file: Any, *, format: str | None = None, options: dict[str, str] | None = None, **kwargs: Any
) -> Any:
    """Open a file object as an ``av.InputContainer`` of one of ``FORMATS``.

    Raises ``Unreadable``.
    """
    restrictions = {
        "format_whitelist": FORMATS,
        # Reaches the decoders that probe; ``readable_tracks`` checks the one that decodes.
        "codec_whitelist": CODECS,
        "protocol_whitelist": "none",
    }
    try:
        return av.open(
            file,
            format=format,
            options=restrictions | (options or {}),
            metadata_errors="replace",
            **kwargs,
        )
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        raise Unreadable("unknown", "corrupt data, or no format that is read here") from error


def readable_tracks(container: Any) -> list[Track]:
    """The audio tracks that can be decoded, the one that a player plays first.

    That is the default one, as the file marks it, before the first one; tracks for commentary
    and descriptions come last. Raises ``Unreadable`` when there is none.
    """
    streams = list(container.streams.audio)
    if not streams:
        raise Unreadable("no_track", f"the {container.format.name} data holds no audio track")
    tracks = [
        Track(number, stream, bool(stream.disposition & Disposition.default))
        for number, stream in enumerate(streams, 1)
        if _is_readable(stream)
    ]
    if not tracks:
        context = streams[0].codec_context
        name = context.codec.name if context is not None else "an unknown codec"
        raise Unreadable("codec", f"the audio is coded as {name}, which is not read here")
    return sorted(
        tracks,
        key=lambda track: (
            bool(track.stream.disposition & _SECONDARY),
            not track.is_default,
            track.number,
        ),
    )


def _is_readable(stream: Any) -> bool:
    # PyAV opens a decoder without codec_whitelist: its name is compared before.
    context = stream.codec_context
    return context is not None and context.codec.name in _CODECS


def packets(container: Any, tracks: list[Track], damage: Damage) -> Iterator[tuple[Track, Any]]:
    """The packets of ``tracks`` in the order of the file, with those that flush the decoders.

    Reading resumes after an error, as far as FFmpeg can.
    """
    by_index = {track.stream.index: track for track in tracks}
    for track in tracks:
        # FFmpeg's own threads would outrun what the limits and the other core allow.
        track.stream.codec_context.thread_count = 1
    streams = [track.stream for track in tracks]
    errors_in_a_row = 0
    while errors_in_a_row < _MOST_READ_ERRORS:
        try:
            for packet in container.demux(streams):
                errors_in_a_row = 0
                yield by_index[packet.stream.index], packet
            return
        except EOFError:
            break
        except av.error.FFmpegError:
            damage.read_errors += 1
            errors_in_a_row += 1
    for track in tracks:
        yield track, None


def decoded(track: Track, packet: Any, damage: Damage) -> Iterator[Any]:
    """Yield the frames of a packet; None flushes. Damaged frames are counted and left out."""
    try:
        frames = track.stream.codec_context.decode(packet)
    except EOFError:
        return
    except (av.error.FFmpegError, ValueError):
        # Any error: a decoder names damage in many ways, and what follows may be whole.
        damage.decode_errors += 1
        return
    for frame in frames:
        if frame.samples and frame.sample_rate > 0 and frame.layout.nb_channels:
            yield frame


class Timeline:
    """The place of each frame of one track on the time line of a player."""

    def __init__(self, container: Any, *, is_live: bool = False) -> None:
        """A stream that ``is_live`` starts where its first audio does."""
        # False after a jump. Browsers play through a hole, start late audio differently, and then
        # show another second than they play.
        self.is_even = True
        self.silence = 0.0  # seconds added so far
        self._zero = None if is_live else zero_of(container)
        self._is_stamped = _family(container) not in _UNSTAMPED
        self._due: float | None = None  # the stamp that the next frame should have

    def silence_before(self, stamp: float | None, length: float) -> float:
        """Return the seconds of silence before a frame of ``length`` seconds.

        ``stamp`` is its time stamp in seconds, see ``stamp_of``. Call it for each frame in turn.
        """
        if not self._is_stamped:
            return 0.0
        if self._due is None:
            self._due = self._zero if self._zero is not None else stamp or 0.0
        gap = 0.0 if stamp is None else stamp - self._due
        if abs(gap) < GAP_SECONDS:
            self._due += length
            return 0.0
        self.is_even = False
        self._due += gap + length
        if not 0 < gap <= MOST_SILENCE_SECONDS - self.silence:
            return 0.0
        self.silence += gap
        return gap


def zero_of(container: Any) -> float | None:
    """The time stamp that a player of this file calls 0; None for the first one that comes."""
    if _family(container) in _STAMPED_FROM_ZERO:
        return 0.0
    start = container.start_time
    return None if start is None else start / av.time_base


def _family(container: Any) -> str:
    """FFmpeg names families of formats: "mov,mp4,..." is the one of "mov"."""
    return str(container.format.name.split(",")[0])


def stamp_of(item: Any) -> float | None:
    """The time stamp of a frame or a packet in seconds; None where it has none."""
    if item.pts is None or item.time_base is None:
        return None
    return float(item.pts * item.time_base)
