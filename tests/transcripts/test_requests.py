"""Reading of requests by views, and grouping for pages: without a browser."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from transcripts.models import Upload
from transcripts.uploads import Rejected
from transcripts.views.recording import seconds
from transcripts.views.tray import COUNTED, Tray
from transcripts.views.uploads import read_creation, read_metadata, rejection, whole

CREATION = {"name": "talk.wav", "size": 10, "project": 1, "options": {"diarize": True}}


def posted(body: object) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RequestFactory().post("/uploads/", content, content_type="application/json")


def encoded(**pairs: str) -> str:
    pairs64 = {name: base64.b64encode(text.encode()).decode() for name, text in pairs.items()}
    return ",".join(f"{name} {text}" for name, text in pairs64.items())


def test_an_upload_is_announced_as_json():
    assert read_creation(posted(CREATION)) == CREATION


def test_an_upload_is_announced_in_the_headers_of_tus():
    metadata = encoded(filename="Über.wav", project="1", options='{"diarize": true}')
    headers = {"Upload-Length": "10", "Upload-Metadata": metadata}
    request = RequestFactory().post("/uploads/", content_type="text/plain", headers=headers)
    assert read_creation(request) == CREATION | {"name": "Über.wav"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"size": "10"}, "length"),
        ({"size": True}, "length"),
        ({"size": 2**63}, "length"),
        ({"project": None}, "project"),
        ({"name": 5}, "not text"),
        ({"options": []}, "options"),
    ],
)
def test_an_announcement_that_cannot_be_is_rejected(change: dict[str, object], problem: str):
    with pytest.raises(Rejected, match=problem):
        read_creation(posted(CREATION | change))


@pytest.mark.parametrize("body", [b"{", [], 5, b"\xff"])
def test_a_body_that_is_no_object_is_rejected(body: object):
    with pytest.raises(Rejected, match="not a JSON object"):
        read_creation(posted(body))


@pytest.mark.parametrize("header", ["filename !!!", "filename \u00e9", "filename /w=="])
def test_metadata_that_cannot_be_decoded_is_rejected(header: str):
    with pytest.raises(Rejected):
        read_metadata(header)


@pytest.mark.parametrize(("text", "number"), [("10", 10), ("0", 0), ("", None), ("1.5", None)])
def test_a_whole_number_of_a_header(text: str, number: int | None):
    assert whole(text) == number


def test_a_full_disk_says_when_to_try_again():
    full, wrong = rejection("The disk is full.", 507), rejection("No.", 400)
    assert (full["Retry-After"], "Retry-After" in wrong) == ("60", False)
    assert json.loads(full.content) == {"error": "The disk is full."}


@pytest.mark.parametrize(
    ("text", "second"),
    [("12.5", 12.5), ("0", 0.0), ("-1", None), ("nan", None), ("1e9", None), ("soon", None)],
)
def test_the_second_of_an_address(text: str, second: float | None):
    assert seconds(text) == second


def test_the_tray_counts_to_a_hundred_and_moves_while_something_does():
    still = Upload(changed_at=timezone.now() - timedelta(hours=1))
    fresh = Upload(changed_at=timezone.now())
    assert Tray([], COUNTED + 5, [], [], 0).count_words == f"{COUNTED}+"
    assert (Tray([], 3, [], [], 0).more, Tray([], 0, [], [still], 4).more_uploads) == (3, 3)
    moves = [Tray([], count, [], [upload], 1).moves for count, upload in ((0, still), (0, fresh))]
    assert moves == [False, True]
    assert Tray([], 1, [], [still], 1).moves
