"""The people of the team: invitations, roles, deactivation, and who always remains."""

import html
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from smtplib import SMTPException

import pytest
from django import db
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import (
    Action,
    AuditEntry,
    Connection,
    Invitation,
    LastAdministrator,
    LastOwner,
    Project,
    User,
)
from webapp.env import Email

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PASSWORD = "a long pass phrase"


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada@example.test", PASSWORD)


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob@example.test", PASSWORD)


@pytest.fixture
def project(ada: User) -> Project:
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    made = Project.objects.create(connection=connection, upstream_id="p-1", name="Interviews")
    made.set_role(ada, "owner")
    return made


@pytest.fixture
def page(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def link_in(response) -> str:
    (link,) = re.findall(
        r'<code id="secret">http://testserver([^<]+)</code>', response.content.decode()
    )
    return html.unescape(link)


def invite(page: Client, email: str = "grace@example.test", **fields) -> str:
    """The link of a new invitation."""
    fields = {"email": email, "role": "member", "days": 7} | fields
    response = page.post(reverse("person_invite"), fields)
    assert response.status_code == 200, response.content.decode()
    return link_in(response)


def accept(link: str, name: str = "Grace", password: str = PASSWORD, client: Client | None = None):
    return (client or Client()).post(link, {"name": name, "password": password})


def test_an_invitation_makes_one_account_with_its_role_and_projects(page, ada, project):
    link = invite(page, projects=[project.pk], role="viewer")
    guest = Client()
    assert "You sign in with grace@example.test" in guest.get(link).content.decode()
    assert accept(link, client=guest).status_code == 302
    grace = User.objects.get(email="grace@example.test")
    assert (grace.name, grace.is_superuser, project.role_of(grace)) == ("Grace", False, "viewer")
    assert guest.get(reverse("account")).status_code == 200  # signed in
    assert grace.check_password(PASSWORD)
    told = set(AuditEntry.objects.values_list("action", flat=True))
    assert {Action.PERSON_INVITED, Action.INVITATION_ACCEPTED, Action.SIGN_IN} <= told


def test_a_link_works_once(page):
    link = invite(page)
    accept(link)
    again = accept(link, name="Eve")
    assert again.status_code == 410
    assert "no longer valid" in again.content.decode()
    assert User.objects.filter(email="grace@example.test").count() == 1


def test_of_two_requests_with_one_link_one_makes_the_account(page):
    link = invite(page)
    first, second = Invitation.objects.get(), Invitation.objects.get()
    assert first.accept("Grace", PASSWORD)
    assert second.accept("Grace", PASSWORD) is None
    assert accept(link).status_code == 410


def test_a_link_expires(page):
    link = invite(page, days=1)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accept(link).status_code == 410
    assert "Expired" in page.get(reverse("people")).content.decode()


def test_a_new_link_replaces_the_old_one(page):
    link = invite(page)
    Invitation.objects.update(expires_at=timezone.now())
    fresh = link_in(page.post(reverse("invitation_resend", args=[Invitation.objects.get().pk])))
    assert accept(link).status_code == 410
    assert accept(fresh).status_code == 302


def test_a_withdrawn_link_does_not_work(page):
    link = invite(page)
    url = reverse("invitation_withdraw", args=[Invitation.objects.get().pk])
    assert page.post(url)["Location"] == reverse("people")
    assert accept(link).status_code == 410
    assert page.post(url).status_code == 404
    assert "grace@example.test" not in page.get(reverse("people")).content.decode()


def test_a_second_invitation_of_an_address_withdraws_the_first(page):
    first = invite(page)
    second = invite(page, email="GRACE@example.test")
    assert accept(first).status_code == 410
    assert accept(second).status_code == 302


def test_somebody_with_an_account_is_not_invited(page, bob):
    fields = {"email": "BOB@example.test", "role": "member", "days": 7}
    response = page.post(reverse("person_invite"), fields)
    assert response.status_code == 422
    assert "There is an account with this address already" in response.content.decode()


def test_a_weak_password_is_rejected_and_the_link_still_works(page):
    link = invite(page)
    for weak in ("12345678", "short", "grace@example"):
        assert accept(link, password=weak).status_code == 422
    assert accept(link).status_code == 302


def test_an_invitation_is_not_accepted_in_the_session_of_somebody_else(page):
    link = invite(page)
    assert "you are signed in as ada@example.test" in accept(link, client=page).content.decode()
    assert not User.objects.filter(email="grace@example.test").exists()


@pytest.mark.parametrize("token", ["x", "eai_" + "a" * 46, "%00"])
def test_a_made_up_link_is_gone(token, client):
    assert client.get(f"/invitations/{token}/").status_code == 410


def test_the_token_of_a_link_is_in_no_database_and_no_log(page, caplog):
    link = invite(page)
    token = link.split("/")[2]
    stored = [list(Invitation.objects.values()), list(AuditEntry.objects.values())]
    assert token not in str(stored)
    assert token not in page.get(reverse("people")).content.decode()
    from webapp.logs import RequestFilter

    record = logging.LogRecord("django.request", 30, "", 1, "Gone: %s", (link,), None)
    assert RequestFilter().filter(record)
    assert token not in record.getMessage()


def test_an_invitation_is_mailed_when_there_is_a_mail_server(page, settings):
    settings.ENV = replace(settings.ENV, email=Email(host="mail.test", sender="e@mail.test"))
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    link = invite(page)
    (message,) = mail.outbox
    assert message.to == ["grace@example.test"]
    assert f"http://testserver{link}" in message.body


class Broken(BaseEmailBackend):
    def send_messages(self, messages) -> int:
        raise SMTPException("no")


def test_a_mail_that_fails_leaves_the_link_to_copy(page, settings):
    settings.ENV = replace(settings.ENV, email=Email(host="mail.test", sender="e@mail.test"))
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    response = page.post(
        reverse("person_invite"), {"email": "grace@example.test", "role": "member", "days": 7}
    )
    assert "The mail server did not accept the message" in response.content.decode()
    assert accept(link_in(response)).status_code == 302


def test_administrators_see_everybody(page, ada, bob, project):
    project.set_role(bob, "viewer")
    text = page.get(reverse("people")).content.decode()
    for words in ("ada@example.test", "bob@example.test", "Administrator", "Interviews", "Viewer"):
        assert words in text


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_for_others_people_do_not_exist(client, ada, bob, project, role):
    project.set_role(bob, role)
    client.force_login(bob)
    for url in (reverse("people"), reverse("person_invite"), reverse("person", args=[ada.pk])):
        assert client.get(url).status_code == 404
    assert "People" not in client.get(reverse("account")).content.decode()
    assert (
        client.post(reverse("person_role", args=[bob.pk]), {"administrator": "yes"}).status_code
        == 404
    )
    bob.refresh_from_db()
    assert not bob.is_superuser


def test_deactivation_ends_sessions_at_once(page, ada, bob):
    theirs = Client()
    theirs.post(reverse("sign_in"), {"login": bob.email, "password": PASSWORD})
    key = theirs.cookies["sessionid"].value
    assert User.objects.is_signed_in(bob.pk, key)
    page.post(reverse("person_active", args=[bob.pk]), {"active": "no"})
    assert not User.objects.is_signed_in(bob.pk, key)
    assert theirs.get(reverse("account")).status_code == 302
    page.post(reverse("person_active", args=[bob.pk]), {"active": "yes"})
    # The session does not come back.
    assert theirs.get(reverse("account")).status_code == 302
    told = set(AuditEntry.objects.values_list("action", flat=True))
    assert {Action.PERSON_DEACTIVATED, Action.PERSON_REACTIVATED} <= told


def test_an_administrator_always_remains(page, ada, bob):
    for url, fields in (
        (reverse("person_active", args=[ada.pk]), {"active": "no"}),
        (reverse("person_role", args=[ada.pk]), {"administrator": "no"}),
    ):
        text = page.post(url, fields, follow=True).content.decode()
        assert "is the only administrator" in text
    ada.refresh_from_db()
    assert ada.is_active
    assert ada.is_superuser
    bob.set_administrator(True)
    bob.is_active = False
    bob.save()
    with pytest.raises(LastAdministrator):
        ada.set_administrator(False)
    bob.set_active(True)
    ada.set_administrator(False)


def test_an_owner_of_each_project_always_remains(ada, bob, project):
    other = User.objects.create_superuser("root@example.test", PASSWORD)
    project.set_role(bob, "admin")
    for change in (
        lambda: project.set_role(ada, "admin"),
        lambda: project.remove_member(ada),
        lambda: ada.set_active(False),
    ):
        with pytest.raises(LastOwner, match="Interviews"):
            change()
    assert project.role_of(ada) == "owner"
    # One who is deactivated does not count.
    project.set_role(other, "owner")
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(LastOwner):
        project.remove_member(ada)
    project.set_role(bob, "owner")
    project.remove_member(ada)
    assert project.role_of(ada) == ""


def test_a_link_for_a_new_password_works_once(page, bob):
    link = link_in(page.post(reverse("person_password_link", args=[bob.pk])))
    guest = Client()
    form = guest.get(link)
    guest.post(form["Location"], {"password1": "sesame and lentils"})
    bob.refresh_from_db()
    assert bob.check_password("sesame and lentils")
    assert "no longer valid" in guest.get(link).content.decode()
    assert AuditEntry.objects.filter(action=Action.PASSWORD_LINK_CREATED).exists()


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def test_createperson_makes_an_account_and_prints_its_password(project):
    out = run("createperson", "grace@example.test", "--name", "Grace", "--project", "interviews")
    grace = User.objects.get(email="grace@example.test")
    assert grace.check_password(out.partition("(shown this once): ")[2].strip())
    assert (grace.name, project.role_of(grace)) == ("Grace", "member")
    with pytest.raises(CommandError, match="already"):
        run("createperson", "GRACE@example.test")
    with pytest.raises(CommandError, match="no project called 'x'"):
        run("createperson", "new@example.test", "--project", "x")
    with pytest.raises(CommandError, match="is not an e-mail address"):
        run("createperson", "new")


def test_invite_prints_a_link_that_works(project):
    out = run("invite", "grace@example.test", "--project", "Interviews", "--role", "admin")
    link = "/" + out.strip().split("/", 3)[3]
    assert accept(link).status_code == 302
    assert project.role_of(User.objects.get(email="grace@example.test")) == "admin"
    assert "Not mailed" in run("invite", "other@example.test", "--mail")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_who_remove_each_other_leave_an_administrator(attempt):
    people = [User.objects.create_superuser(f"{name}@example.test") for name in ("a", "b")]
    start = threading.Barrier(2)

    def remove(user: User) -> bool:
        try:
            start.wait()
            user.set_administrator(False)
        except LastAdministrator:
            return False
        finally:
            db.connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        removed = list(pool.map(remove, people))
    assert sorted(removed) == [False, True]
    assert User.objects.filter(is_superuser=True).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_two_owners_who_leave_at_once_leave_one(attempt):
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    shared = Project.objects.create(connection=connection, upstream_id="p-1", name="Interviews")
    User.objects.create_superuser("root@example.test")
    people = [User.objects.create_user(f"{name}@example.test") for name in ("a", "b")]
    for user in people:
        shared.set_role(user, "owner")
    start = threading.Barrier(2)

    def leave(change: Callable[[], None]) -> bool:
        try:
            start.wait()
            change()
        except LastOwner:
            return False
        finally:
            db.connection.close()
        return True

    changes = [lambda: shared.remove_member(people[0]), lambda: people[1].set_active(False)]
    with ThreadPoolExecutor(2) as pool:
        left = list(pool.map(leave, changes))
    assert sorted(left) == [False, True]
