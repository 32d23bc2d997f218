"""Changes of projects: at the speech server first, if it knows the project."""

from management.models import Project
from management.servers.key_changes import account_of


def rename_project(project: Project, name: str) -> None:
    """Give a project another name, at its server too.

    Raises ``NotChanged`` when the server rejects it: the next sync would restore the old name.
    """
    if not project.is_local and project.gone_at is None:
        with account_of(project) as account:
            account.rename(name)
    project.name = name
    project.save(update_fields=["name"])
