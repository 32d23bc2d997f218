"""The mirror of a connection's speech account: its projects and its models.

Every step stands for itself and can be done again: a sync that was cut off is completed by
the next one. A project that the server no longer lists stays, since recordings hang on it;
its ``seen_at`` is then older than the connection's.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from management.models import Connection, Model, Project, User
from management.speech import speech_client
from speechclient import Models, SpeechError
from speechclient import Project as ListedProject


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
    connection = Connection.objects.filter(kind=kind).first()
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
    """Bring projects and models up to date.

    Raises ``NoServer`` when the server does not respond; the connection then says why.
    """
    try:
        with speech_client(connection) as client:
            projects, models = client.projects(), client.models()
    except SpeechError as error:
        connection.mark_failed(error)
        raise NoServer(f"{connection} at {connection.base_url}: {error}") from error
    mirror_projects(connection, projects)
    mirror_models(connection, models)
    connection.mark_seen()
    if administrator := User.objects.first_administrator():
        Project.objects.give_owner_to_empty(administrator)


def mirror_projects(connection: Connection, listed: tuple[ListedProject, ...]) -> None:
    now = timezone.now()
    Project.objects.bulk_create(
        [
            Project(
                connection=connection,
                upstream_id=project.project_id[:100],
                name=project.name[:200] or project.project_id[:100],
                seen_at=now,
            )
            for project in listed
            if project.project_id
        ],
        update_conflicts=True,
        unique_fields=["connection", "upstream_id"],
        update_fields=["name", "seen_at"],
    )


def mirror_models(connection: Connection, listed: Models) -> None:
    """Models are only offered, nothing hangs on them: those no longer listed go."""
    now = timezone.now()
    rows = {
        model.uuid[:100]: Model(
            connection=connection,
            kind=kind,
            uuid=model.uuid[:100],
            canonical_name=(model.canonical_name or model.name)[:200],
            name=model.name[:200],
            architecture=model.architecture[:100],
            version=model.version[:100],
            languages=list(model.languages),
            batch=model.batch,
            streaming=model.streaming,
            seen_at=now,
        )
        for kind, models in ((Model.Kind.STT, listed.stt), (Model.Kind.TTS, listed.tts))
        for model in models
        if model.uuid
    }
    with transaction.atomic():
        Model.objects.bulk_create(
            rows.values(),
            update_conflicts=True,
            unique_fields=["connection", "uuid"],
            update_fields=[
                "kind",
                "canonical_name",
                "name",
                "architecture",
                "version",
                "languages",
                "batch",
                "streaming",
                "seen_at",
            ],
        )
        Model.objects.filter(connection=connection).exclude(uuid__in=rows).delete()
