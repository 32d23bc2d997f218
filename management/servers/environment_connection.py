"""Connection that the environment names, and the first look at its account."""

from urllib.parse import urlsplit

from django.conf import settings

from management.models import Connection
from management.sync.runs import sync_lists


class NoServer(Exception):
    """The speech server cannot be reached, or is not there yet; the message says why."""


def connect() -> Connection:
    """The connection that the environment names, made or brought up to date.

    Raises ``NoServer`` while the engine in the box has not made its key.
    """
    env = settings.ENV
    if env.uses_engine:
        kind = Connection.Kind.ENGINE
        base_url, agent_url = f"http://{engine_host(env.host)}:{env.engine_port}", ""
        path = settings.DATA / "engine.key"
        try:
            key = path.read_text().strip()
        except FileNotFoundError:
            raise NoServer(f"{path} is not there: the engine has not started yet.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise NoServer(f"{path} cannot be read: {error}.") from error
        if not key:
            raise NoServer(f"{path} is empty: delete it and start the engine again.")
    else:
        base_url, agent_url = env.deepgram_base_url, env.deepgram_agent_url
        key = env.deepgram_api_key
        hosted = f".{urlsplit(base_url).hostname}".endswith(".deepgram.com")
        kind = Connection.Kind.HOSTED if hosted else Connection.Kind.SELF_HOSTED
    connection = Connection.objects.filter(kind=kind, from_environment=True).first()
    if connection is None:
        connection = Connection(kind=kind, name=Connection.Kind(kind).label)
    connection.move_to(base_url, agent_url, key)
    return connection


def engine_host(host: str) -> str:
    """Return the host for clients of an engine that listens on ``host``."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def mirror(connection: Connection) -> None:
    """Bring projects and models up to date; the worker syncs the rest of the account.

    Raises ``NoServer`` when the server does not respond; the connection then says why.
    """
    sync_lists(connection)
    connection.refresh_from_db()
    if connection.error:
        raise NoServer(f"{connection} at {connection.base_url}: {connection.error}")
