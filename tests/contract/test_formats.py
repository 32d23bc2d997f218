"""The client offers exactly the formats that the engine makes."""

from itertools import product
from typing import Any

import pytest

from engine.speech.audio.encode import FormatError, Surface, read_format
from speechclient import InvalidOption, SpeakOptions
from speechclient.formats import check_format, speech_formats

VOICES: dict[Surface, str] = {"v1": "aura-2-thalia-en", "v2": "flux-haley-en"}
ENCODINGS = ("mp3", "linear16", "mulaw", "alaw", "opus", "flac", "aac", None)
CONTAINERS = (None, "wav", "ogg", "none")
RATES = (None, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BIT_RATES = (None, 3_999, 4_000, 8_000, 12_000, 32_000, 48_000, 192_000, 192_001, 650_000, 650_001)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_both_accept_the_same_combinations(version):
    for encoding, container, rate, bits in product(ENCODINGS, CONTAINERS, RATES, BIT_RATES):
        facts: dict[str, Any] = {"encoding": encoding, "container": container, "sample_rate": rate}
        try:
            made = read_format(**facts, bit_rate=bits, surface=version)
        except FormatError:
            made = None
        try:
            offered = check_format(SpeakOptions(model=VOICES[version], **facts, bit_rate=bits))
        except InvalidOption:
            offered = None
        assert (made is None) == (offered is None), (facts, bits)
        if made is not None and offered is not None and rate is None and bits is None:
            assert (made.sample_rate, made.bit_rate) == (offered.sample_rate, offered.bit_rate)


def test_the_default_of_the_engine_is_the_first_choice():
    for version, voice in VOICES.items():
        assert next(iter(speech_formats(voice))) == read_format(surface=version).encoding
