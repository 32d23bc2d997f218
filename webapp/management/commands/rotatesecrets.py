"""`manage.py rotatesecrets`: a new encryption key for the stored keys of other servers."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from management.keyfiles import UnusableKeyFile
from management.models import Connection
from management.servers import crypto
from transcripts.agents.models import Agent


class Command(BaseCommand):
    help = "Encrypt the keys of other servers with a new key, and drop the old one."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--keep", action="store_true", help="keep the old key, for a backup of the database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            crypto.add_key()
            with transaction.atomic():
                count = Connection.objects.encrypt_again() + Agent.objects.encrypt_again()
            if not options["keep"]:
                crypto.drop_old_keys()
        except (crypto.UnreadableKey, UnusableKeyFile) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Keys encrypted again: {count}.")
