"""Scopes: the permissions of keys and members (docs/contract.md, 1.5).

A scope is a name such as ``members:read:invites``. A shorter scope includes its longer
forms, and ``write`` includes the matching ``read``. A role stands for a set of scopes.
"""

from __future__ import annotations

from collections.abc import Iterable

MEMBER = frozenset(
    {"project:read", "project:write", "keys:read", "keys:write", "usage:read", "usage:write"}
)
ADMIN = MEMBER | {
    "members:read",
    "members:write",
    "admins:read",
    "admins:write",
    "owners:read",
    "billing:read",
}
OWNER = ADMIN | {
    "project:write:settings",
    "project:write:destroy",
    "owners:write",
    "billing:write",
    "self-hosted:products",
}
ROLES = {"member": MEMBER, "admin": ADMIN, "owner": OWNER}

# `project:write` of a member does not reach these: only a longer form names them.
_RESERVED = {"project:write:settings", "project:write:destroy"}

_CLASS_SCOPES = {
    f"{kind}:{action}"
    for kind in ("members", "admins", "owners")
    for action in (
        "read",
        "read:invites",
        "read:scopes",
        "write",
        "write:invites",
        "write:scopes",
        "write:kick",
    )
}
_PRODUCTS = ("api", "engine", "license-proxy", "dgtools", "billing", "hotpepper", "metrics-server")
SELF_HOSTED = frozenset(
    {"self-hosted:products", *(f"self-hosted:product:{product}" for product in _PRODUCTS)}
)
KNOWN = frozenset(OWNER | _CLASS_SCOPES | SELF_HOSTED | ROLES.keys())


def expand(scopes: Iterable[str]) -> frozenset[str]:
    """Roles replaced by what they stand for."""
    expanded: set[str] = set()
    for scope in scopes:
        expanded |= ROLES.get(scope, {scope})
    return frozenset(expanded)


def grants(scopes: Iterable[str], wanted: str) -> bool:
    """Return whether ``scopes`` (names or roles) allow ``wanted`` (a name)."""
    return any(_includes(scope, wanted) for scope in expand(scopes))


def grants_all(scopes: Iterable[str], wanted: Iterable[str]) -> bool:
    """Return whether a holder of ``scopes`` may grant ``wanted`` (names or roles) to others."""
    held = expand(scopes)
    return all(grants(held, scope) for scope in expand(wanted))


def role_of(scopes: Iterable[str]) -> str:
    """The class a member with these scopes belongs to: ``owners``, ``admins`` or ``members``."""
    held = expand(scopes)
    if grants(held, "owners:write"):
        return "owners"
    if grants(held, "members:write"):
        return "admins"
    return "members"


def _includes(held: str, wanted: str) -> bool:
    if held == wanted:
        return True
    if held == "self-hosted:products":
        return wanted.startswith("self-hosted:")
    if wanted in _RESERVED:
        return False
    if wanted.startswith(f"{held}:"):
        return True
    subject, _, rest = held.partition(":")
    if rest != "write" and not rest.startswith("write:"):
        return False
    readable = f"{subject}:read{rest.removeprefix('write')}"
    return wanted == readable or wanted.startswith(f"{readable}:")
