"""Short-lived tokens and the description of a key, in process."""

from __future__ import annotations

from typing import Any

import pytest

from engine.models import Key
from engine.runtime.database import in_database
from engine.views.auth import LONGEST_SECONDS, SHORTEST_SECONDS
from tests.engine.inprocess import Inside, error, make_holder


async def grant(inside: Inside, body: Any = None, **facts: Any) -> Any:
    return await inside.post("/v1/auth/grant", json={} if body is None else body, **facts)


def bearer(token: str) -> dict[str, Any]:
    return {"key": "-", "headers": {"authorization": f"Bearer {token}"}}


async def test_a_token_opens_the_work_and_not_the_account(inside: Inside):
    token = (await grant(inside)).json()["access_token"]
    work = await inside.post("/v1/read?topics=true", json={"text": ""}, **bearer(token))
    assert error(work) == (400, "PAYLOAD_ERROR")
    for path in ("/v1/projects", f"{inside.ada.path}/keys", f"{inside.ada.path}/usage"):
        assert (await inside.get(path, **bearer(token))).status_code == 401


@pytest.mark.parametrize("seconds", [None, SHORTEST_SECONDS, 90.5, LONGEST_SECONDS])
async def test_a_token_lives_as_long_as_requested(inside: Inside, seconds: float | None):
    body = {} if seconds is None else {"ttl_seconds": seconds}
    assert (await grant(inside, body)).json()["expires_in"] == (seconds or 30)


@pytest.mark.parametrize("seconds", [0, 0.5, 3600.5, -1, 1e300, "30", [], True])
async def test_another_life_is_rejected(inside: Inside, seconds: object):
    response = await grant(inside, {"ttl_seconds": seconds})
    assert error(response) == (400, "INVALID_JSON")


@pytest.mark.parametrize("body", ["{", "[]", "1", '{"ttl_seconds": NaN}', '{"ttl_seconds": 1e999}'])
async def test_a_body_that_is_no_object_is_rejected(inside: Inside, body: str):
    response = await inside.post("/v1/auth/grant", content=body)
    assert error(response) == (400, "INVALID_JSON")


async def test_no_body_is_a_body_without_members(inside: Inside):
    assert (await inside.post("/v1/auth/grant")).json()["expires_in"] == 30


async def test_a_token_makes_no_token(inside: Inside):
    token = (await grant(inside)).json()["access_token"]
    response = await inside.post("/v1/auth/grant", json={}, **bearer(token))
    assert response.status_code in (401, 403)


async def test_a_key_without_the_scopes_of_a_member_makes_none(inside: Inside):
    reader = await in_database(make_holder, inside.ada.project, "ron", "usage:read")
    assert error(await grant(inside, as_=reader)) == (403, "FORBIDDEN")
    assert (await grant(inside, as_=inside.bob)).status_code == 200


async def test_a_changed_token_is_rejected(inside: Inside):
    token = (await grant(inside)).json()["access_token"]
    for changed in (token[:-1], token + "a", token.swapcase(), ""):
        response = await inside.post("/v1/read?topics=true", json={}, **bearer(changed))
        assert response.status_code == 401


async def test_a_token_ends_with_its_key(inside: Inside):
    token = (await grant(inside, as_=inside.bob)).json()["access_token"]
    key = await Key.objects.aget(member=inside.bob.member)
    deleted = await inside.delete(f"{inside.ada.path}/keys/{key.pk}")
    assert deleted.status_code == 200
    response = await inside.post("/v1/read?topics=true", json={"text": "a"}, **bearer(token))
    assert response.status_code == 401


async def test_a_key_is_described_without_itself(inside: Inside):
    response = await inside.get("/v1/auth/token", as_=inside.bob)
    described = response.json()
    key = await Key.objects.aget(member=inside.bob.member)
    assert (described["api_key_id"], described["comment"]) == (str(key.pk), "bob's key")
    assert described["scopes"] == ["member"]
    assert inside.bob.key not in response.text
