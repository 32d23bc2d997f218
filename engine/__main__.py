"""``python -m engine``: start the engine in the box, or do an operator's errand.

python -m engine                    migrate, make the root key, warm the models, serve
python -m engine accept EMAIL       make an invited person a member; prints their first key
python -m engine credit AMOUNT      record a purchase of dollars (or --units hour)
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable

from engine.accounts.keyfiles import read_or_make
from engine.env import Environment, Misconfigured, read_environment
from engine.runtime.memory import share_heap

logger = logging.getLogger("engine")

_TURN_SECONDS = 0.001  # for a thread of Python when another one waits; 5 ms by default


def main() -> None:
    os.umask(0o077)  # recordings, databases and keys are for this user alone
    arguments = _parse(sys.argv[1:])
    try:
        arguments.errand(read_environment(os.environ), arguments)
    except Misconfigured as error:
        sys.exit(f"The engine cannot start: {error}")


def serve(environment: Environment, arguments: argparse.Namespace) -> None:
    share_heap()
    sys.setswitchinterval(_TURN_SECONDS)  # the event loop waits a turn or two for each step
    prepare(environment)
    _check_port(environment)

    import uvicorn

    from engine.asgi import application, service
    from engine.consumers.protocol import HttpProtocol, Protocol

    service.warm()
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            host=environment.host,
            port=environment.port,
            loop="uvloop",
            http=HttpProtocol,
            ws=Protocol,
            ws_max_size=2 << 20,
            ws_per_message_deflate=False,
            # A client that is far ahead is not read for a while, its pongs neither; one that has
            # gone is found by the sockets' own silence.
            ws_ping_timeout=None,
            log_config=None,
            access_log=False,
            server_header=False,
            # Calls that are still under way then are cancelled: who sent them tries again.
            timeout_graceful_shutdown=5,
        )
    )
    logger.info("serving on http://%s:%d", environment.host, environment.port)
    server.run()
    if not server.started:
        sys.exit("The engine could not start; see the lines above.")


def prepare(environment: Environment) -> None:
    """Make what is missing: the folder, the secret, the tables, the first project and its key."""
    try:
        environment.data.mkdir(parents=True, exist_ok=True)
        if environment.data.stat().st_mode & 0o077:
            environment.data.chmod(0o700)
        os.environ["ENGINE_SECRET_KEY"] = environment.secret_key or read_or_make(
            environment.data / "engine.secret", lambda: secrets.token_urlsafe(48)
        )
    except OSError as error:
        raise Misconfigured(
            f"{environment.data} cannot be written ({error.strerror}); "
            "set EARSHOT_DATA to a folder that can."
        ) from error

    os.environ["DJANGO_SETTINGS_MODULE"] = "engine.settings"
    import django
    from django.core.management import call_command
    from django.db import Error, connection

    django.setup()
    try:
        call_command("migrate", verbosity=0)
    except Error as error:
        raise Misconfigured(
            f"the database cannot be used ({str(error).strip()}); set ENGINE_DATABASE_URL."
        ) from error
    from engine.accounts.setup import ensure_root_key

    ensure_root_key(environment.data / "engine.key", environment.project_id)
    connection.close()


def accept(environment: Environment, arguments: argparse.Namespace) -> None:
    prepare(environment)
    from engine.accounts.setup import accept_invite
    from engine.models import Invite

    try:
        key = accept_invite(arguments.email, arguments.project)
    except Invite.DoesNotExist:
        sys.exit(f"There is no invitation for {arguments.email}.")
    sys.stdout.write(f"{key}\n")


def credit(environment: Environment, arguments: argparse.Namespace) -> None:
    prepare(environment)
    from engine.models import Project

    projects = Project.objects.order_by("created")
    if arguments.project:
        projects = projects.filter(pk=arguments.project)
    project = projects.first()
    if project is None:
        sys.exit(f"There is no project {arguments.project}.")
    balance = project.add_credit(arguments.amount, arguments.units)
    sys.stdout.write(f"{balance.balance_id}\n")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine", description="The engine in the box.")
    parser.set_defaults(errand=serve)
    errands = parser.add_subparsers(metavar="ERRAND")

    def add(name: str, about: str, errand: Callable[..., None]) -> argparse.ArgumentParser:
        subparser = errands.add_parser(name, help=about)
        subparser.set_defaults(errand=errand)
        subparser.add_argument("--project", help="the id of a project; the first by default")
        return subparser

    add("accept", "make an invited person a member", accept).add_argument("email")
    credit_parser = add("credit", "record a purchase", credit)
    credit_parser.add_argument("amount", type=float)
    credit_parser.add_argument("--units", choices=["usd", "hour"], default="usd")
    return parser.parse_args(arguments)


def _check_port(environment: Environment) -> None:
    """Before the models are loaded: a second engine should not take a minute to fail."""
    family = socket.AF_INET6 if ":" in environment.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.host, environment.port))
        except OSError as error:
            raise Misconfigured(
                f"{environment.host}:{environment.port} cannot be listened on "
                f"({error.strerror}); set HOST and ENGINE_PORT to another address."
            ) from error


if __name__ == "__main__":
    main()
