"""Sync of a connection's account: idempotent, resumable, done by one worker at a time.

A sync reads the projects and models of the connection, then each part of each project in turn.
It works for a limited time and continues where it stopped, in this process or another one. A
part that cannot be read is noted with the reason, and the others are still read.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from management.models import Connection, LostLease, Project, Sync, SyncPart, User
from management.models.syncs import RENEW_SECONDS
from management.servers.crypto import UnreadableKey
from management.servers.pacing import pause_seconds
from management.servers.speech import speech_client
from management.sync.catalog import read_models, read_projects
from management.sync.parts import PARTS, Part, Step
from management.sync.peaks import count_server
from speechclient import ServiceUnavailable, SpeechClient, SpeechError

logger = logging.getLogger(__name__)

SLICE_SECONDS = 60.0
PAUSE_SECONDS = 900.0
# Failures of the server in a row, in one sync, after which it is left alone.
MOST_FAILURES = 3
LACKS_SCOPE = "INSUFFICIENT_PERMISSIONS"
# Parts of a connection as a whole.
PROJECTS, MODELS, KEY = "projects", "models", "key"


def sync(connection: Connection, seconds: float = SLICE_SECONDS) -> bool:
    """Sync for about so long; return False when there is more to do now.

    True too when another worker is at it, or when the server is to be left alone for a while.
    """
    claimed = Sync.objects.claim(connection)
    if claimed is None:
        return True
    run = Run(claimed, seconds)
    return run.complete(run.work)


def sync_lists(connection: Connection) -> None:
    """Sync the projects and models of the connection alone; not while another worker is at it."""
    if claimed := Sync.objects.claim(connection):
        run = Run(claimed, 0)
        run.complete(run.read_lists)


class Run:
    """One worker's share of a sync."""

    client: SpeechClient

    def __init__(self, sync: Sync, seconds: float) -> None:
        self.sync = sync
        self.connection = sync.connection
        self.ends = time.monotonic() + seconds
        self.renewed = time.monotonic()
        self.failures = 0
        self.at = sync.position
        self.parts: dict[int | None, dict[str, SyncPart]] = {}

    def complete(self, work: Callable[[], bool]) -> bool:
        """Do ``work`` and release the sync; return what it returns, True when it failed."""
        try:
            with speech_client(self.connection) as self.client:
                return work()
        except LostLease:
            return True
        except (UnreadableKey, ValueError, SpeechError) as error:  # a ValueError: a bad address
            self.stop(error, getattr(error, "retry_after", None))
            return True
        finally:
            self.sync.release()

    def work(self) -> bool:
        """Return False when the time is over before the sync is complete."""
        if self.sync.position is None:
            self.read_lists()
            steps = self.projects().count() * len(PARTS)
            self.sync.hold(position=[0, ""], started_at=Now(), steps=steps, steps_done=0)
        for project, part in self.remaining():
            if time.monotonic() > self.ends:
                position = [project.pk, part.name]
                self.sync.hold(position=position, steps_done=self.sync.steps_done)
                return False
            self.read(project, part)
            self.pass_by(project, part)
        count_server(self.sync, self.renew)
        self.sync.hold(
            position=None,
            steps_done=self.sync.steps,
            finished_at=Now(),
            failures=0,
            retry_at=None,
            error="",
            request_id="",
        )
        self.connection.mark_seen()
        return True

    def read_lists(self) -> bool:
        """Read the projects and models of the connection. Raises ``SpeechError``."""
        read_projects(self.sync, self.client.projects())
        self.outcome(self.part(None, PROJECTS), None)
        part = self.part(None, MODELS)
        self.guarded(part, "", lambda: read_models(self.sync, self.client.models()))
        self.guarded(self.part(None, KEY), "", self.describe_key)
        if administrator := User.objects.first_administrator():
            Project.objects.give_owner_to_empty(administrator)
        self.connection.mark_seen()
        return True

    def describe_key(self) -> None:
        """Note which key this is: it is not to be deleted by mistake."""
        key = self.client.key()
        facts = {"api_key_id": key.api_key_id[:100], "key_scopes": list(key.scopes)}
        if any(getattr(self.connection, name) != value for name, value in facts.items()):
            Connection.objects.filter(pk=self.connection.pk).update(**facts)

    def projects(self) -> Any:
        return self.connection.projects.present().order_by("pk")

    def remaining(self) -> Iterator[tuple[Project, Part]]:
        """Yield the steps from the position on."""
        at, name = self.sync.position or [0, ""]
        for project in self.projects().filter(pk__gte=at).iterator():
            names = [part.name for part in PARTS]
            first = names.index(name) if project.pk == at and name in names else 0
            for part in PARTS[first:]:
                yield project, part

    def read(self, project: Project, part: Part) -> None:
        self.at = [project.pk, part.name]
        row = self.part(project, part.name)
        step = Step(self.sync, project, row, self.client.account(project.upstream_id))
        self.guarded(row, part.scope, lambda: part.read(step))

    def guarded(self, part: SyncPart, scope: str, read: Callable[[], None]) -> None:
        """Read a part and note its outcome. Raises what concerns the server or the key."""
        try:
            read()
        except SpeechError as error:
            self.outcome(part, error, scope)
            if state_of(error) == SyncPart.State.REJECTED and self.client.probe() == 401:
                raise  # the key was deleted meanwhile
            if isinstance(error, ServiceUnavailable):
                self.failures += 1
                # 429 and silence are about the server, other errors may be about this part.
                if error.status in (None, 429) or self.failures >= MOST_FAILURES:
                    raise
        else:
            self.failures = 0
            self.outcome(part, None)

    def outcome(self, part: SyncPart, error: SpeechError | None, scope: str = "") -> None:
        if error is None:
            part.note(
                self.sync, state=SyncPart.State.OK, status=None, scope="", error="", request_id=""
            )
            return
        state = state_of(error)
        part.note(
            self.sync,
            state=state,
            status=error.status,
            scope=scope if state == SyncPart.State.SCOPE else "",
            error=str(error),
            request_id=error.request_id or "",
        )

    def part(self, project: Project | None, name: str) -> SyncPart:
        """Return the row of a part. Those of a project are read at once.

        A part has a row from its first reading on. Raises ``LostLease``.
        """
        at = project.pk if project else None
        facts = {"connection": self.connection, "project": project}
        if at not in self.parts:
            self.parts = {at: {row.name: row for row in SyncPart.objects.filter(**facts)}}
        rows = self.parts[at]
        if name not in rows:
            try:
                with transaction.atomic():
                    rows[name] = SyncPart.objects.create(**facts, name=name)
            except IntegrityError:  # another worker has taken over and made it
                raise LostLease from None
        return rows[name]

    def pass_by(self, project: Project, part: Part) -> None:
        """Count the step, and write how far the sync has come when the lease has to be renewed."""
        self.sync.steps_done += 1
        self.renew(position=[project.pk, part.name], steps_done=self.sync.steps_done)

    def renew(self, **values: object) -> None:
        """Renew the lease and write ``values`` when it has to be renewed."""
        if time.monotonic() - self.renewed > RENEW_SECONDS:
            self.renewed = time.monotonic()
            self.sync.hold(**values)

    def stop(self, error: Exception, retry_after: float | None = None) -> None:
        """End the sync for now, with the reason; the next one continues at the same position."""
        failures = self.sync.failures + 1
        seconds = pause_seconds(failures, PAUSE_SECONDS, retry_after)
        self.sync.release(
            position=self.at,
            steps_done=self.sync.steps_done,
            failures=failures,
            retry_at=Now() + timedelta(seconds=seconds),
            failed_at=Now(),
            error=str(error),
            request_id=getattr(error, "request_id", None) or "",
        )
        self.connection.mark_failed(error)
        logger.warning("The account of %s was not synced: %s", self.connection, error)


def state_of(error: SpeechError) -> SyncPart.State:
    """Return the outcome that an error of a part stands for.

    A key without the scope gets 401 with a code of its own, or 403; another 401 is about the
    key: docs/contract.md, 1.5 and 3.3.
    """
    if error.status == 403 or error.code == LACKS_SCOPE:
        return SyncPart.State.SCOPE
    if error.status == 401:
        return SyncPart.State.REJECTED
    if error.status == 404:
        return SyncPart.State.ABSENT
    return SyncPart.State.FAILED
