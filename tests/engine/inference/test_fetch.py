"""Content of an address that a caller names: what is fetched, and everything that is not."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from engine.env import Reach
from engine.inference import fetch as fetching
from engine.inference.fetch import MOST_REDIRECTS, check_callback, fetch
from engine.wire.errors import ApiError
from tests.engine.site import Site

PUBLIC = Reach(private=False, any_port=False)
INSIDE = Reach(private=True, any_port=True)


async def problem(url: str, reach: Reach = PUBLIC, spool: Path | None = None) -> str:
    """The sentence of the error of a fetch."""
    with pytest.raises(ApiError) as raised:
        await fetch(url, spool, reach)
    assert (raised.value.status, raised.value.code) == (400, "REMOTE_CONTENT_ERROR")
    return str(raised.value)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Addresses of each name, one list for each time that it is resolved; the last for ever."""
    known: dict[str, list[list[str]]] = {}

    async def getaddrinfo(self: Any, host: str, port: int, **facts: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror("unknown")
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return known


async def test_content_is_kept_in_memory_or_in_a_file(site: Site, tmp_path: Path):
    site.pages["/a"] = (200, {}, b"words")
    body = await fetch(f"{site.url}/a", None, INSIDE)
    assert (body.data, body.size, body.path) == (b"words", 5, None)
    stored = await fetch(f"{site.url}/a", tmp_path, INSIDE)
    assert stored.path is not None
    assert stored.path.read_bytes() == b"words"
    assert stored.sha256 == body.sha256
    stored.discard()
    assert os.listdir(tmp_path) == []


async def test_a_redirect_is_followed_relative_to_its_page(site: Site):
    site.pages["/a/b"] = (302, {"location": "../c"}, b"")
    site.pages["/c"] = (307, {"location": f"{site.url}/d"}, b"")
    site.pages["/d"] = (200, {}, b"there")
    assert (await fetch(f"{site.url}/a/b", None, INSIDE)).data == b"there"


async def test_redirects_have_an_end(site: Site):
    site.pages["/a"] = (302, {"location": "/a"}, b"")
    assert await problem(f"{site.url}/a", INSIDE) == "There were too many redirects."
    assert site.arrivals.qsize() == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("http://127.0.0.1:1/", "127.0.0.1"),
        ("http://[::1]/", "::1"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
        ("//10.0.0.1/", "10.0.0.1"),
    ],
)
async def test_a_redirect_into_the_network_is_not_followed(
    site: Site,
    names: dict[str, list[list[str]]],
    location: str,
    host: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """The first address is public: only the second one is not."""
    names["public.test"] = [["127.0.0.1"]]
    names[host] = [[host]]
    checked: list[str] = []

    def is_public(address: str) -> bool:
        checked.append(address)
        return len(checked) == 1

    monkeypatch.setattr(fetching, "is_public", is_public)
    site.pages["/"] = (302, {"location": location}, b"")
    url = site.url.replace("127.0.0.1", "public.test")
    assert "is not publicly routable" in await problem(f"{url}/")
    assert checked == ["127.0.0.1", host]


async def test_a_name_is_resolved_once_for_a_connection(
    site: Site, names: dict[str, list[list[str]]]
):
    """A name that is public when it is checked and private afterwards is not asked again."""
    names["rebound.test"] = [["127.0.0.1"], ["0.0.0.0"]]
    site.pages["/a"] = (200, {}, b"first")
    url = site.url.replace("127.0.0.1", "rebound.test")
    assert (await fetch(f"{url}/a", None, INSIDE)).data == b"first"
    arrival = site.arrivals.get_nowait()
    assert arrival.headers["host"] == url.removeprefix("http://")
    assert names["rebound.test"] == [["0.0.0.0"]]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::1"]])
async def test_every_address_of_a_name_has_to_be_public(
    names: dict[str, list[list[str]]], addresses: list[str]
):
    names["mixed.test"] = [addresses]
    assert await problem("http://mixed.test/") == "The host mixed.test is not publicly routable."


async def test_a_name_that_does_not_exist_is_named(names: dict[str, list[list[str]]]):
    assert await problem("http://nowhere.test/") == "The host nowhere.test cannot be found."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://8.8.8.8/", "Only http and https URLs can be used."),
        ("file:///etc/passwd", "Only http and https URLs can be used."),
        ("http://", "Only http and https URLs can be used."),
        ("http://[::1", "The URL cannot be parsed."),
        ("http://a:99999/", "The URL cannot be parsed."),
        ("http://a:0/", "The URL cannot be parsed."),
    ],
)
async def test_what_is_no_web_address_is_not_fetched(url: str, sentence: str):
    assert await problem(url) == sentence


@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_a_failure_of_the_other_server_has_its_status(site: Site, status: int):
    site.pages["/a"] = (status, {}, b"no")
    assert await problem(f"{site.url}/a", INSIDE) == f"The remote server responded with {status}."


async def test_content_that_is_too_large_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetching, "SMALL_LIMIT", 4)
    monkeypatch.setattr(fetching, "LISTEN_LIMIT", 4)
    site.pages["/a"] = (200, {}, b"words")
    for spool in (None, tmp_path):
        assert await problem(f"{site.url}/a", INSIDE, spool) == "The remote content is too large."
    assert os.listdir(tmp_path) == []


async def test_a_server_that_does_not_respond_is_left(monkeypatch: pytest.MonkeyPatch):
    assert (await problem("http://127.0.0.1:9/", INSIDE)).endswith("ConnectError.")
    monkeypatch.setattr(fetching, "WHOLE_SECONDS", 0.0)
    assert "took too long" in await problem("http://127.0.0.1:9/", INSIDE)


async def test_a_password_of_the_address_is_not_sent_to_another_host(site: Site):
    site.pages["/a"] = (302, {"location": f"{site.url.replace('127.0.0.1', 'localhost')}/b"}, b"")
    site.pages["/b"] = (200, {}, b"b")
    url = site.url.replace("http://", "http://ada:sesame@")
    await fetch(f"{url}/a", None, INSIDE)
    first, second = site.arrivals.get_nowait(), site.arrivals.get_nowait()
    assert first.headers["authorization"].startswith("Basic ")
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    ("url", "reach", "is_allowed"),
    [
        ("https://8.8.8.8/done", PUBLIC, True),
        ("http://8.8.8.8:8443/done", PUBLIC, True),
        ("http://8.8.8.8:22/done", PUBLIC, False),
        ("http://8.8.8.8:22/done", Reach(private=False, any_port=True), True),
        ("http://10.0.0.1/done", PUBLIC, False),
        ("http://10.0.0.1/done", INSIDE, True),
        ("ftp://8.8.8.8/", INSIDE, False),
        ("done", INSIDE, False),
    ],
)
async def test_a_callback_is_checked_before_the_work(url: str, reach: Reach, is_allowed: bool):
    if is_allowed:
        await check_callback(url, reach)
    else:
        with pytest.raises(ApiError, match=r"Invalid callback url\."):
            await check_callback(url, reach)
