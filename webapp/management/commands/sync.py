"""`manage.py sync`: mirror the speech accounts now, in this process, with progress."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from management.models import Connection, Sync, SyncPart
from management.servers.environment_connection import NoServer, connect
from management.sync.runs import sync

SLICE_SECONDS = 5.0


class Command(BaseCommand):
    help = "Mirror the accounts of the speech servers; exits with 1 when one could not be read."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--server", help="only the server with this name or id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            connect()
        except NoServer as error:
            self.stderr.write(str(error))
        connections = list(Connection.objects.active().order_by("pk"))
        if wanted := options["server"]:
            connections = [each for each in connections if wanted in (each.name, str(each.pk))]
        if not connections:
            raise CommandError("There is no such server.")
        failed = [each for each in connections if not self.mirror(each)]
        if failed:
            raise CommandError(f"Not mirrored: {', '.join(map(str, failed))}.")

    def mirror(self, connection: Connection) -> bool:
        """Sync to the end; return whether that succeeded."""
        while not sync(connection, SLICE_SECONDS):
            state = Sync.objects.get(connection=connection)
            self.stdout.write(f"{connection}: {state.steps_done} of {state.steps} parts")
        state = Sync.objects.get(connection=connection)
        if state.lease_until is not None:
            self.stderr.write(f"{connection}: a worker is syncing it already.")
            return True
        if state.error:
            tail = f" (request id {state.request_id})" if state.request_id else ""
            self.stderr.write(f"{connection}: {state.error}{tail}")
            return False
        self.report_gaps(connection)
        projects = connection.projects.present().count()
        self.stdout.write(f"{connection}: {projects} projects mirrored.")
        return True

    def report_gaps(self, connection: Connection) -> None:
        parts = SyncPart.objects.filter(connection=connection).select_related("project")
        for part in parts.exclude(state=SyncPart.State.OK).order_by("pk"):
            where = f" of {part.project}" if part.project else ""
            why = f"the key lacks {part.scope}" if part.scope else part.error
            self.stderr.write(f"{part.name}{where}: {why}")
