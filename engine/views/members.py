"""Members, their scopes and invites (docs/contract.md, 14.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from msgspec import Meta

from engine.accounts.credentials import CREDENTIALS
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import AlreadyMember, LastOwner, Member, Project
from engine.scopes import KNOWN
from engine.views.lookup import find
from engine.wire import account as shapes
from engine.wire.errors import bad_request, insufficient_scope, not_found
from engine.wire.payloads import read_payload
from engine.wire.query import About
from engine.wire.reading import Trimmed
from engine.wire.shapes import Shape

Scope = Annotated[Trimmed, Meta(min_length=1, max_length=64)]


class ScopeChange(Shape):
    scope: Annotated[Scope, About("A role (`member`, `admin`, `owner`) or one scope.")]


class NewInvite(Shape):
    email: Annotated[
        Trimmed,
        Meta(min_length=3, max_length=254),
        About("E-mail address of the invited person."),
    ]
    scope: Annotated[Scope, About("The role they will have.")]


@operation("members:read", tag="Members")
def list_members(request: ApiRequest, project: Project) -> shapes.Members:
    """List members"""
    members = project.members.order_by("created")
    return shapes.Members(members=[_shown(member) for member in members])


@operation("members:write:kick", tag="Members")
def remove_member(request: ApiRequest, project: Project, member_id: str) -> shapes.Message:
    """Remove a member

    Their keys are rejected at once. Removing an admin or an owner needs the scope of that class;
    the last owner stays.
    """
    with transaction.atomic():
        member = _find_member(project, member_id)
        if not request.caller.may_manage(member.scopes, "write:kick"):
            raise insufficient_scope()
        with owner_remains():
            member.remove()
    CREDENTIALS.forget()
    return shapes.Message(message="Successfully removed member.")


@operation("members:read:scopes", tag="Members")
def list_scopes(request: ApiRequest, project: Project, member_id: str) -> shapes.Scopes:
    """List a member's scopes"""
    return shapes.Scopes(scopes=_find_member(project, member_id).scopes)


@operation("members:write:scopes", tag="Members", body=ScopeChange)
def change_scopes(request: ApiRequest, project: Project, member_id: str) -> shapes.Message:
    """Change a member's role

    It replaces what the member had, and bounds what every key of theirs may do.
    """
    caller = request.caller
    scopes = [_known(read_payload(ScopeChange, request.body.data).scope)]
    with transaction.atomic():
        member = _find_member(project, member_id)
        for affected in (member.scopes, scopes):
            if not caller.may_manage(affected, "write:scopes"):
                raise insufficient_scope()
        if not caller.may_grant(scopes):
            raise insufficient_scope()
        with owner_remains():
            member.change_scopes(scopes)
    CREDENTIALS.forget()
    return shapes.Message(message="Successfully updated member scopes.")


@operation("members:read:invites", tag="Members")
def list_invites(request: ApiRequest, project: Project) -> shapes.Invites:
    """List invites"""
    invites = project.invites.order_by("created").values("email", "scope")
    return shapes.Invites(invites=[shapes.Invite(**invite) for invite in invites])


@operation("members:write:invites", tag="Members", body=NewInvite)
def send_invite(request: ApiRequest, project: Project) -> shapes.Message:
    """Invite someone

    The engine sends no mail: its operator accepts for them with `python -m engine accept EMAIL`,
    which prints their first key.
    """
    caller = request.caller
    wanted = read_payload(NewInvite, request.body.data)
    try:
        validate_email(wanted.email)
    except ValidationError:
        raise bad_request(f"Bad Request: {wanted.email} is no e-mail address.") from None
    scope = _known(wanted.scope)
    if not (caller.may_manage([scope], "write:invites") and caller.may_grant([scope])):
        raise insufficient_scope()
    try:
        project.invite(wanted.email, scope)
    except AlreadyMember:
        raise bad_request(f"Bad Request: {wanted.email} is a member already.") from None
    return shapes.Message(message="Successfully sent project invite.")


@operation("members:write:invites", tag="Members")
def delete_invite(request: ApiRequest, project: Project, email: str) -> shapes.Message:
    """Withdraw an invite"""
    invite = project.invites.filter(email__iexact=email).first()
    if invite is None:
        raise not_found("invite")
    if not request.caller.may_manage([invite.scope], "write:invites"):
        raise insufficient_scope()
    invite.delete()
    return shapes.Message(message="Successfully deleted project invite.")


@contextmanager
def owner_remains() -> Iterator[None]:
    """Translate ``LastOwner`` to an ``ApiError`` (400)."""
    try:
        yield
    except LastOwner:
        raise bad_request("Bad Request: a project keeps at least one owner.") from None


def _find_member(project: Project, member_id: str) -> Member:
    return find(project.members.all(), member_id, not_found("member"))


def _known(scope: str) -> str:
    if scope not in KNOWN:
        raise bad_request(f"Bad Request: unknown scope {scope}.")
    return scope


def _shown(member: Member) -> shapes.Member:
    return shapes.Member(
        member_id=str(member.member_id),
        email=member.email,
        first_name=member.first_name,
        last_name=member.last_name,
        scopes=member.scopes,
    )
