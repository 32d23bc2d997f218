"""Credentials of self-hosted distributions, kept as records (docs/contract.md, 14.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from django.db.models import QuerySet
from msgspec import Meta

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import DistributionCredentials, Project
from engine.scopes import SELF_HOSTED
from engine.views.lookup import find
from engine.wire import account as shapes
from engine.wire.errors import bad_request, not_found
from engine.wire.options import Texts
from engine.wire.payloads import read_payload
from engine.wire.query import About, read_options
from engine.wire.reading import Trimmed
from engine.wire.shapes import Shape, timestamp


@dataclass(frozen=True)
class CredentialOptions:
    scopes: Annotated[Texts, About("`self-hosted:products` (all) or one product; repeatable.")] = ()
    provider: Annotated[Literal["quay"], About("Registry of the images.")] = "quay"


class NewCredentials(Shape):
    comment: Annotated[Trimmed, Meta(max_length=500), About("Purpose of the credentials.")] = ""


@operation("project:read", tag="Self-hosted")
def list_credentials(request: ApiRequest, project: Project) -> shapes.CredentialsList:
    """List distribution credentials"""
    rows = _credentials(project).order_by("-created")
    return shapes.CredentialsList(distribution_credentials=[_shown(row) for row in rows])


@operation(
    "project:write",
    tag="Self-hosted",
    query=CredentialOptions,
    body=NewCredentials,
)
def make_credentials(request: ApiRequest, project: Project) -> shapes.CredentialsItem:
    """Make distribution credentials"""
    options = read_options(CredentialOptions, request.query)
    scopes = options.scopes or ("self-hosted:products",)
    unknown = [scope for scope in scopes if scope not in SELF_HOSTED]
    if unknown:
        raise bad_request(f"Bad Request: unknown scope {unknown[0]}.")
    row = project.distribution_credentials.create(
        member=project.members.get(pk=request.caller.member_id),
        provider=options.provider,
        comment=read_payload(NewCredentials, request.body.data).comment,
        scopes=list(scopes),
    )
    return _shown(row)


@operation("project:read", tag="Self-hosted")
def show_credentials(
    request: ApiRequest, project: Project, distribution_credentials_id: str
) -> shapes.CredentialsItem:
    """Get distribution credentials"""
    return _shown(_find(project, distribution_credentials_id))


@operation("project:write", tag="Self-hosted")
def delete_credentials(
    request: ApiRequest, project: Project, distribution_credentials_id: str
) -> shapes.CredentialsItem:
    """Delete distribution credentials"""
    row = _find(project, distribution_credentials_id)
    shown = _shown(row)
    row.delete()
    return shown


def _credentials(project: Project) -> QuerySet[DistributionCredentials]:
    return project.distribution_credentials.select_related("member")


def _find(project: Project, key: str) -> DistributionCredentials:
    return find(_credentials(project), key, not_found("distribution credentials"))


def _shown(row: DistributionCredentials) -> shapes.CredentialsItem:
    return shapes.CredentialsItem(
        member=shapes.MemberName(member_id=str(row.member_id), email=row.member.email),
        distribution_credentials=shapes.DistributionCredentials(
            distribution_credentials_id=str(row.distribution_credentials_id),
            provider=row.provider,
            comment=row.comment,
            scopes=row.scopes,
            created=timestamp(row.created),
        ),
    )
