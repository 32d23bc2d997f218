"""Scopes of the operations (docs/contract.md, 1.5): each needs its own, and no other helps."""

from __future__ import annotations

from typing import Any

import pytest

from engine.gateway.openapi import operations
from engine.runtime.database import in_database
from tests.engine.inprocess import FORBIDDEN, Inside, error, make_holder

ID = "8f4e0f7c-0000-4000-8000-000000000000"
CREDENTIALS = "/self-hosted/distribution/credentials"
# The scope, the method and the path after that of the project.
SCOPES = [
    ("project:read", "GET", ""),
    ("project:read", "GET", "/models"),
    ("project:read", "GET", f"/models/{ID}"),
    ("project:read", "GET", "/agents"),
    ("project:read", "GET", f"/agents/{ID}"),
    ("project:read", "GET", "/agent-variables"),
    ("project:read", "GET", f"/agent-variables/{ID}"),
    ("project:read", "GET", CREDENTIALS),
    ("project:read", "GET", f"{CREDENTIALS}/{ID}"),
    ("project:write", "PATCH", ""),
    ("project:write", "POST", "/agents"),
    ("project:write", "PUT", f"/agents/{ID}"),
    ("project:write", "DELETE", f"/agents/{ID}"),
    ("project:write", "POST", "/agent-variables"),
    ("project:write", "PATCH", f"/agent-variables/{ID}"),
    ("project:write", "DELETE", f"/agent-variables/{ID}"),
    ("project:write", "POST", CREDENTIALS),
    ("project:write", "DELETE", f"{CREDENTIALS}/{ID}"),
    ("project:write:destroy", "DELETE", ""),
    ("keys:read", "GET", "/keys"),
    ("keys:read", "GET", f"/keys/{ID}"),
    ("keys:write", "POST", "/keys"),
    ("keys:write", "DELETE", f"/keys/{ID}"),
    ("members:read", "GET", "/members"),
    ("members:write:kick", "DELETE", f"/members/{ID}"),
    ("members:read:scopes", "GET", f"/members/{ID}/scopes"),
    ("members:write:scopes", "PUT", f"/members/{ID}/scopes"),
    ("members:read:invites", "GET", "/invites"),
    ("members:write:invites", "POST", "/invites"),
    ("members:write:invites", "DELETE", "/invites/new@example.test"),
    ("usage:read", "GET", "/requests"),
    ("usage:read", "GET", f"/requests/{ID}"),
    ("usage:read", "GET", "/usage"),
    ("usage:read", "GET", "/usage/fields"),
    ("usage:read", "GET", "/usage/breakdown"),
    ("billing:read", "GET", "/balances"),
    ("billing:read", "GET", f"/balances/{ID}"),
    ("billing:read", "GET", "/purchases"),
    ("billing:read", "GET", "/billing/breakdown"),
    ("billing:read", "GET", "/billing/fields"),
]
OTHERS = {scope for scope, _, _ in SCOPES} | {"usage:write", "self-hosted:products"}


def includes(held: str, needed: str) -> bool:
    """Return whether ``held`` is ``needed``, a shorter form of it, or the write of its read."""
    if held == "project:write" and needed == "project:write:destroy":
        return False
    forms = {needed, needed.replace(":read", ":write", 1)}
    return any(form == held or form.startswith(f"{held}:") for form in forms)


@pytest.mark.parametrize(("scope", "method", "path"), SCOPES)
async def test_an_operation_needs_its_scope(inside: Inside, scope: str, method: str, path: str):
    async def call(*scopes: str) -> Any:
        name = f"holder-of-{len(scopes)}"
        holder = await in_database(make_holder, inside.ada.project, name, *scopes)
        return await inside.request(method, f"{inside.ada.path}{path}", as_=holder, json={})

    others = sorted(held for held in OTHERS if not includes(held, scope))
    assert error(await call(*others)) == FORBIDDEN
    response = await call(scope)
    assert response.status_code in (200, 400, 404), response.text


@pytest.mark.usefixtures("inside")
def test_every_operation_of_a_project_is_in_the_table():
    prefix = "/v1/projects/{project_id}"
    declared = {
        (operation.scope, method, path.removeprefix(prefix).count("/"))
        for path, method, _, operation in operations()
        if path.startswith(prefix) and operation.scope
    }
    assert declared == {(scope, method, path.count("/")) for scope, method, path in SCOPES}
