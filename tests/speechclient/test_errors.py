import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import BadRequest, Denied, ServiceUnavailable, SpeechError
from speechclient.errors import error_from_close, error_from_response, read_retry_after

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (BadRequest, [400, 405, 409, 411, 413, 414, 415, 418, 422]),
        (Denied, [401, 402, 403, 404, 301, 307]),
        (ServiceUnavailable, [408, 425, 429, 499, 500, 502, 503, 504, 599]),
    ],
)
def test_the_status_chooses_what_the_caller_does_next(kind, statuses):
    assert {type(error_from_response(status, {}, b"")) for status in statuses} == {kind}


@pytest.mark.parametrize(
    ("body", "content_type", "message", "code", "request_id"),
    [
        (
            b'{"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r-1"}',
            "application/json",
            "Invalid credentials.",
            "INVALID_AUTH",
            "r-1",
        ),
        (
            b'{"category": "INVALID_JSON", "message": "Invalid JSON submitted.",'
            b' "details": "missing field `name`", "request_id": "r-2"}',
            "application/json",
            "Invalid JSON submitted. missing field `name`",
            "INVALID_JSON",
            "r-2",
        ),
        (
            b'{"err_code": "PROJECT_NOT_FOUND", "err_msg": "Project not found."}',
            "application/json",
            "Project not found.",
            "PROJECT_NOT_FOUND",
            None,
        ),
        (
            b"UUID parsing failed: invalid length",
            "text/plain",
            "UUID parsing failed: invalid length",
            None,
            None,
        ),
        (b'"Unknown voice."', "application/json", "Unknown voice.", None, None),
        (
            b'{"error_code": "Service Unavailable", "message": "busy"}',
            "application/json",
            "busy",
            "Service Unavailable",
            None,
        ),
        (
            b"<html><h1>Bad gateway</h1></html>",
            "text/html",
            "the server responded with status 400 and no reason",
            None,
            None,
        ),
    ],
)
def test_every_form_of_an_error_body_is_read(body, content_type, message, code, request_id):
    error = error_from_response(400, {"content-type": content_type}, body)
    assert (str(error), error.code, error.request_id, error.status) == (
        message,
        code,
        request_id,
        400,
    )


def test_the_header_knows_the_request_id_and_the_reason():
    error = error_from_response(400, {"dg-request-id": "r-3", "dg-error": "bad encoding"}, b"")
    assert (str(error), error.request_id) == ("bad encoding", "r-3")


def test_a_message_cannot_forge_a_line_of_the_log():
    body = json.dumps({"err_msg": "no\n2026 ERROR root\x1b[2J\u202eogol", "request_id": "r\r\n4"})
    error = error_from_response(400, {}, body.encode())
    assert (str(error), error.request_id) == ("no 2026 ERROR root[2Jogol", "r 4")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("1e300", 86_400.0),
        ("inf", 86_400.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 12:01:30 -0000", 90.0),
        ("99999999999", 86_400.0),
        ("Sat, 21 Nov 99999999999 12:01:30 GMT", None),
        ("Sat, 31 Dec 9999 23:59:59 -2400", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert read_retry_after(value, now=NOON) == seconds


def test_retry_after_comes_with_the_error():
    error = error_from_response(429, {"retry-after": "7"}, b"")
    assert isinstance(error, ServiceUnavailable)
    assert error.retry_after == 7.0


@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(["content-type", "dg-error", "retry-after"]), st.text()),
    st.binary(),
)
def test_no_answer_is_too_odd_to_be_an_error(status, headers, body):
    error = error_from_response(status, headers, body)
    assert isinstance(error, SpeechError)
    assert str(error)


@pytest.mark.parametrize(
    ("code", "reason", "kind", "key"),
    [
        (1008, "bad audio. See https://dpgr.am/data0000", BadRequest, "DATA-0000"),
        (1008, "DATA-0001: slow down", ServiceUnavailable, "DATA-0001"),
        (1009, "BIG-0001", BadRequest, "BIG-0001"),
        (1011, "no audio. See https://dpgr.am/net0001", ServiceUnavailable, "NET-0001"),
        (1001, "", ServiceUnavailable, None),
        (None, "", ServiceUnavailable, None),
    ],
)
def test_a_close_code_chooses_what_the_caller_does_next(code, reason, kind, key):
    error = error_from_close(code, reason, request_id="r-5")
    assert (type(error), error.code, error.status, error.request_id) == (kind, key, code, "r-5")


def test_a_normal_close_is_no_error():
    assert error_from_close(1000, "") is None
