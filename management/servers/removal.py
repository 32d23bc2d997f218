"""Removal of a speech server: its key is erased, its projects move or are archived."""

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models.functions import Now

from management.models import Connection, Mirrored, Project


def remove_connection(
    connection: Connection, moved: Iterable[Project] = (), to: Connection | None = None
) -> None:
    """Use a server no longer. ``moved`` are the projects that continue on the server ``to``.

    All others are archived: people read them and change nothing. The history of the account
    (requests, usage, costs) stays; what the server stores is marked as gone.
    """
    with transaction.atomic():
        for kind in Mirrored.__subclasses__():
            names = {field.name for field in kind._meta.get_fields()}
            of = "project__connection" if "project" in names else "connection"
            kind.objects.present().filter(**{of: connection}).update(gone_at=Now())
        if to is not None:
            for project in moved:
                continue_on(project, to)
        connection.projects.active().update(archived_at=Now())
        connection.projects.present().update(gone_at=Now())
        connection.forget()


def continue_on(project: Project, connection: Connection) -> None:
    """Let a project be one of the team alone, whose recordings go to another server."""
    project.connection, project.is_local = connection, True
    project.upstream_id, project.gone_at = f"local:{uuid.uuid4()}", None
    project.save()
