"""API keys, in process: made within the caller's permissions, shown once, deleted at once."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.models import Key
from engine.views.keys import LONGEST_LIFE
from network.keyformat import digest, prefix
from tests.engine.inprocess import FORBIDDEN, Holder, Inside, error


async def make(inside: Inside, as_: Holder | None = None, **facts: object):
    body = {"comment": "For the lab", "scopes": ["member"]} | facts
    return await inside.post(f"{inside.ada.path}/keys", as_=as_, json=body)


async def test_a_key_works_and_only_its_digest_is_stored(inside: Inside):
    made = (await make(inside, tags=["lab"])).json()
    assert (made["comment"], made["scopes"], made["tags"]) == ("For the lab", ["member"], ["lab"])
    assert (await inside.get("/v1/projects", key=made["key"])).status_code == 200
    row = await Key.objects.aget(pk=made["api_key_id"])
    assert (row.prefix, row.digest) == (prefix(made["key"]), digest(made["key"]))
    shown = await inside.get(f"{inside.ada.path}/keys/{made['api_key_id']}")
    assert made["key"] not in shown.text


@pytest.mark.parametrize("scopes", [["owner"], ["members:write"], ["member", "billing:read"]])
async def test_a_member_grants_no_more_than_they_have(inside: Inside, scopes: list[str]):
    assert error(await make(inside, inside.bob, scopes=scopes)) == FORBIDDEN
    assert (await make(inside, scopes=scopes)).status_code == 200


@pytest.mark.parametrize("scopes", [[], ["chef"], "member", None])
async def test_scopes_that_cannot_be_are_rejected(inside: Inside, scopes: object):
    assert (await make(inside, scopes=scopes)).status_code == 400


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_LIFE.total_seconds() + 1, "soon"])
async def test_a_life_that_cannot_be_is_rejected(inside: Inside, seconds: object):
    assert (await make(inside, time_to_live_in_seconds=seconds)).status_code == 400


async def test_an_end_and_a_life_are_not_given_together(inside: Inside):
    end = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    response = await make(inside, expiration_date=end, time_to_live_in_seconds=60)
    assert response.status_code == 400
    assert "not both" in response.text


async def test_an_expired_key_is_rejected_and_listed_as_expired(inside: Inside):
    made = (await make(inside, time_to_live_in_seconds=60)).json()
    past = datetime.now(UTC) - timedelta(seconds=1)
    await Key.objects.filter(pk=made["api_key_id"]).aupdate(expiration_date=past)
    assert (await inside.get("/v1/projects", key=made["key"])).status_code == 401
    expired = (await inside.get(f"{inside.ada.path}/keys?status=expired")).json()["api_keys"]
    assert [entry["api_key"]["api_key_id"] for entry in expired] == [made["api_key_id"]]
    active = (await inside.get(f"{inside.ada.path}/keys?status=active")).json()["api_keys"]
    assert made["api_key_id"] not in {entry["api_key"]["api_key_id"] for entry in active}


async def test_a_deleted_key_is_rejected_at_once(inside: Inside):
    made = (await make(inside)).json()
    assert (await inside.get("/v1/projects", key=made["key"])).status_code == 200
    gone = await inside.delete(f"{inside.ada.path}/keys/{made['api_key_id']}")
    assert gone.json() == {"message": "Successfully deleted the API key."}
    assert (await inside.get("/v1/projects", key=made["key"])).status_code == 401


async def test_a_member_deletes_their_own_keys_alone(inside: Inside):
    ada_key = await Key.objects.aget(member=inside.ada.member)
    own = (await make(inside, inside.bob)).json()["api_key_id"]
    keys = f"{inside.ada.path}/keys"
    assert error(await inside.delete(f"{keys}/{ada_key.pk}", as_=inside.bob)) == FORBIDDEN
    assert (await inside.delete(f"{keys}/{own}", as_=inside.bob)).status_code == 200


@pytest.mark.parametrize("key_id", ["8f4e0f7c-0000-4000-8000-000000000000", "no-uuid"])
async def test_a_key_that_is_not_there_is_a_404(inside: Inside, key_id: str):
    assert (await inside.get(f"{inside.ada.path}/keys/{key_id}")).status_code == 404


async def test_keys_of_another_project_do_not_exist(inside: Inside):
    eve_key = await Key.objects.aget(member=inside.eve.member)
    assert (await inside.get(f"{inside.ada.path}/keys/{eve_key.pk}")).status_code == 404
    assert (await inside.get(f"{inside.eve.path}/keys")).status_code == 404
