"""Personal API tokens: made once, limited to a scope, revoked and expired at once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import Action, AuditEntry, Token, User
from tests.pages.cast import Cast
from transcripts.models import Recording

pytestmark = pytest.mark.slow

PASSWORD = "a long pass phrase"


@pytest.fixture
def make(client: Client, cast: Cast):
    """Make a token of Ada's on the page; return its text."""

    def make_it(scope: str = "read", days: int = 90) -> str:
        client.force_login(cast.ada)
        fields = {"name": "Nightly script", "scope": scope, "days": days}
        page = client.post(reverse("account_token_add"), fields).content.decode()
        (text,) = re.findall(r'<code id="secret">(eap_\w+)</code>', page)
        return text

    return make_it


def with_token(text: str, scheme: str = "Token") -> Client:
    return Client(enforce_csrf_checks=True, headers={"authorization": f"{scheme} {text}"})


def test_a_token_is_shown_once_and_stored_as_a_hash(make, client, cast: Cast):
    text = make()
    stored = [list(Token.objects.values()), list(AuditEntry.objects.values())]
    assert text not in str(stored)
    page = client.get(reverse("account")).content.decode()
    assert text not in page
    assert text[:12] in page
    assert "never used" in page
    assert AuditEntry.objects.get(action=Action.TOKEN_CREATED).details["scope"] == "read"


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
def test_a_program_reads_what_its_person_may_read(scheme, make, cast: Cast):
    recording, other = cast.transcribed(), cast.transcribed(project=cast.elsewhere)
    program = with_token(make(), scheme)
    exported = program.get(reverse("recording_export", args=[recording.pk, "json"]))
    assert exported.json()["recording"] == recording.pk
    assert "no-store" in exported.headers["Cache-Control"]
    assert program.get(reverse("recording_export", args=[other.pk, "json"])).status_code == 404
    assert Token.objects.get().last_used_at is not None


def test_a_token_with_write_changes_what_one_with_read_does_not(make, cast: Cast):
    recording = cast.transcribed("Old name")
    url, fields = reverse("recording_rename", args=[recording.pk]), {"title": "New name"}
    rejected = with_token(make("read")).post(url, fields)
    assert (rejected.status_code, "may only read" in rejected.json()["error"]) == (403, True)
    assert with_token(make("write")).post(url, fields).status_code == 302
    assert Recording.objects.get().title == "New name"


def test_no_token_reaches_the_settings(make, cast: Cast):
    User.objects.update(is_superuser=True)
    program = with_token(make("write"))
    for name in ("account", "people", "account_token_add", "audit_log"):
        assert program.get(reverse(name)).status_code == 403


def test_a_revoked_token_stops_at_once(make, client, cast: Cast):
    program = with_token(make())
    url = reverse("library")
    assert program.get(url).status_code == 200
    revoke = reverse("account_token_revoke", args=[Token.objects.get().pk])
    bob = Client()
    bob.force_login(cast.bob)
    assert bob.post(revoke).status_code == 404
    client.post(revoke)
    rejected = program.get(url)
    assert (rejected.status_code, rejected.headers["WWW-Authenticate"]) == (401, "Token")
    assert AuditEntry.objects.filter(action=Action.TOKEN_REVOKED).exists()


def test_an_expired_token_does_not_work(make, client, cast: Cast):
    program = with_token(make())
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert program.get(reverse("library")).status_code == 401
    assert "expired" in client.get(reverse("account")).content.decode()


def test_the_tokens_of_a_deactivated_person_end(make, cast: Cast):
    program = with_token(make())
    User.objects.filter(pk=cast.ada.pk).update(is_active=False)
    assert program.get(reverse("library")).status_code == 401
    cast.second.memberships.all().delete()
    cast.project.set_role(cast.bob, "owner")
    cast.ada.set_active(False)
    cast.ada.set_active(True)
    assert program.get(reverse("library")).status_code == 401


@pytest.mark.parametrize("text", ["eap_x", "eap_" + "a" * 46])
def test_a_made_up_token_is_rejected(text, cast: Cast):
    assert with_token(text).get(reverse("library")).status_code == 401


def test_other_authorizations_are_left_to_the_page(cast: Cast):
    response = Client(headers={"authorization": "Basic eDp5"}).get(reverse("library"))
    assert response["Location"].startswith(reverse("sign_in"))
