"""`manage.py replaycalls`: saved calls as a test suite of an agent."""

import json
import sys
import time
import uuid
from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from management.models import Project
from transcripts.agents.models import Agent, AgentVersion
from transcripts.agents.settings import UnfilledVariable, settings_of
from transcripts.calls.models import Call
from transcripts.queue.leases import OPEN_STATES, State
from transcripts.readiness import LIBRARY, READY_SECONDS, wait_until_ready
from transcripts.replays.models import SPEEDS, Replay, order_replay
from transcripts.terminal import take_every_name

POLL_SECONDS = 0.5
NO_WORKER_SECONDS = 300.0
WORDS = {
    State.QUEUED: "waiting",
    State.RUNNING: "talking",
    State.FAILED: "did not run",
    State.CANCELLED: "stopped",
}


class Command(BaseCommand):
    help = (
        "Replay saved calls against a version of an agent; the running worker does it. Without "
        "CALL: every call of the agent for which words are expected. Exits 1 when one is worse."
    )

    def create_parser(self, prog_name: str, subcommand: str, **named: Any) -> CommandParser:
        # Django's own --version prints that of Django.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **named)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("calls", nargs="*", type=read_id, metavar="CALL", help="id of a call")
        parser.add_argument("--agent", required=True, help="name or number")
        parser.add_argument("--project", help="name or number, if several have such an agent")
        parser.add_argument("--version", type=int, dest="number", help="default: the newest")
        parser.add_argument(
            "--expect",
            action="append",
            default=[],
            metavar="WORDS",
            help="words that a reply of each call must have; may be repeated",
        )
        parser.add_argument("--speed", type=int, choices=SPEEDS, default=1)
        parser.add_argument("--json", action="store_true", help="print one JSON object a call")

    def handle(self, *args: Any, **options: Any) -> None:
        take_every_name(sys.stdout, "utf-8" if options["json"] else None)
        if problem := wait_until_ready(self.stderr.write, READY_SECONDS, LIBRARY):
            raise CommandError(f"Earshot is not ready: {problem}. Is manage.py up running?")
        agent = find_agent(options["agent"], options["project"])
        version = find_version(agent, options["number"])
        calls = find_calls(agent, options["calls"])
        check_variables(version, calls)
        replays = [
            order_replay(
                call, version, call.owner, speed=options["speed"], expected=options["expect"]
            )
            for call in calls
        ]
        failed = 0
        for replay in finished(replays):
            failed += not replay.is_passed
            self.stdout.write(as_json(replay) if options["json"] else as_line(replay))
            self.stdout.flush()
        if failed:
            raise CommandError(f"{failed} of {len(replays)} calls failed.", returncode=1)
        self.stderr.write(f"{len(replays)} of {len(replays)} calls passed.")


def read_id(text: str) -> uuid.UUID:
    """Read the id of a call, alone or at the end of its address."""
    try:
        return uuid.UUID(text.rstrip("/").rpartition("/")[2])
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no id of a call") from error


def find_agent(text: str, project: str | None) -> Agent:
    agents = Agent.objects.active().select_related("project__connection")
    if project:
        agents = agents.filter(project__in=Project.objects.called(project))
    wanted = text.casefold()
    found = [each for each in agents if wanted in (each.name.casefold(), str(each.pk))]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{each.pk} ({each.name}, {each.project})" for each in found or agents)
    problem = f"{len(found)} agents are" if found else "There is no agent"
    raise CommandError(f"{problem} called {text!r}; use a number: {listed}.")


def find_version(agent: Agent, number: int | None) -> AgentVersion:
    try:
        return agent.version if number is None else agent.versions.get(number=number)
    except AgentVersion.DoesNotExist as error:
        raise CommandError(f"{agent} has no version {number}.") from error


def check_variables(version: AgentVersion, calls: list[Call]) -> None:
    """Raise ``CommandError`` where neither the version nor the call has a value."""
    for call in calls:
        try:
            settings_of(version, call.variables)
        except UnfilledVariable as error:
            raise CommandError(str(error)) from error


def find_calls(agent: Agent, ids: list[uuid.UUID]) -> list[Call]:
    """Return the calls to replay, those named or every one with expectations, oldest first."""
    calls = Call.objects.filter(project=agent.project, state=Call.State.ENDED)
    calls = calls.select_related("owner").order_by("created_at")
    if not ids:
        own = calls.filter(version__agent=agent).exclude(expectations=None).distinct()
        if not own:
            raise CommandError(
                f"No call with {agent} has words that are expected. Name calls by their id."
            )
        return list(own)
    found = {call.pk: call for call in calls.filter(pk__in=ids)}
    if missing := [str(each) for each in ids if each not in found]:
        raise CommandError(
            f"There is no ended call {', '.join(missing)} in the project {agent.project}."
        )
    return [found[each] for each in dict.fromkeys(ids)]


def finished(replays: list[Replay]) -> Iterator[Replay]:
    """Yield the replays as they end. Raises ``CommandError`` when no worker takes one."""
    waiting = {replay.pk for replay in replays}
    moved = time.monotonic()
    while waiting:
        rows = Replay.objects.filter(pk__in=waiting).select_related("version__agent", "call")
        ended = [row for row in rows.order_by("pk") if row.state not in OPEN_STATES]
        if ended or rows.filter(state=State.RUNNING).exists():
            moved = time.monotonic()
        for row in ended:
            waiting.remove(row.pk)
            yield row
        if waiting and time.monotonic() - moved > NO_WORKER_SECONDS:
            raise CommandError("No worker takes the replays. Is manage.py up running?")
        if waiting:
            time.sleep(POLL_SECONDS)


def as_line(replay: Replay) -> str:
    """``passed  6f0c…  1.42 s  Call with Orders`` and the problems under it."""
    state = WORDS.get(State(replay.state), "FAILED" if replay.problems else "passed")
    waits = [each.seconds for each in replay.exchanges if each.seconds is not None]
    mean = f"{sum(waits) / len(waits):.2f} s" if waits else "-"
    lines = [f"{state:<12} {replay.call_id}  {mean:>8}  {replay.call}"]
    lines += [f"             {each}" for each in [*replay.problems, replay.error] if each]
    return "\n".join(lines)


def as_json(replay: Replay) -> str:
    return json.dumps(
        {
            "call": str(replay.call_id),
            "replay": replay.pk,
            "agent": replay.version.agent.name,
            "version": replay.version.number,
            "passed": replay.is_passed,
            "problems": replay.problems,
            "error": replay.error,
            "exchanges": [
                {
                    "caller": each.caller,
                    "reply": each.reply,
                    "calls": [
                        {"name": call.name, "arguments": call.arguments, "response": call.response}
                        for call in each.calls
                    ],
                    "seconds": each.seconds,
                    "latencies": each.latencies,
                }
                for each in replay.exchanges
            ],
        },
        ensure_ascii=False,
    )
