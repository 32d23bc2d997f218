"""`manage.py setup`: what a first start needs, and nothing that a later one would undo."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from management.models import Membership, Project, User

pytestmark = pytest.mark.django_db


def run() -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("setup", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_first_start_makes_an_administrator_with_a_password_shown_once(account, engine_key):
    out, _ = run()
    administrator = User.objects.get()
    assert administrator.email == "admin@earshot.local"
    assert administrator.is_superuser
    password = out.partition("Password (shown this once): ")[2].strip()
    assert administrator.check_password(password)
    assert run()[0] == ""
    assert User.objects.get().check_password(password)
    membership = Membership.objects.get()
    assert (membership.project, membership.role) == (Project.objects.get(), "owner")


def test_administrator_of_the_environment_is_not_printed(account, engine_key, settings):
    settings.ENV = replace(
        settings.ENV, admin_email="ada@example.test", admin_password="pass-word-1"
    )
    out, _ = run()
    assert "pass-word-1" not in out
    assert User.objects.get(email="ada@example.test").check_password("pass-word-1")


def test_server_that_is_down_does_not_stop_the_start(account, engine_key):
    account.broken = 400
    _, err = run()
    assert "does not respond. Engine in the box at http://127.0.0.1:8001: No." in err
    assert User.objects.count() == 1


def test_missing_engine_key_stops_it_with_a_sentence(account, engine_key):
    engine_key.unlink()
    with pytest.raises(CommandError, match="has not started yet"):
        run()
