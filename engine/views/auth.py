"""Short-lived tokens and the description of a key (docs/contract.md, 1.3 and 1.4)."""

from __future__ import annotations

from typing import Annotated

from engine.accounts.credentials import grant_token
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Key
from engine.scopes import MEMBER
from engine.wire import account as shapes
from engine.wire.errors import bad_json, forbidden
from engine.wire.payloads import read_payload
from engine.wire.query import About
from engine.wire.shapes import Shape, timestamp

SHORTEST_SECONDS, LONGEST_SECONDS = 1, 3600


class GrantRequest(Shape):
    ttl_seconds: Annotated[float, About("Lifetime of the token: 1 to 3600.")] = 30


@operation("", tag="Auth", body=GrantRequest)
def make_token(request: ApiRequest) -> shapes.Token:
    """Make a short-lived token

    Sent as `Authorization: Bearer`, it opens listen, speak, read and the agent, not the account.
    The calling key needs the role of a member: 403 otherwise.
    """
    caller = request.caller
    ttl = read_payload(GrantRequest, request.body.data).ttl_seconds
    if not SHORTEST_SECONDS <= ttl <= LONGEST_SECONDS:
        raise bad_json(f"ttl_seconds is {ttl:g}; it must be 1 to 3600")
    if caller.is_token or not caller.may_grant(sorted(MEMBER)):
        raise forbidden()
    return shapes.Token(access_token=grant_token(caller, ttl), expires_in=ttl)


@operation("", tag="Auth")
def show_token(request: ApiRequest) -> shapes.KeyDescription:
    """Describe the calling key"""
    caller = request.caller
    key = Key.objects.get(pk=caller.api_key_id)
    return shapes.KeyDescription(
        api_key_id=str(key.api_key_id),
        scopes=list(caller.scopes),
        created=timestamp(key.created),
        comment=key.comment,
        accessor=str(key.api_key_id),
    )
