"""Headers and bodies that open an upload, as they are read before any rule is asked."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as some

from tests.transcripts.conftest import read_json
from tests.transcripts.views.conftest import address
from transcripts.models import Recording, Upload
from transcripts.uploads import Rejected
from transcripts.views.uploads import read_creation, read_metadata, whole


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        ("1_000", None),
        (" 1", None),
        ("٣", None),
        ("²", None),
    ],
)
def test_a_length_is_digits_alone(text: str, number: int | None):
    assert whole(text) == number


@given(some.dictionaries(some.from_regex(r"[a-z]{1,9}", fullmatch=True), some.text(max_size=40)))
def test_metadata_is_read_as_tus_clients_write_it(metadata: dict[str, str]):
    header = ",".join(f"{name} {encoded(value)}" for name, value in metadata.items())
    assert read_metadata(header) == (metadata or {"": ""})


@pytest.mark.parametrize(
    ("header", "metadata"),
    [
        ("filename YS53YXY=, project MQ==", {"filename": "a.wav", "project": "1"}),
        ("is_private", {"is_private": ""}),
        ("filename YQ==,filename Yg==", {"filename": "b"}),
    ],
)
def test_metadata_may_have_blanks_and_names_alone(header: str, metadata: dict[str, str]):
    assert read_metadata(header) == metadata


@pytest.mark.parametrize("value", ["a.wav", "YQ", "/w==", "YQ== YQ==", "Y Q=="])
def test_metadata_that_is_no_base64_of_text_is_named(value: str):
    with pytest.raises(Rejected, match="'filename' is not base64"):
        read_metadata(f"filename {value}")


def creation(body: Any = None, **headers: str) -> dict[str, Any]:
    make = RequestFactory()
    if body is not None:
        content = body if isinstance(body, str) else json.dumps(body)
        return read_creation(make.post("/uploads/", content, content_type="application/json"))
    return read_creation(make.post("/uploads/", headers=headers))


GOOD = {"name": "a.wav", "size": 44, "project": 1, "options": {"model": "nova-3"}}


def test_a_body_and_headers_open_the_same_upload():
    metadata = ", ".join(
        f"{name} {encoded(value)}"
        for name, value in (
            ("filename", "a.wav"), ("project", "1"), ("options", '{"model": "nova-3"}'),
        )
    )  # fmt: skip
    assert creation(GOOD) == creation(**{"Upload-Length": "44", "Upload-Metadata": metadata})
    assert creation(GOOD) == GOOD


def test_a_name_and_options_may_be_left_out():
    assert creation({"size": 44, "project": 1}) == {
        "name": "", "size": 44, "project": 1, "options": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": "44"}, "The length of the upload is missing. Give it in bytes."),
        ({"size": 44.0}, "The length of the upload is missing. Give it in bytes."),
        ({"size": True}, "The length of the upload is missing. Give it in bytes."),
        ({"size": 2**63}, "The length of the upload is missing. Give it in bytes."),
        ({"size": None}, "The length of the upload is missing. Give it in bytes."),
        ({"project": "1"}, "The project of the upload is missing. Give its id."),
        ({"project": 10**30}, "The project of the upload is missing. Give its id."),
        ({"name": 5}, "The name of the upload is not text."),
        ({"name": None}, "The name of the upload is not text."),
        ({"options": []}, "The options of the upload are not a JSON object."),
        ({"options": "{}"}, "The options of the upload are not a JSON object."),
    ],
)
def test_what_is_missing_or_of_another_kind_is_said(change: dict[str, Any], sentence: str):
    with pytest.raises(Rejected) as raised:
        creation(GOOD | change)
    assert str(raised.value) == sentence


@pytest.mark.parametrize("body", [" ", "{", "[]", '"a"', "1", "NaN", "[" * 5000, "\ud800"])
def test_a_body_that_is_no_object_is_said(body: str):
    with pytest.raises(Rejected, match="The body is not a JSON object"):
        creation(body.encode("utf-8", "surrogatepass").decode("latin-1"))


@pytest.mark.parametrize("options", ["{", "[" * 5000, "NaN"])
def test_options_of_headers_that_are_no_json_are_said(options: str):
    metadata = f"project {encoded('1')}, options {encoded(options)}"
    with pytest.raises(Rejected, match="The options of the upload are not a JSON object"):
        creation(**{"Upload-Length": "44", "Upload-Metadata": metadata})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Tus-Resumable": "1.0.0"}, 400),
        ({}, 400),
    ],
)
@pytest.mark.slow
def test_another_version_of_tus_is_rejected_with_ours(
    ada_client: Client, headers: dict[str, str], status: int
):
    response = ada_client.post(address("uploads"), headers=headers)
    assert (response.status_code, response["Tus-Resumable"]) == (status, "1.0.0")
    assert read_json(response)["error"]


@pytest.fixture
def upload(ada_client: Client, project: Any) -> str:
    """The address of an upload of four bytes."""
    body = json.dumps({"name": "a.wav", "size": 4, "project": project.pk})
    made = ada_client.post(address("uploads"), body, content_type="application/json")
    assert made.status_code == 201, made.content
    return made["Location"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "content_type", "data", "status", "word"),
    [
        ({"Upload-Offset": "0"}, "text/plain", b"RI", 415, "application/offset+octet-stream"),
        ({}, "application/offset+octet-stream", b"RI", 400, "Upload-Offset is missing"),
        ({"Upload-Offset": "-1"}, "application/offset+octet-stream", b"RI", 400, "missing"),
        ({"Upload-Offset": "0"}, "application/offset+octet-stream", b"RIFFF", 413, "4 bytes"),
        ({"Upload-Offset": "3"}, "application/offset+octet-stream", b"RI", 413, "4 bytes"),
        ({"Upload-Offset": "2"}, "application/offset+octet-stream", b"RI", 409, ""),
    ],
)
@pytest.mark.slow
def test_a_chunk_that_does_not_fit_changes_nothing(
    ada_client: Client, upload: str, headers: dict[str, str], content_type: str, data: bytes,
    status: int, word: str,
):  # fmt: skip
    response = ada_client.patch(upload, data, content_type=content_type, headers=headers)
    assert response.status_code == status
    assert word in read_json(response)["error"]
    assert Upload.objects.get().offset_bytes == 0
    assert not Recording.objects.exists()
