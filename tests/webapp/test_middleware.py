"""Headers and pages that every response of the web server gets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from webapp.http import middleware
from webapp.http.bodies import REQUEST_ID

Respond = Callable[[HttpRequest], HttpResponse]


def request(**headers: str) -> Any:
    made: Any = RequestFactory().get("/", headers=headers)
    made.user = AnonymousUser()
    made.session = SimpleNamespace(accessed=False)
    made.request_id = "r-1"
    return made


def responding(**facts: Any) -> Respond:
    headers = facts.pop("headers", {})

    def respond(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers=headers, **facts)

    return respond


def test_a_request_keeps_the_id_that_the_server_gave_it():
    known = request()
    known.scope = {REQUEST_ID: "8f4e0f7c-0000-4000-8000-000000000000"}
    response = middleware.request_id(responding())(known)
    assert known.request_id == known.scope[REQUEST_ID]
    assert response["x-request-id"] == known.request_id


def test_a_request_without_one_gets_an_id_of_its_own():
    ids = []
    for _ in range(2):
        new = request()
        middleware.request_id(responding())(new)
        ids.append(uuid.UUID(new.request_id))
    assert ids[0] != ids[1]


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split("; "))}


def test_pages_run_and_load_what_is_ours_alone():
    response = middleware.content_security_policy(responding())(request())
    policy = directives(response["Content-Security-Policy"])
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == policy["connect-src"] == ["'self'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & {
        value for values in policy.values() for value in values
    }


def test_a_page_may_have_a_stricter_policy():
    stricter = responding(headers={"Content-Security-Policy": "default-src 'none'"})
    response = middleware.content_security_policy(stricter)(request())
    assert response["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.django_db
@pytest.mark.parametrize("status", [400, 403, 405, 500])
def test_an_error_without_content_becomes_a_page_with_its_headers(status: int):
    bare = responding(status=status, headers={"Allow": "POST", "Content-Length": "0"})
    page = middleware.errors_as_pages(bare)(request(accept="text/html"))
    assert page.status_code == status
    assert page["Allow"] == "POST"
    assert page.get("Content-Length") != "0"
    assert b"r-1" in page.content


@pytest.mark.parametrize(
    "facts",
    [
        {"status": 200},
        {"status": 204},
        {"status": 304},
        {"status": 404, "content": b"said already"},
        {"status": 422, "content": b"{}"},
    ],
)
def test_other_responses_stay_as_they_are(facts: dict[str, Any]):
    response = middleware.errors_as_pages(responding(**facts))(request())
    assert (response.status_code, response.content) == (facts["status"], facts.get("content", b""))


def test_a_stream_is_no_error_page():
    def respond(request: HttpRequest) -> Any:
        return StreamingHttpResponse([b"part"], status=416)

    response: Any = middleware.errors_as_pages(respond)(request())
    assert b"".join(response.streaming_content) == b"part"


@pytest.mark.parametrize(
    ("is_signed_in", "is_accessed", "given", "kept"),
    [
        (True, True, "", "private, no-store"),
        (True, True, "max-age=60", "private, no-store"),
        (True, True, "private, no-store", "private, no-store"),
        (True, True, "no-store", "no-store"),
        # A file that is the same for everybody, and pages of strangers.
        (True, False, "max-age=60", "max-age=60"),
        (False, True, "max-age=60", "max-age=60"),
        (False, True, "", None),
    ],
)
def test_what_a_signed_in_user_received_stays_out_of_caches(
    is_signed_in: bool, is_accessed: bool, given: str, kept: str | None
):
    asked = request()
    asked.user = SimpleNamespace(is_authenticated=is_signed_in)
    asked.session = SimpleNamespace(accessed=is_accessed)
    respond = responding(headers={"Cache-Control": given} if given else {})
    assert middleware.private_responses(respond)(asked).get("Cache-Control") == kept
