"""`manage.py search`: find recordings by what was said in them, for the library's operator."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError

from management.models import Project
from transcripts.readiness import READY_SECONDS, TABLES, wait_until_ready
from transcripts.search import BadSearch, Hit, Order, search_everything
from transcripts.terminal import take_every_name

PAGE_HITS = 100


class Command(BaseCommand):
    help = 'Search everything that was said: words, "phrases" and prefix*; one hit a line.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", nargs="+", help="words that an utterance must hold")
        parser.add_argument("--project", help="search this project alone: its name or id")
        parser.add_argument("--order", choices=get_args(Order), default="newest")
        parser.add_argument("--json", action="store_true", help="one JSON object a hit")
        parser.add_argument(
            "--limit", type=int, default=100, help="at most so many hits; 0 for all (default 100)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        take_every_name(sys.stdout, "utf-8" if options["json"] else None)
        if problem := wait_until_ready(self.stderr.write, READY_SECONDS, TABLES):
            raise CommandError(f"Earshot is not ready: {problem}. Is manage.py up running?")
        project = find_project(options["project"]) if options["project"] else None
        if options["limit"] < 0:
            raise CommandError(f"--limit is {options['limit']}; it is 0 or more.")
        query, limit = " ".join(options["query"]), options["limit"]
        show = as_json if options["json"] else self.as_line
        try:
            hits = every_hit(query, project, options["order"], self.stderr.write)
            shown = 0
            for hit in islice(hits, limit or None):
                self.stdout.write(show(hit))
                shown += 1
            self.stdout.flush()
            if limit and next(hits, None) is not None:
                self.stderr.write(f"There are more than {limit} results; --limit 0 shows all.")
        except BadSearch as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            # `search ... | head` has read enough; Python would complain when it closes stdout.
            sys.stdout = None
            return
        if not shown:
            self.stderr.write("No results.")

    def as_line(self, hit: Hit) -> str:
        """``title  0:12:05  Speaker 2: text`` with the marked words in bold on a terminal."""
        text = "".join(
            self.style.MIGRATE_HEADING(piece) if marked else piece for piece, marked in hit.excerpt
        )
        speaker = f"{hit.voice.name}: " if hit.voice else ""
        return f"{hit.title}  {clock(hit.start)}  {speaker}{text}"


def find_project(text: str) -> Project:
    """The project with this name, in any case, or this id."""
    projects = Project.objects.called(text)
    if len(projects) != 1:
        problem = "There is no project" if not projects else f"{len(projects)} projects are called"
        raise CommandError(f"{problem} {text!r}; use an id: {ids()}.")
    return projects[0]


def ids() -> str:
    return ", ".join(f"{project.upstream_id} ({project})" for project in Project.objects.all())


def every_hit(
    query: str, project: Project | None, order: Order, tell: Callable[[str], object]
) -> Iterator[Hit]:
    """All hits, fetched page by page; a hint of the search is told once."""
    cursor = None
    while True:
        results = search_everything(
            query, project=project, order=order, cursor=cursor, limit=PAGE_HITS
        )
        if results.hint:
            tell(results.hint)
        yield from results.hits
        cursor = results.cursor
        if cursor is None:
            return


def as_json(hit: Hit) -> str:
    fields = {
        "recording": hit.recording,
        "title": hit.title,
        "speaker": hit.speaker,
        "speaker_name": hit.voice.name if hit.voice else None,
        "start": hit.start,
        "end": hit.end,
        "text": hit.text,
    }
    return json.dumps(fields, ensure_ascii=False)


def clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
