"""Bodies of every operation that changes the account, in process."""

from __future__ import annotations

from typing import Any

import pytest

from engine.gateway.openapi import operations
from engine.models import Invite, Key, Member, Project
from tests.engine.inprocess import Inside, error

ID = "8f4e0f7c-0000-4000-8000-000000000000"
NO_OBJECT = ['"text"', "5", "null", "[]", "{", '{"a": 1,}', '{"a": NaN}', "[" * 500]
# The work has bodies that are no JSON.
WORK = {"/v1/listen", "/v1/read", "/v1/speak", "/v2/speak"}


def changes() -> list[tuple[str, str]]:
    """Method and path of every operation with a JSON body, on Ada's project."""
    return [
        (method, path)
        for path, method, _, operation in operations()
        if operation.body is not None and path not in WORK
    ]


def address(inside: Inside, path: str) -> str:
    """``path`` with Ada's project and ids of nothing."""
    path = path.replace("{project_id}", str(inside.ada.project.pk))
    return "/".join(ID if part.startswith("{") else part for part in path.split("/"))


async def rows() -> list[int]:
    return [await model.objects.acount() for model in (Project, Member, Key, Invite)]


@pytest.mark.parametrize("body", NO_OBJECT)
async def test_a_body_that_is_no_object_changes_nothing(inside: Inside, body: str):
    before = await rows()
    for method, path in changes():
        response = await inside.request(method, address(inside, path), content=body.encode())
        assert response.status_code in (400, 404), path
    assert await rows() == before


@pytest.mark.parametrize("wrong", [5, [], {}, None, "x" * 300_000])
async def test_a_member_of_another_type_is_an_error_that_names_it(inside: Inside, wrong: Any):
    for path, member in (
        ("/keys", "comment"),
        ("/invites", "email"),
        ("/agents", "config"),
        ("/agent-variables", "key"),
    ):
        body = {"scopes": ["member"], "scope": "member", "value": 1} | {member: wrong}
        response = await inside.post(f"{inside.ada.path}{path}", json=body)
        status, _ = error(response)
        assert status == 400, path
        assert member in response.text.lower() or wrong == "x" * 300_000, path


async def test_members_that_are_unknown_are_ignored(inside: Inside):
    body = {"comment": "For the lab", "scopes": ["member"], "colour": "green"}
    assert (await inside.post(f"{inside.ada.path}/keys", json=body)).status_code == 200
    body = {"email": "new@example.test", "scope": "member", "colour": "green"}
    assert (await inside.post(f"{inside.ada.path}/invites", json=body)).status_code == 200
