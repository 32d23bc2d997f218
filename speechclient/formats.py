"""Formats of made speech: the combinations that servers accept. Source: docs/contract.md, 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from speechclient.errors import InvalidOption
from speechclient.options import SpeakOptions
from speechclient.speak import speak_version


@dataclass(frozen=True)
class SpeechFormat:
    """Choices of one encoding; the first container and sample rate are the defaults.

    Without ``sample_rates`` the rate is ``fixed_rate`` and must not be sent. ``bit_rates`` are
    values or a range; empty where there is none to choose.
    """

    containers: tuple[str, ...] = ()
    sample_rates: tuple[int, ...] = ()
    fixed_rate: int = 0
    bit_rates: Sequence[int] = ()
    bit_rate: int | None = None

    @property
    def sample_rate(self) -> int:
        """Return the sample rate without a choice."""
        return self.fixed_rate or self.sample_rates[0]


V1 = {
    "mp3": SpeechFormat(fixed_rate=22_050, bit_rates=(32_000, 48_000), bit_rate=48_000),
    "linear16": SpeechFormat(("wav", "none"), (24_000, 8_000, 16_000, 32_000, 48_000)),
    "mulaw": SpeechFormat(("wav", "none"), (8_000, 16_000)),
    "alaw": SpeechFormat(("wav", "none"), (8_000, 16_000)),
    "opus": SpeechFormat(
        ("ogg",), fixed_rate=48_000, bit_rates=range(4_000, 650_001), bit_rate=12_000
    ),
    "flac": SpeechFormat(sample_rates=(48_000, 8_000, 16_000, 22_050, 32_000)),
    "aac": SpeechFormat(fixed_rate=22_050, bit_rates=range(4_000, 192_001), bit_rate=48_000),
}
V2 = V1 | {
    "mp3": SpeechFormat(
        fixed_rate=22_050,
        bit_rates=(8_000, 16_000, 24_000, 32_000, 40_000, 48_000),
        bit_rate=48_000,
    ),
    "linear16": SpeechFormat(("wav", "none"), (24_000, 8_000, 16_000, 32_000, 44_100, 48_000)),
}
MAX_TEXT = 2_000  # characters of one request or message
SPEEDS = {"v1": (0.7, 1.5), "v2": (0.5, 1.5)}


def speech_formats(model: str) -> dict[str, SpeechFormat]:
    """Return the encodings of a voice, by name; the first is the default."""
    return V2 if speak_version(model) == "v2" else V1


def check_format(options: SpeakOptions) -> SpeechFormat:
    """Return the format of ``options``. Raises ``InvalidOption`` for one that does not exist."""
    formats = speech_formats(options.model)
    encoding = options.encoding or next(iter(formats))
    if encoding not in formats:
        raise InvalidOption(f"encoding is {encoding}; there are {', '.join(formats)}")
    chosen = formats[encoding]
    _check("container", options.container, chosen.containers, encoding)
    _check("sample_rate", options.sample_rate, chosen.sample_rates, encoding)
    _check("bit_rate", options.bit_rate, chosen.bit_rates, encoding)
    slowest, fastest = SPEEDS[speak_version(options.model)]
    if options.speed is not None and not slowest <= options.speed <= fastest:
        raise InvalidOption(f"speed is {options.speed:g}; it is {slowest:g} to {fastest:g}")
    return chosen


def _check(name: str, value: object, allowed: Sequence[object], encoding: str) -> None:
    if value is None or value in allowed:
        return
    if not allowed:
        raise InvalidOption(f"{name} cannot be set when encoding is {encoding}")
    values = (
        f"{allowed.start} to {allowed.stop - 1}"
        if isinstance(allowed, range)
        else ", ".join(map(str, allowed))
    )
    raise InvalidOption(f"{name} is {value} when encoding is {encoding}; allowed: {values}")
