"""`manage.py setup`: what a first start needs, safe to run at every start."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from management.models import Project, User
from management.servers.environment_connection import NoServer, connect, mirror
from webapp.env import DEFAULT_ADMIN_EMAIL


class Command(BaseCommand):
    help = "Connect to the speech server, mirror its projects, make the first administrator."

    def handle(self, *args: Any, **options: Any) -> None:
        self.make_administrator()
        try:
            connection = connect()
        except NoServer as error:
            raise CommandError(str(error)) from error
        try:
            mirror(connection)
        except NoServer as error:
            # The library works without the server; the mirror task tries again by itself.
            self.stderr.write(f"The speech server does not respond. {error}")
        if administrator := User.objects.first_administrator():
            Project.objects.give_owner_to_empty(administrator)

    def make_administrator(self) -> None:
        """Make the first administrator, once: later starts change nobody's password."""
        if User.objects.filter(is_superuser=True).exists():
            return
        email = settings.ENV.admin_email or DEFAULT_ADMIN_EMAIL
        password = settings.ENV.admin_password or secrets.token_urlsafe(12)
        User.objects.create_superuser(email, password)
        self.stdout.write(f"Made the administrator {email}.")
        if not settings.ENV.admin_password:
            self.stdout.write(f"Password (shown this once): {password}")
