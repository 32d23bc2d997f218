"""The gate, in process: what is rejected before a view, and what every response carries."""

import json
import uuid

import httpx
import pytest

from engine.gateway.bodies import SMALL_LIMIT
from engine.gateway.gate import LONGEST_ADDRESS, read_content_type
from engine.gateway.openapi import operations
from engine.models import Request
from tests.engine.inprocess import FORBIDDEN, Inside, error


@pytest.mark.parametrize(
    "authorization",
    ["", "Token", "Token ear_0", "Token " + "x" * 40, "Basic YTpi", "Bearer a.b.c", "token\t"],
)
async def test_a_request_without_a_valid_key_is_a_401(inside: Inside, authorization: str):
    headers = {"authorization": authorization} if authorization else {}
    response = await inside.get("/v1/projects", key="-", headers=headers)
    assert (response.status_code, response.json()["err_code"]) == (401, "INVALID_AUTH")


@pytest.mark.parametrize("scheme", ["Token", "token", "TOKEN"])
async def test_the_scheme_is_read_in_any_case(inside: Inside, scheme: str):
    headers = {"authorization": f"{scheme} {inside.ada.key}"}
    assert (await inside.get("/v1/projects", key="-", headers=headers)).status_code == 200


async def test_every_response_carries_its_request_id(inside: Inside):
    for path in ("/v1/projects", "/v1/nowhere", f"{inside.eve.path}/keys"):
        response = await inside.get(path)
        uuid.UUID(response.headers["dg-request-id"])
        if "request_id" in response.text:  # not in the form of an unknown path
            assert response.json()["request_id"] == response.headers["dg-request-id"]


async def test_an_unknown_path_is_a_404_and_an_unknown_method_a_405(inside: Inside):
    assert (await inside.get("/v1/nowhere")).status_code == 404
    assert (await inside.delete("/v1/projects")).status_code == 405


async def test_options_names_the_methods_without_a_key(inside: Inside):
    response = await inside.request("OPTIONS", inside.ada.path, key="-")
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, PATCH, DELETE, OPTIONS"


async def test_an_address_that_is_too_long_is_rejected(inside: Inside):
    response = await inside.get("/v1/projects?tag=" + "x" * LONGEST_ADDRESS)
    assert 400 <= response.status_code < 500


async def test_a_body_that_is_too_large_is_a_413(inside: Inside):
    response = await inside.post(f"{inside.ada.path}/keys", content=b"x" * (SMALL_LIMIT + 1))
    assert response.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b'{"a": NaN}'])
async def test_a_body_that_is_no_object_is_a_400(inside: Inside, body: bytes):
    response = await inside.post(f"{inside.ada.path}/keys", content=body)
    assert response.status_code == 400


async def test_a_request_without_a_key_has_no_body(inside: Inside):
    response = await inside.request("GET", "/healthz", key="-", content=b"x")
    assert response.status_code == 400


async def every_status(inside: Inside, within: str, **facts: object) -> dict[str, int]:
    """Statuses of all operations that need a key and have ``within`` in their path."""
    statuses = {}
    for path, method, _, operation in operations():
        if operation.scope is None or within not in path:
            continue
        named = f"/{path.lstrip('/')}".replace("{project_id}", str(inside.ada.project.pk))
        while "{" in named:
            before, _, rest = named.partition("{")
            named = before + str(uuid.uuid4()) + rest.partition("}")[2]
        response = await inside.request(method.upper(), named, **facts)  # type: ignore[arg-type]
        statuses[f"{method} {path}"] = response.status_code
    return statuses


async def test_no_operation_serves_a_request_without_a_key(inside: Inside):
    statuses = await every_status(inside, "/", key="-")
    assert len(statuses) > 40
    assert set(statuses.values()) == {401}


async def test_no_operation_of_a_project_is_found_by_a_stranger(inside: Inside):
    statuses = await every_status(inside, "{project_id}", as_=inside.eve)
    assert len(statuses) > 30
    assert set(statuses.values()) == {404}


async def test_a_rejected_recording_is_logged_once_with_its_status(inside: Inside):
    response = await inside.post("/v1/listen?language=klingon", content=b"RIFF")
    assert response.status_code == 400
    row = await Request.objects.aget()
    assert (str(row.pk), row.code, row.endpoint) == (
        response.headers["dg-request-id"],
        400,
        "listen",
    )
    listed = (await inside.get(f"{inside.ada.path}/requests")).json()["requests"]
    assert [entry["request_id"] for entry in listed] == [str(row.pk)]


async def test_a_short_lived_token_does_work_and_sees_no_account(inside: Inside):
    granted = (await inside.post("/v1/auth/grant", json={"ttl_seconds": 60})).json()
    headers = {"authorization": f"Bearer {granted['access_token']}"}
    account = await inside.get(f"{inside.ada.path}/keys", key="-", headers=headers)
    assert error(account) == FORBIDDEN
    work = await inside.post("/v1/read", key="-", headers=headers, content=b"{}")
    assert work.status_code == 400


@pytest.mark.parametrize("seconds", [0, 0.5, 3601, -1, "60", True])
async def test_a_token_lives_for_a_second_to_an_hour(inside: Inside, seconds: object):
    response = await inside.post("/v1/auth/grant", json={"ttl_seconds": seconds})
    assert response.status_code == 400


async def test_pages_of_configured_origins_may_read_responses(inside: Inside):
    headers = {"origin": "https://app.example"}
    response = await inside.get("/v1/projects", headers=headers)
    allowed = response.headers.get("access-control-allow-origin")
    assert allowed in {None, "*", "https://app.example"}
    if allowed:
        assert "dg-request-id" in response.headers["access-control-expose-headers"]


def test_the_content_type_is_read_without_parameters():
    assert read_content_type({"content-type": "Application/JSON; charset=utf-8"}) == (
        "application/json"
    )
    assert read_content_type({}) == ""


async def test_the_document_lists_every_operation(inside: Inside):
    response: httpx.Response = await inside.get("/openapi.json", key="-")
    document = json.loads(response.content)
    listed = {(path, method) for path, entry in document["paths"].items() for method in entry}
    assert len(listed) >= len(list(operations()))
