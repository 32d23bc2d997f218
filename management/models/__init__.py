"""People, the speech servers they use, who may do what, and the mirror of the speech account."""

from management.models.audit import Action, AppendOnly, AuditEntry, AuditQuerySet
from management.models.budgets import Budget, OverBudget, Reservation
from management.models.catalog import Model, NamedChoice, Purpose, model_of, named_choices
from management.models.connections import Connection, ConnectionQuerySet
from management.models.invitations import Invitation, InvitationQuerySet
from management.models.keys import Key, KeyQuerySet
from management.models.ledger import Request, RequestQuerySet
from management.models.lookups import Among
from management.models.members import Invite, Member
from management.models.mirrored import Mirrored, MirroredQuerySet
from management.models.money import Balance, Purchase
from management.models.people import LastAdministrator, LastOwner, People, User
from management.models.prices import Charge, Price, PriceList, Work
from management.models.projects import Membership, Project, ProjectQuerySet
from management.models.stored import AgentConfiguration, AgentVariable, SelfHostedCredential
from management.models.sums import (
    CostDay,
    CostMonth,
    Daily,
    PeakDay,
    ServerPeakDay,
    UsageDay,
    UsageMonth,
)
from management.models.syncs import LostLease, Sync, SyncPart
from management.models.tags import UsedTag
from management.models.tokens import Token, TokenQuerySet

__all__ = [
    "Action",
    "AgentConfiguration",
    "AgentVariable",
    "Among",
    "AppendOnly",
    "AuditEntry",
    "AuditQuerySet",
    "Balance",
    "Budget",
    "Charge",
    "Connection",
    "ConnectionQuerySet",
    "CostDay",
    "CostMonth",
    "Daily",
    "Invitation",
    "InvitationQuerySet",
    "Invite",
    "Key",
    "KeyQuerySet",
    "LastAdministrator",
    "LastOwner",
    "LostLease",
    "Member",
    "Membership",
    "Mirrored",
    "MirroredQuerySet",
    "Model",
    "NamedChoice",
    "OverBudget",
    "PeakDay",
    "People",
    "Price",
    "PriceList",
    "Project",
    "ProjectQuerySet",
    "Purchase",
    "Purpose",
    "Request",
    "RequestQuerySet",
    "Reservation",
    "SelfHostedCredential",
    "ServerPeakDay",
    "Sync",
    "SyncPart",
    "Token",
    "TokenQuerySet",
    "UsageDay",
    "UsageMonth",
    "UsedTag",
    "User",
    "Work",
    "model_of",
    "named_choices",
]
