"""The speech account on our pages, compared with the engine, Deepgram's SDK and command line."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deepgram.core.api_error import ApiError
from django.test import Client
from django.urls import reverse

from management.models import Connection, Invite, Key, Membership, Project, Request, User
from management.sync.runs import sync
from tests.engine.engine import Engine, start_engine

pytestmark = [pytest.mark.full, pytest.mark.django_db]

# Deepgram's command line (requirements/install.py).
DEEPCTL = Path(sys.prefix) / "share" / "earshot" / "deepctl-0.4.0"


@pytest.fixture(scope="module")
def engine(full_lane, tmp_path_factory) -> Iterator[Engine]:
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture
def project(engine: Engine) -> Project:
    connection = Connection(kind="engine", name="Engine", base_url=engine.url)
    connection.api_key = engine.key
    connection.save()
    sync(connection)
    return Project.objects.get()


@pytest.fixture
def ada(project: Project, client: Client) -> Client:
    user = User.objects.create_user("ada@example.test", "pw")
    Membership.objects.create(user=user, project=project, role=Membership.Role.OWNER)
    client.force_login(user)
    return client


def make_key(client: Client, project: Project, **facts) -> str:
    """Create a key on its page; return the value that the page shows."""
    fields = {
        "project": project.pk, "comment": "Phone line", "scopes": ["member"], "expires": "never",
    } | facts  # fmt: skip
    return value_in(client.post(reverse("key_create"), fields).content.decode())


def value_in(page: str) -> str:
    found = re.search(r'<code id="key-value">([^<]+)</code>', page)
    assert found, page
    return found[1]


def is_accepted(engine: Engine, key: str) -> bool:
    try:
        engine.client(key).manage.v1.projects.list()
    except ApiError as error:
        return error.status_code != 401
    return True


def test_a_key_made_on_the_page_works_until_it_is_deleted_there(engine, project, ada):
    value = make_key(ada, project)
    assert is_accepted(engine, value)
    key = Key.objects.get(comment="Phone line", gone_at=None)
    rotated = value_in(ada.post(reverse("key_rotate", args=[key.pk])).content.decode())
    assert is_accepted(engine, value)
    assert is_accepted(engine, rotated)
    ada.post(reverse("key_delete", args=[key.pk]), {"name": "Phone line"})
    assert not is_accepted(engine, value)
    assert is_accepted(engine, rotated)


def test_tags_of_a_key_are_on_its_requests_and_their_sums(engine, project, ada):
    value = make_key(ada, project, tags="berlin", scopes=["usage:write"], comment="Tagged")
    response = engine.http(value).post("/v1/read?language=en&sentiment=true", json={"text": "Yes."})
    assert response.status_code == 200
    sync(project.connection)
    request = Request.objects.get(tags=["berlin"])
    assert (request.endpoint, request.code) == ("read", 200)
    assert Key.objects.get(comment="Tagged").last_used_at == request.created
    assert project.usage_days.filter(grouping="tags", value='["berlin"]', requests=1).exists()


def test_an_invite_of_the_sdk_appears_after_a_sync(engine, project):
    invites = engine.client().manage.v1.projects.members.invites
    invites.create(project.upstream_id, email="cleo@example.test", scope="member")
    sync(project.connection)
    assert Invite.objects.present().get().email == "cleo@example.test"
    invites.delete(project.upstream_id, "cleo@example.test")
    sync(project.connection)
    assert not Invite.objects.present().exists()


@pytest.fixture
def dg(engine: Engine, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run Deepgram's command line with a key, pointed at the engine."""
    environ = os.environ | {
        "DEEPGRAM_BASE_URL": engine.url, "HOME": str(tmp_path), "PYTHONPATH": str(DEEPCTL),
        "DEEPCTL_TELEMETRY_DISABLED": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }  # fmt: skip
    program = "from deepctl.main import main; main()"

    def run(key: str, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-c", program, "--non-interactive", "--output", "json"]
        done = subprocess.run(
            [*command, *arguments], env=environ | {"DEEPGRAM_API_KEY": key}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def test_deepctl_works_with_a_key_of_the_page_until_it_is_deleted(engine, project, ada, dg):
    value = make_key(ada, project, comment="Command line", scopes=["owner"])
    of_project = ("--project-id", project.upstream_id)
    code, listed = dg(value, "projects", "--list")
    assert (code, project.upstream_id in listed) == (0, True), listed
    code, made = dg(value, "keys", "--create", "--comment", "Made by dg", "--yes", *of_project)
    assert code == 0, made
    for command in ("members", "billing", "usage"):
        code, said = dg(value, command, *of_project)
        assert code == 0, said
    sync(project.connection)
    assert "Made by dg" in ada.get(reverse("keys")).content.decode()
    key = Key.objects.get(comment="Command line", gone_at=None)
    ada.post(reverse("key_delete", args=[key.pk]), {"name": "Command line"})
    code, said = dg(value, "projects", "--list")
    assert code != 0
    assert "Invalid API key" in said
