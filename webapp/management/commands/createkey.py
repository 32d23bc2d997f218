"""`manage.py createkey`: an API key of the speech account, its value printed once."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from management.models import Action, AuditEntry, Project
from management.servers.key_changes import NotChanged, create_key
from management.servers.scopes import CHOICES, SPEECH


class Command(BaseCommand):
    help = "Create an API key at the speech server and print its value, which is not stored."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", help="the program that will use the key")
        parser.add_argument("--project", help="name or id; needed when there are several")
        parser.add_argument(
            "--scope", action="append", metavar="SCOPE", dest="scopes",
            choices=[value for value, _, _ in CHOICES], help=f"default: {SPEECH}",
        )  # fmt: skip
        parser.add_argument("--tag", action="append", default=[], dest="tags", metavar="TAG")
        parser.add_argument("--days", type=int, help="until it expires; never without it")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        days = options["days"]
        if days is not None and not 0 < days < 36500:
            raise CommandError(f"--days is {days}; it is 1 or more.")
        expiration = timezone.now() + timedelta(days=days) if days else None
        try:
            key, value = create_key(
                project, None, options["name"], options["scopes"] or [SPEECH], options["tags"],
                expiration,
            )  # fmt: skip
        except NotChanged as error:
            raise CommandError(str(error)) from error
        AuditEntry.record(
            Action.KEY_CREATED, subject=key.label, project=project, key=key.api_key_id,
            scopes=key.scopes,
        )  # fmt: skip
        if options["json"]:
            facts = {"api_key_id": key.api_key_id, "key": value, "scopes": key.scopes}
            self.stdout.write(json.dumps(facts))
        else:
            self.stdout.write(value)


def find_project(text: str | None) -> Project:
    """The project of this name or id; without one the only project."""
    projects = Project.objects.present().select_related("connection")
    found = projects.called(text) if text else list(projects[:2])
    if len(found) != 1:
        raise CommandError(f"Name one project with --project: {', '.join(map(str, projects))}.")
    return found[0]
