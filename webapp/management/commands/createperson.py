"""`manage.py createperson`: an account from a shell, with a password that is shown once."""

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from management.models import Action, AuditEntry, Membership, Project, User


class Command(BaseCommand):
    help = "Make an account. The password is printed once; its owner changes it after signing in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="full name")
        parser.add_argument("--administrator", action="store_true", help="of the team")
        add_projects(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        email = checked_email(options["email"])
        projects = named_projects(options["project"])
        password = secrets.token_urlsafe(12)
        facts = {"is_superuser": options["administrator"], "is_staff": options["administrator"]}
        with transaction.atomic():
            user = User.objects.create_user(email, password, first_name=options["name"], **facts)
            for project in projects:
                project.set_role(user, options["role"])
            AuditEntry.record(Action.PERSON_CREATED, subject=user.email)
        self.stdout.write(f"Made the account of {user.email}.")
        self.stdout.write(f"Password (shown this once): {password}")


def add_projects(parser: CommandParser) -> None:
    """Add the options that put somebody into projects."""
    parser.add_argument(
        "--project", action="append", default=[], help="name or id; may be given several times"
    )
    parser.add_argument(
        "--role",
        choices=Membership.Role.values,
        default=Membership.Role.MEMBER.value,
        help="in these projects (default: member)",
    )


def checked_email(text: str) -> str:
    """Return the address, or raise ``CommandError`` when it is none or has an account."""
    try:
        validate_email(text)
    except ValidationError:
        raise CommandError(f"{text!r} is not an e-mail address.") from None
    if User.objects.filter(email__iexact=text).exists():
        raise CommandError(f"There is an account with the address {text} already.")
    return text


def named_projects(names: list[str]) -> list[Project]:
    """Return the projects of these names or ids, or raise ``CommandError`` for one that is none."""
    projects: list[Project] = []
    for name in names:
        found = Project.objects.called(name)
        if len(found) != 1:
            problem = "no project" if not found else f"{len(found)} projects"
            raise CommandError(f"There is {problem} called {name!r}.")
        projects += found
    return projects
