"""`manage.py transcribe`: files into the library by the path of an upload, and their text out."""

import json
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from management.models import Project, User
from speechclient import InvalidOption
from transcripts import uploads
from transcripts.media.names import valid
from transcripts.media.storage import DiskFull
from transcripts.models import OPEN_STATES, Preset, Recording, State, Transcription
from transcripts.options import complete, from_pairs
from transcripts.progress import rows
from transcripts.readiness import LIBRARY, READY_SECONDS, wait_until_ready
from transcripts.terminal import take_every_name
from transcripts.text import captions
from transcripts.text.tokens import joined

POLL_SECONDS = 0.2
# A ring and a sweep of the worker both pass in less.
WORKER_SECONDS = 12.0
NO_WORKER_SECONDS = 300.0
BAR_WIDTH = 30


@dataclass
class Item:
    """A file of the command line and what has become of it."""

    path: str
    recording: Recording | None = None
    error: str = ""

    @property
    def shown(self) -> str:
        """The path as text: the bytes of a file name need not be UTF-8."""
        return valid(self.path)


class Command(BaseCommand):
    help = "Put files into the library and print their transcripts; the running worker does it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--project", help="name or number; default: the first project")
        parser.add_argument("--model", help="default: nova-3")
        parser.add_argument("--language", help="a tag such as en or pt-BR, or detect")
        parser.add_argument(
            "--feature",
            action="append",
            default=[],
            type=read_feature,
            metavar="NAME[=VALUE]",
            help="an option of the API, such as diarize, summarize or keyterm=Earshot; may be "
            "repeated; NAME=false switches off one of the project's preset",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object a file")
        parser.add_argument(
            "--wait",
            type=float,
            default=READY_SECONDS,
            metavar="SECONDS",
            help="how long to wait until Earshot is ready (default: %(default)s)",
        )

    def handle(self, *args: Any, **arguments: Any) -> None:
        take_every_name(sys.stdout, "utf-8" if arguments["json"] else None)
        if problem := wait_until_ready(self.stderr.write, arguments["wait"], LIBRARY):
            raise CommandError(f"Earshot is not ready: {problem}. Is manage.py up running?")
        try:
            project, owner = self.project(arguments["project"]), self.owner()
            options = self.options(arguments, project)
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(f"The database is not ready ({error}). Run manage.py up.") from error
        items = [Item(path) for path in arguments["files"]]
        for item in items:
            self.submit(item, project, owner, options)
        try:
            self.follow(items, arguments["json"])
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped waiting. The files stay in the library and are transcribed."
            ) from None
        if any(item.error for item in items):
            sys.exit(1)

    def options(self, arguments: dict[str, Any], project: Project) -> dict[str, Any]:
        """Return the given options merged into the project's default preset."""
        try:
            chosen = from_pairs(arguments["feature"])
            chosen |= {name: arguments[name] for name in ("model", "language") if arguments[name]}
            return complete(chosen, Preset.objects.defaults_of(project))
        except InvalidOption as error:
            raise CommandError(f"Invalid options: {error}.") from error

    def project(self, named: str | None) -> Project:
        projects = Project.objects.order_by("pk")
        if named is None:
            project = projects.first()
            if project is None:
                raise CommandError("There is no project yet. Run manage.py up, which makes one.")
            return project
        matches = projects.called(named)
        if len(matches) != 1:
            names = ", ".join(f"{each.name} ({each.pk})" for each in projects[:20])
            many = "Several projects are" if matches else "No project is"
            raise CommandError(f"{many} called {named!r}. There are: {names or 'none'}.")
        return matches[0]

    def owner(self) -> User:
        owner = User.objects.first_administrator()
        if owner is None:
            raise CommandError("There is no administrator yet. Run manage.py up, which makes one.")
        return owner

    def submit(self, item: Item, project: Project, owner: User, options: dict[str, Any]) -> None:
        """Store and queue one file; what is wrong with it is its own error."""
        path = Path(item.path)
        try:
            with path.open("rb") as file:
                upload = uploads.begin(owner, project, path.name, path.stat().st_size, options)
                try:
                    uploads.append(upload, 0, file)
                    item.recording = uploads.finish(upload, Recording.Source.COMMAND)
                except BaseException:
                    uploads.cancel(upload)
                    raise
        except OSError as error:
            item.error = error.strerror or str(error)
        except (uploads.Rejected, DiskFull) as error:
            item.error = str(error)

    def follow(self, items: Sequence[Item], as_json: bool) -> None:
        """Wait for each file in turn and print its transcript."""
        for item in items:
            if item.recording is not None:
                self.wait(item)
            self.print_item(item, as_json, len(items) > 1)

    def wait(self, item: Item) -> None:
        """Until the file has its transcript, has failed, or nobody works on anything."""
        recording = item.recording
        assert recording is not None
        bar = Bar(item.shown)
        last_active, is_reported = time.monotonic(), False
        while True:
            run = recording.transcription
            if run is None:
                item.error = "The recording was deleted."
            elif run.state in OPEN_STATES:
                if run.state == State.RUNNING or run.error or worker_is_busy():
                    last_active = time.monotonic()
                idle = time.monotonic() - last_active
                if idle < NO_WORKER_SECONDS:
                    if idle > WORKER_SECONDS and not is_reported:
                        bar.clear()
                        self.stderr.write("No worker has started on it. Is manage.py up running?")
                        is_reported = True
                    bar.show(recording)
                    time.sleep(POLL_SECONDS)
                    continue
                item.error = "No worker is running. The recording stays in the queue."
            elif run.state != State.DONE:
                request = f" (request {run.request_id})" if run.request_id else ""
                item.error = (run.error or run.get_state_display()) + request
            bar.clear()
            return

    def print_item(self, item: Item, as_json: bool, several: bool) -> None:
        recording = item.recording
        if recording and not item.error:
            recording.refresh_from_db()
        run = recording.finished_transcription if recording and not item.error else None
        if item.error:
            self.stderr.write(f"{item.shown}: {item.error}")
        for caution in run.cautions if run else ():
            self.stderr.write(f"{item.path}: {caution}", self.style.WARNING)
        if as_json:
            self.stdout.write(json.dumps(self.as_object(item, run), ensure_ascii=False))
        elif run:
            if several:
                self.stdout.write(f"== {item.shown}")
            for text in run.utterances.order_by("index").values_list("text", flat=True):
                self.stdout.write(text)
        self.stdout.flush()

    def as_object(self, item: Item, run: Transcription | None) -> dict[str, Any]:
        recording = item.recording
        members: dict[str, Any] = {
            "file": item.shown,
            "recording": recording.pk if recording else None,
            "request_id": run.request_id if run else None,
            "duration": recording.duration if recording else None,
        }
        if run is None:
            return members | {"error": item.error}
        utterances = captions.as_objects(list(run.utterances.order_by("index")), run.voices)
        text = joined([each["text"] for each in utterances])
        return members | {
            "language": run.language,
            "warnings": run.warnings,
            "transcript": text,
            "utterances": utterances,
        }


class Bar:
    """A line on the terminal about the file that is waited for; nothing elsewhere."""

    def __init__(self, path: str) -> None:
        self.name = Path(path).name[:30]
        self.shown = sys.stderr.isatty()

    def show(self, recording: Recording) -> None:
        progress = rows([recording])[0].progress if self.shown else None
        if progress is None:
            return
        bar = ""
        if progress.part is not None:
            full = round(progress.part * BAR_WIDTH)
            bar = f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] "
        print(f"\r\x1b[K{self.name}: {bar}{progress.words}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def worker_is_busy() -> bool:
    """Return whether a worker holds a lease, so that this file waits in the queue."""
    return Transcription.objects.leased().exists()


def read_feature(text: str) -> tuple[str, str]:
    """``NAME`` or ``NAME=VALUE``; the name alone switches a feature on."""
    name, equals, value = text.partition("=")
    if not name:
        raise ArgumentTypeError(f"{text!r} has no name; write NAME or NAME=VALUE")
    return name, value if equals else "true"
