"""Parts of a project's account: what is read, the scope it needs, and the rows it becomes.

Text of the server is cut to the size of its column. A field that is missing, null or of
another type has its default; an entry without an id is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from management.models import (
    AgentConfiguration,
    AgentVariable,
    Balance,
    Invite,
    Key,
    Member,
    Project,
    Purchase,
    SelfHostedCredential,
    Sync,
    SyncPart,
)
from management.sync import ledger, sums
from management.sync.rows import Listed, reconcile
from speechclient import AccountClient
from speechclient import account as shapes

ID = 100
MOST_PURCHASES = 1000


@dataclass(frozen=True)
class Step:
    """One part of one project, about to be read."""

    sync: Sync
    project: Project
    part: SyncPart
    account: AccountClient


@dataclass(frozen=True)
class Part:
    """A part of a project's account. ``read`` mirrors it and raises ``SpeechError``."""

    name: str
    label: str
    scope: str
    read: Callable[[Step], None]


def mirrored(
    kind: Any, key: str, entries: Callable[[AccountClient], Listed]
) -> Callable[[Step], None]:
    """Return a reader of a list whose rows are of ``kind``, a ``Mirrored`` model of a project."""

    def read(step: Step) -> None:
        rows = kind.objects.filter(project=step.project)
        listed = {name: values for name, values in entries(step.account).items() if name}
        reconcile(rows, key, listed, step.sync.hold, project=step.project)

    return read


def keys(account: AccountClient) -> Listed:
    listed = account.keys()
    return {key.api_key.api_key_id[:ID]: key_fields(key) for key in listed}


def key_fields(key: shapes.Key) -> dict[str, Any]:
    record, member = key.api_key, key.member
    return {
        "comment": record.comment,
        "scopes": list(record.scopes),
        "tags": list(record.tags),
        "created": record.created,
        "expiration": record.expiration_date,
        "member_id": member.member_id[:ID],
        "email": member.email[:254],
    }


def members(account: AccountClient) -> Listed:
    return {
        member.member_id[:ID]: {
            "email": member.email[:254],
            "first_name": member.first_name[:150],
            "last_name": member.last_name[:150],
            "scopes": list(member.scopes),
        }
        for member in account.members()
    }


def invites(account: AccountClient) -> Listed:
    return {invite.email[:254]: {"scope": invite.scope[:100]} for invite in account.invites()}


def balances(account: AccountClient) -> Listed:
    return {
        balance.balance_id[:ID]: {
            "amount": balance.amount,
            "units": balance.units[:20],
            "purchase_order_id": balance.purchase_order_id[:ID],
        }
        for balance in account.balances()
    }


def purchases(account: AccountClient) -> Listed:
    return {
        purchase.order_id[:ID]: {
            "created": purchase.created,
            "expiration": purchase.expiration,
            "amount": purchase.amount,
            "units": purchase.units[:20],
            "order_type": purchase.order_type[:100],
        }
        for purchase in account.purchases(MOST_PURCHASES)
    }


def agents(account: AccountClient) -> Listed:
    return {
        agent.agent_id[:ID]: {
            "created_at": agent.created_at,
            "updated_at": agent.updated_at,
            "config": agent.config,
            "metadata": agent.metadata,
        }
        for agent in account.agents()
    }


def variables(account: AccountClient) -> Listed:
    return {
        variable.variable_id[:ID]: {
            "key": variable.key[:200],
            "value": None if variable.is_sensitive else variable.value,
            "is_sensitive": variable.is_sensitive,
            "created_at": variable.created_at,
            "updated_at": variable.updated_at,
        }
        for variable in account.agent_variables()
    }


def credentials(account: AccountClient) -> Listed:
    listed = account.distribution_credentials()
    return {
        entry.distribution_credentials.distribution_credentials_id[:ID]: {
            "comment": entry.distribution_credentials.comment,
            "scopes": list(entry.distribution_credentials.scopes),
            "provider": entry.distribution_credentials.provider[:100],
            "created": entry.distribution_credentials.created,
            "member_id": entry.member.member_id[:ID],
            "email": entry.member.email[:254],
        }
        for entry in listed
    }


def requests(step: Step) -> None:
    ledger.read(step.sync, step.project, step.part, step.account)


def usage(step: Step) -> None:
    sums.read_usage(step.sync, step.project, step.account)


def costs(step: Step) -> None:
    sums.read_costs(step.sync, step.project, step.account)


def usage_fields(step: Step) -> None:
    """Lists that have no table of their own: names of models, methods and features."""
    fields = step.account.usage_fields()
    facts = {
        "models": {model.model_id: model.name for model in fields.models},
        "methods": list(fields.processing_methods),
        "features": list(fields.features),
        "tags": list(fields.tags),
    }
    step.part.note(step.sync, facts=facts)


def billing_fields(step: Step) -> None:
    fields = step.account.billing_fields()
    facts = {
        "line_items": fields.line_items,
        "deployments": list(fields.deployments),
        "tags": list(fields.tags),
    }
    step.part.note(step.sync, facts=facts)


# In the order in which they are read. Scopes: docs/contract.md, 1.5.
PARTS = (
    Part("keys", "Keys", "keys:read", mirrored(Key, "api_key_id", keys)),
    Part("members", "Members", "members:read", mirrored(Member, "member_id", members)),
    Part("invites", "Invites", "members:read:invites", mirrored(Invite, "email", invites)),
    Part("usage_fields", "Fields of usage", "usage:read", usage_fields),
    Part("usage", "Usage", "usage:read", usage),
    Part("requests", "Requests", "usage:read", requests),
    Part("balances", "Balances", "billing:read", mirrored(Balance, "balance_id", balances)),
    Part("purchases", "Purchases", "billing:read", mirrored(Purchase, "order_id", purchases)),
    Part("billing_fields", "Fields of costs", "billing:read", billing_fields),
    Part("costs", "Costs", "billing:read", costs),
    Part(
        "agents",
        "Agent configurations",
        "project:read",
        mirrored(AgentConfiguration, "agent_id", agents),
    ),
    Part(
        "variables",
        "Agent variables",
        "project:read",
        mirrored(AgentVariable, "variable_id", variables),
    ),
    Part(
        "credentials",
        "Self-hosted credentials",
        "project:read",
        mirrored(SelfHostedCredential, "credentials_id", credentials),
    ),
)
