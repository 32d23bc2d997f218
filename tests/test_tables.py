"""One table for each fact that two packages need: encodings, ports, environment values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from engine import env as engine_env
from engine.inference import fetch as engine_fetch
from engine.speech.audio import encode, packets, rawaudio
from engine.speech.audio.decode import RawFormat
from engine.wire.live_options import FluxOptions
from engine.wire.options import Encoding, ListenOptions, SpeakOptions
from engine.wire.query import parameters
from network import addresses
from tests.test_imports import ROOT
from transcripts.media import fetch as web_fetch
from webapp import env as web_env

ENCODINGS = get_args(Encoding)


def described(options: type, name: str) -> Any:
    return next(each for each in parameters(options) if each.name == name)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_decoder_reads_every_encoding_of_the_options(encoding: str):
    # None: the bytes of the container or of the packets say it.
    assert RawFormat(encoding, 8_000).demuxer() is None or encoding in {
        *rawaudio.PLAIN,
        *("amr-nb", "amr-wb", "g729"),
    }


def test_streams_have_no_encoding_that_recordings_have_not():
    assert {*rawaudio.PLAIN, *packets.BARE} <= {*ENCODINGS}
    assert set(described(FluxOptions, "encoding").schema["enum"]) < {*ENCODINGS}
    assert set(described(ListenOptions, "encoding").schema["enum"]) == {*ENCODINGS}


def test_the_encodings_of_speech_are_those_of_the_encoder():
    about = described(SpeakOptions, "encoding").about
    assert all(encoding in about for encoding in encode.ENCODINGS)


def test_both_servers_fetch_from_the_same_ports_and_addresses():
    for name in ("WEB_PORTS", "is_public"):
        shared = getattr(addresses, name)
        assert getattr(engine_fetch, name) is getattr(web_fetch, name) is shared


def outcome(read: Callable[[], Any], error: type[Exception]) -> Any:
    try:
        return read()
    except error:
        return "rejected"


def by_engine(name: str, value: str) -> Any:
    values = {"EARSHOT_DATA": "/tmp/data", name: value}
    return engine_env.read_environment(values)


def by_web(name: str, value: str) -> Any:
    return web_env.read({"EARSHOT_DATA": "/tmp/data", name: value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((text, True) for text in ("1", "true", "True", "yes", "on", " on ")),
        *((text, False) for text in ("", "0", "false", "FALSE", "no", "off")),
        *((text, "rejected") for text in ("2", "maybe", "tru", "-1")),
    ],
)
def test_both_servers_read_true_and_false_alike(value: str, expected: Any):
    def engine() -> bool:
        return by_engine("ENGINE_FETCH_PRIVATE_HOSTS", value).fetch_private_hosts

    def web() -> bool:
        return by_web("EARSHOT_FETCH_PRIVATE_HOSTS", value).fetch_private_hosts

    assert outcome(engine, engine_env.Misconfigured) == expected
    assert outcome(web, web_env.Misconfigured) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("", 8001), ("9001", 9001), (" 9001 ", 9001), ("65535", 65535)),
        *((text, "rejected") for text in ("0", "65536", "-1", "1e3", "9001.0", "port", "٩٠٠١")),
    ],
)
def test_both_servers_read_whole_numbers_alike(value: str, expected: Any):
    def engine() -> int:
        return by_engine("ENGINE_PORT", value).port

    def web() -> int:
        return by_web("ENGINE_PORT", value).engine_port

    assert outcome(engine, engine_env.Misconfigured) == expected
    assert outcome(web, web_env.Misconfigured) == expected


@pytest.mark.parametrize("environ", [{}, {"HOST": "0.0.0.0"}, {"EARSHOT_DATA": "/tmp/elsewhere"}])
def test_both_servers_share_their_host_and_their_data(environ: dict[str, str]):
    engine = engine_env.read_environment({"EARSHOT_DATA": "/tmp/data"} | environ)
    web = web_env.read({"EARSHOT_DATA": "/tmp/data"} | environ)
    assert (engine.host, engine.data) == (web.host, web.data)


class Asked(dict[str, str]):
    """An environment that remembers the variables that are looked up."""

    def __init__(self, **values: str) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def documented(page: str) -> list[str]:
    """Variables in the first column of the tables of a page."""
    rows = re.findall(r"^\| (`[A-Z].*?) \|", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)]


def test_every_variable_of_the_servers_is_documented_in_one_table():
    asked = Asked()
    engine_env.read_environment(asked)
    web_env.read(asked)
    named = documented("settings.md") + documented("engine.md")
    totals = {f"{name}_TOTAL" for name in named if name.endswith("_LIMIT")}
    assert asked.names - totals == set(named)
    assert len(named) == len(set(named))
