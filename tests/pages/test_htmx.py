"""Pages that use htmx load it, and no others do."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client

from tests.pages.cast import Cast
from tests.pages.test_access import ALL, address

# Every page, for three users.
pytestmark = pytest.mark.full

# An attribute that makes a request or takes part in one; `hx-headers` alone does nothing.
USES = re.compile(r"\shx-(?:get|post|put|patch|delete|boost|swap-oob)\b")
LOADS = re.compile(r"<script[^>]*/htmx")
ADDRESSES = ("sign_in", "/no/page/", *sorted(ALL.keys() - {"sign_in", "healthz", "readyz"}))


def pages(client: Client, url: str) -> list[str]:
    """The whole pages among the responses of an address."""
    responses = [client.get(url), client.post(url, {"url": "no address"})]
    texts = [
        each.content.decode()
        for each in responses
        if not each.streaming and each.get("Content-Type", "").startswith("text/html")
    ]
    return [text for text in texts if "<!DOCTYPE html>" in text]


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_loads_htmx_when_it_uses_it_and_only_then(name: str, cast: Cast, client):
    found = []
    for user in (None, cast.ada, cast.vera):
        client.logout()
        if user:
            client.force_login(user)
        url = name if name.startswith("/") else address(name, cast, cast.transcribed())
        found += pages(client, url)
    for text in found:
        assert bool(USES.search(text)) == bool(LOADS.search(text))
    parts = ("preset", "upload", "recording", "insight", "speaker", "mfa")
    assert found or name.startswith(parts)


@pytest.mark.usefixtures("db")
def test_pages_without_a_frame_load_none():
    text = render_to_string("error_alone.html", {"title": "Full", "text": "Full."})
    assert not USES.search(text)
    assert not LOADS.search(text)
