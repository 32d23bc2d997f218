"""Credentials of self-hosted distributions, kept as records (docs/contract.md, 14.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import JsonResponse

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import DistributionCredentials, Project
from engine.scopes import SELF_HOSTED
from engine.views.lookup import find
from engine.wire.errors import bad_request, not_found
from engine.wire.options import choice, read_options, texts
from engine.wire.payloads import describe, optional, read_payload, text
from engine.wire.responses import timestamp
from engine.wire.schemas import MOMENT, TEXT, TEXTS, listing, record

_ITEM = record(
    member=record(member_id=TEXT, email=TEXT),
    distribution_credentials=record(
        distribution_credentials_id=TEXT, provider=TEXT, comment=TEXT, scopes=TEXTS, created=MOMENT
    ),
)


@dataclass(frozen=True)
class CredentialOptions:
    scopes: tuple[str, ...] = texts("`self-hosted:products` (all) or one product; repeatable.")
    provider: str = choice("Registry of the images.", "quay", default="quay")


@dataclass(frozen=True)
class NewCredentials:
    comment: str = optional(text(500), "Purpose of the credentials.", "")


@operation("project:read", tag="Self-hosted", answer=listing("distribution_credentials", _ITEM))
def list_credentials(request: ApiRequest, project: Project) -> JsonResponse:
    """List distribution credentials"""
    found = _credentials(project).order_by("-created")
    return JsonResponse({"distribution_credentials": [_shown(row) for row in found]})


@operation(
    "project:write",
    tag="Self-hosted",
    query=CredentialOptions,
    body=describe(NewCredentials),
    answer=_ITEM,
)
def make_credentials(request: ApiRequest, project: Project) -> JsonResponse:
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
    return JsonResponse(_shown(row))


@operation("project:read", tag="Self-hosted", answer=_ITEM)
def show_credentials(
    request: ApiRequest, project: Project, distribution_credentials_id: str
) -> JsonResponse:
    """Get distribution credentials"""
    return JsonResponse(_shown(_find(project, distribution_credentials_id)))


@operation("project:write", tag="Self-hosted", answer=_ITEM)
def delete_credentials(
    request: ApiRequest, project: Project, distribution_credentials_id: str
) -> JsonResponse:
    """Delete distribution credentials"""
    row = _find(project, distribution_credentials_id)
    shown = _shown(row)
    row.delete()
    return JsonResponse(shown)


def _credentials(project: Project) -> QuerySet[DistributionCredentials]:
    return project.distribution_credentials.select_related("member")


def _find(project: Project, key: str) -> DistributionCredentials:
    return find(_credentials(project), key, not_found("distribution credentials"))


def _shown(row: DistributionCredentials) -> dict[str, Any]:
    return {
        "member": {"member_id": str(row.member_id), "email": row.member.email},
        "distribution_credentials": {
            "distribution_credentials_id": str(row.distribution_credentials_id),
            "provider": row.provider,
            "comment": row.comment,
            "scopes": row.scopes,
            "created": timestamp(row.created),
        },
    }
