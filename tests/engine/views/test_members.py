"""Members and invites, in process: who may change whom, and the owner who stays."""

import pytest

from engine.accounts.setup import accept_invite
from engine.models import Member
from engine.runtime.database import in_database
from engine.scopes import ROLES
from tests.engine.inprocess import FORBIDDEN, Holder, Inside, error, make_holder


def member_path(holder: Holder) -> str:
    return f"{holder.path}/members/{holder.member.pk}"


async def admin_of(inside: Inside) -> Holder:
    return await in_database(make_holder, inside.ada.project, "vera", "admin")


async def test_members_are_listed_with_their_scopes(inside: Inside):
    response = await inside.get(f"{inside.ada.path}/members")
    shown = {entry["email"]: entry["scopes"] for entry in response.json()["members"]}
    assert shown == {"ada@example.test": ["owner"], "bob@example.test": ["member"]}


@pytest.mark.parametrize("path", ["members", "invites"])
async def test_a_member_does_not_list_them(inside: Inside, path: str):
    assert error(await inside.get(f"{inside.ada.path}/{path}", as_=inside.bob)) == FORBIDDEN


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_an_owner_gives_any_role(inside: Inside, role: str):
    path = f"{member_path(inside.bob)}/scopes"
    assert (await inside.put(path, json={"scope": role})).status_code == 200
    assert (await inside.get(path)).json() == {"scopes": [role]}


async def test_a_new_role_bounds_the_keys_that_a_member_has(inside: Inside):
    admin = await admin_of(inside)
    assert (await inside.get(f"{inside.ada.path}/members", as_=admin)).status_code == 200
    await inside.put(f"{member_path(admin)}/scopes", json={"scope": "member"})
    assert error(await inside.get(f"{inside.ada.path}/members", as_=admin)) == FORBIDDEN


async def test_an_admin_changes_members_and_no_owner(inside: Inside):
    admin = await admin_of(inside)
    change = {"scope": "admin"}
    bob, ada = f"{member_path(inside.bob)}/scopes", f"{member_path(inside.ada)}/scopes"
    assert (await inside.put(bob, json=change, as_=admin)).status_code == 200
    assert error(await inside.put(ada, json=change, as_=admin)) == FORBIDDEN
    assert error(await inside.put(bob, json={"scope": "owner"}, as_=admin)) == FORBIDDEN


async def test_the_last_owner_is_neither_removed_nor_lowered(inside: Inside):
    path = member_path(inside.ada)
    assert (await inside.delete(path)).status_code == 400
    assert (await inside.put(f"{path}/scopes", json={"scope": "member"})).status_code == 400
    await inside.put(f"{member_path(inside.bob)}/scopes", json={"scope": "owner"})
    assert (await inside.delete(path)).status_code == 200
    assert (await inside.get("/v1/projects")).status_code == 401


async def test_an_unknown_role_is_rejected(inside: Inside):
    response = await inside.put(f"{member_path(inside.bob)}/scopes", json={"scope": "chef"})
    assert (response.status_code, response.json()["err_msg"]) == (
        400,
        "Bad Request: unknown scope chef.",
    )


async def invite(inside: Inside, email: str = "new@example.test", scope: str = "member"):
    body = {"email": email, "scope": scope}
    return await inside.post(f"{inside.ada.path}/invites", json=body)


async def test_an_invited_person_becomes_a_member_with_a_key(inside: Inside):
    assert (await invite(inside)).status_code == 200
    key = await in_database(accept_invite, "new@example.test")
    assert (await inside.get("/v1/projects", key=key)).status_code == 200
    member = await Member.objects.aget(email="new@example.test")
    assert (member.project_id, member.scopes) == (inside.ada.project.pk, ["member"])
    assert (await inside.get(f"{inside.ada.path}/invites")).json() == {"invites": []}


async def test_an_invite_is_changed_by_a_second_one_and_withdrawn(inside: Inside):
    await invite(inside)
    await invite(inside, "New@Example.test", "admin")
    listed = (await inside.get(f"{inside.ada.path}/invites")).json()["invites"]
    assert listed == [{"email": "new@example.test", "scope": "admin"}]
    path = f"{inside.ada.path}/invites/new@example.test"
    assert [(await inside.delete(path)).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize("email", ["nobody", "", "bob@example.test"])
async def test_an_address_that_cannot_be_invited_is_rejected(inside: Inside, email: str):
    assert (await invite(inside, email)).status_code == 400


async def test_an_admin_removes_members_and_no_owner(inside: Inside):
    admin = await admin_of(inside)
    assert error(await inside.delete(member_path(inside.ada), as_=admin)) == FORBIDDEN
    assert (await inside.delete(member_path(inside.bob), as_=admin)).status_code == 200
    assert (await inside.get("/v1/projects", as_=inside.bob)).status_code == 401


@pytest.mark.parametrize(("scope", "status"), [("owner", 401), ("admin", 200), ("member", 200)])
async def test_an_admin_invites_no_owner(inside: Inside, scope: str, status: int):
    admin = await admin_of(inside)
    body = {"email": "new@example.test", "scope": scope}
    response = await inside.post(f"{inside.ada.path}/invites", json=body, as_=admin)
    assert response.status_code == status


async def test_an_invite_of_an_owner_is_withdrawn_by_an_owner(inside: Inside):
    admin = await admin_of(inside)
    await invite(inside, scope="owner")
    path = f"{inside.ada.path}/invites/new@example.test"
    assert error(await inside.delete(path, as_=admin)) == FORBIDDEN
    assert (await inside.delete(path)).status_code == 200


@pytest.mark.parametrize("scope", ["chef", "", None, ["member"]])
async def test_an_invite_has_a_known_role(inside: Inside, scope: object):
    body = {"email": "new@example.test", "scope": scope}
    assert (await inside.post(f"{inside.ada.path}/invites", json=body)).status_code == 400
    assert (await inside.get(f"{inside.ada.path}/invites")).json() == {"invites": []}


async def test_a_member_of_another_project_does_not_exist(inside: Inside):
    path = f"{inside.ada.path}/members/{inside.eve.member.pk}"
    assert (await inside.delete(path)).status_code == 404
    assert (await inside.get(f"{path}/scopes")).status_code == 404
    assert (await inside.put(f"{path}/scopes", json={"scope": "member"})).status_code == 404
    assert (await inside.get("/v1/projects", as_=inside.eve)).status_code == 200
