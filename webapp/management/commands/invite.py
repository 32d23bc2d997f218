"""`manage.py invite`: an invitation from a shell. Its link is printed, and mailed if possible."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from management import mail
from management.models import Action, AuditEntry, Invitation
from webapp.management.commands.createperson import add_projects, checked_email, named_projects


class Command(BaseCommand):
    help = "Invite somebody. The link is printed once, and mailed with --mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--administrator", action="store_true", help="of the team")
        parser.add_argument("--days", type=int, default=7, help="for which the link works")
        parser.add_argument("--mail", action="store_true", help="mail the link, too")
        add_projects(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        invitation, token = Invitation.objects.invite(
            checked_email(options["email"]),
            days=options["days"],
            projects=named_projects(options["project"]),
            role=options["role"],
            is_administrator=options["administrator"],
        )
        AuditEntry.record(Action.PERSON_INVITED, subject=invitation.email)
        env = settings.ENV
        home = env.public_url or f"http://{env.host}:{env.port}"
        link = home + reverse("invitation", args=[token])
        self.stdout.write(f"Link for {invitation.email} (shown this once): {link}")
        if options["mail"]:
            sent = mail.has_server() and mail.send_invitation(invitation, link)
            self.stdout.write("Mailed." if sent else "Not mailed: set EARSHOT_EMAIL_URL.")
