"""One table says which addresses are public, for the engine and for the web application."""

import httpx
import pytest

from engine.inference import fetch as engine_fetch
from network import addresses
from network.addresses import is_public, read_url
from transcripts.media import fetch as web_fetch

PUBLIC = ("8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1")
INSIDE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.168.0.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::808:808",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_a_network_is_not(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://xn--/",
        "http://xn--a/",
        "https://xn--abc-.example/",
        "http://[::1/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:http/",
    ],
)
def test_an_address_whose_host_or_port_cannot_exist_is_rejected(url):
    for base in (None, httpx.URL("http://example.com/")):
        with pytest.raises(ValueError, match=r"."):
            read_url(url, base)


def test_an_address_may_be_relative_to_another_one():
    assert read_url("/b?c=1", httpx.URL("https://example.com/a")) == "https://example.com/b?c=1"
    assert read_url("http://bücher.example:65535/").host == "bücher.example"


def test_both_servers_use_this_table():
    for name in ("is_public", "read_url"):
        assert vars(engine_fetch)[name] is vars(web_fetch)[name] is vars(addresses)[name]
