"""People, the speech servers they use, and who may do what in which project."""

from management.models.audit import Action, AppendOnly, AuditEntry, AuditQuerySet
from management.models.catalog import Model
from management.models.connections import Connection, ConnectionQuerySet
from management.models.people import People, User
from management.models.projects import Membership, Project, ProjectQuerySet

__all__ = [
    "Action",
    "AppendOnly",
    "AuditEntry",
    "AuditQuerySet",
    "Connection",
    "ConnectionQuerySet",
    "Membership",
    "Model",
    "People",
    "Project",
    "ProjectQuerySet",
    "User",
]
