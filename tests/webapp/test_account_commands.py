"""The speech account from a shell: sync, createkey, usage, rotatesecrets."""

import io
import json
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from management.models import AuditEntry, Connection, Key, Project, Sync, UsageDay
from tests.management.conftest import SECRET, Account, account, engine_key, key, patience

__all__ = ["account", "engine_key", "patience"]  # fixtures
pytestmark = pytest.mark.django_db


def run(name: str, *arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def mirrored(account: Account, engine_key: Path) -> Account:
    account.lists["api_keys"] = [key("k-1", comment="Dialler")]
    run("sync")
    return account


def test_sync_mirrors_every_account(mirrored):
    out, err = run("sync")
    assert "Engine in the box: 1 projects mirrored." in out
    assert err == ""
    assert Key.objects.get().comment == "Dialler"


def test_sync_names_what_the_key_may_not_read(mirrored):
    body = {"err_code": "INSUFFICIENT_PERMISSIONS", "err_msg": "No."}
    mirrored.fails["/members"] = httpx.Response(401, json=body)
    _, err = run("sync", "--server", "Engine in the box")
    assert "members of Interviews: the key lacks members:read" in err


def test_sync_fails_when_the_server_does(mirrored):
    mirrored.broken = 400
    with pytest.raises(CommandError, match="Not mirrored: Engine in the box"):
        run("sync")


def test_sync_leaves_an_account_to_the_worker_that_syncs_it(mirrored):
    assert Sync.objects.claim(Connection.objects.get())
    assert "a worker is syncing it already" in run("sync")[1]


def test_createkey_prints_the_value_once(mirrored):
    out, _ = run("createkey", "Phone line", "--tag", "calls", "--days", "30")
    assert out.strip() == f"{SECRET}2"
    made = Key.objects.get(comment="Phone line")
    assert (made.tags, made.scopes) == (["calls"], ["usage:write"])
    assert made.expiration > timezone.now()
    assert SECRET not in repr(list(AuditEntry.objects.values()))
    out, _ = run("createkey", "Reports", "--scope", "usage:read", "--json")
    assert json.loads(out)["scopes"] == ["usage:read"]


@pytest.mark.parametrize(
    "arguments", [["--project", "Nothing"], ["--days", "0"], ["--scope", "everything"]]
)
def test_createkey_names_a_mistake(arguments, mirrored):
    with pytest.raises(CommandError):
        run("createkey", "Phone line", *arguments)


def test_usage_is_printed_as_text_csv_and_json(mirrored):
    today = timezone.now().date()
    UsageDay.objects.create(
        project=Project.objects.get(), day=today, grouping="endpoint", value="listen", hours=1.5
    )
    assert f"{today}  1.5  (listen 1.5)" in run("usage")[0]
    assert f"{today},1.5,1.5" in run("usage", "--csv")[0]
    last = json.loads(run("usage", "--json")[0].splitlines()[-1])
    assert (last["sums"], last["total"]) == ({"listen": 1.5}, 1.5)
    with pytest.raises(CommandError):
        run("usage", "--start", "2026-12-01", "--end", "2026-11-01")
    with pytest.raises(CommandError):
        run("usage", "--project", "Nothing")


def test_rotatesecrets_replaces_the_encryption_key(mirrored, settings, tmp_path):
    settings.ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    connection = Connection.objects.get()
    connection.api_key = "secret"
    connection.save()
    before = settings.ENCRYPTION_KEY_FILE.read_text().strip()
    assert "Keys encrypted again: 1." in run("rotatesecrets", "--keep")[0]
    assert before in settings.ENCRYPTION_KEY_FILE.read_text()
    run("rotatesecrets")
    assert before not in settings.ENCRYPTION_KEY_FILE.read_text()
    assert Connection.objects.get().api_key == "secret"
