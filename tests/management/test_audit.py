"""The audit log: entries are added, found and exported, never changed."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from management.models import Action, AppendOnly, AuditEntry, User

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PASSWORD = "a long pass phrase"


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("root@example.test", PASSWORD)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.test", PASSWORD)


@pytest.fixture
def page(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def rows(response) -> list[dict[str, str]]:
    """The rows of a CSV that is sent in a stream."""
    text = b"".join(response).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_an_entry_says_who_what_when_and_from_where(ada: User, monkeypatch):
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"user-agent": "Lynx"})
    monkeypatch.setattr(request, "request_id", "r-1", raising=False)
    entry = AuditEntry.record(
        Action.ROLE_CHANGED, request=request, actor=ada, subject="Bob", to="x"
    )
    entry.refresh_from_db()
    assert (entry.actor, entry.actor_name, entry.action_label) == (ada, ada.email, "Role changed")
    assert (entry.address, entry.user_agent, entry.request_id) == ("192.0.2.7", "Lynx", "r-1")
    assert (entry.subject, entry.detail_pairs) == ("Bob", [("to", "x")])


def test_an_entry_is_never_changed_nor_deleted(ada: User):
    entry = AuditEntry.record(Action.SIGN_IN, actor=ada)
    entry.subject = "other"
    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(subject="x"),
    ):
        with pytest.raises(AppendOnly):
            change()
    assert AuditEntry.objects.get().subject == ""


def test_an_entry_outlives_its_person(ada: User):
    AuditEntry.record(Action.SIGN_IN, actor=ada)
    ada.delete()
    assert AuditEntry.objects.get().actor_name == "ada@example.test"


def test_sign_ins_failed_ones_and_sign_outs_are_recorded(client: Client, ada: User):
    fields = {"login": ada.email, "password": "wrong"}
    client.post(reverse("sign_in"), fields, REMOTE_ADDR="192.0.2.7")
    client.post(reverse("sign_in"), fields | {"password": PASSWORD})
    client.post(reverse("sign_out"))
    told = [(entry.action, entry.actor_name) for entry in AuditEntry.objects.order_by("pk")]
    assert told == [("sign_in_failed", ""), ("sign_in", ada.email), ("sign_out", ada.email)]
    failed = AuditEntry.objects.get(action=Action.SIGN_IN_FAILED)
    assert (failed.subject, failed.address) == (ada.email, "192.0.2.7")


def test_administrators_filter_the_log(page: Client, ada: User):
    AuditEntry.record(Action.PERSON_INVITED, actor=ada, subject="grace@example.test")
    AuditEntry.record(Action.PROJECT_RENAMED, actor=ada, subject="Calls")
    url = reverse("audit_log")
    everything = page.get(url).content.decode()
    assert "grace@example.test" in everything
    assert "Calls" in everything
    for query in (
        {"q": "grace"},
        {"action": "person_invited"},
        {"q": "ADA@", "action": "person_invited"},
    ):
        text = page.get(url, query).content.decode()
        assert "grace@example.test" in text
        assert "Calls" not in text
    assert "No entries match" in page.get(url, {"until": "2000-01-01"}).content.decode()
    assert "Enter a valid date" in page.get(url, {"since": "x"}).content.decode()


def test_dates_of_the_filter_are_those_of_the_reader(page: Client, admin: User):
    admin.time_zone = "Pacific/Auckland"
    admin.save()
    entry = AuditEntry(action="x", subject="night", at=datetime(2025, 3, 3, 12, tzinfo=UTC))
    entry.save()
    url = reverse("audit_log")
    day = {"since": "2025-03-04", "until": "2025-03-04"}
    assert "night" in page.get(url, day).content.decode()
    before = {"since": "2025-03-03", "until": "2025-03-03"}
    assert "night" not in page.get(url, before).content.decode()


def test_older_entries_are_on_the_next_page(page: Client):
    for number in range(60):
        AuditEntry.record(Action.PROJECT_RENAMED, subject=f"n{number}.")
    text = page.get(reverse("audit_log"), {"q": "n"}).content.decode()
    assert "n59." in text
    assert "n5." not in text
    (older,) = [part.split('"')[0] for part in text.split('href="?')[1:]]
    assert (
        "n5." in page.get(reverse("audit_log") + "?" + older.replace("&amp;", "&")).content.decode()
    )


def test_the_log_is_exported_as_filtered_and_without_formulas(page: Client, ada: User):
    for number in range(3):
        AuditEntry.record(Action.PROJECT_RENAMED, actor=ada, subject=f"=1+{number}")
    AuditEntry.record(Action.PERSON_INVITED, actor=ada)
    found = rows(page.get(reverse("audit_csv"), {"action": "project_renamed"}))
    assert [row["subject"] for row in found] == ["'=1+2", "'=1+1", "'=1+0"]
    assert {row["person"] for row in found} == {ada.email}
    assert AuditEntry.objects.filter(action=Action.AUDIT_EXPORTED).exists()


@pytest.mark.parametrize("name", ["audit_log", "audit_csv"])
def test_for_others_the_log_does_not_exist_and_their_attempt_is_in_it(client: Client, ada, name):
    client.force_login(ada)
    assert client.get(reverse(name)).status_code == 404
    denied = AuditEntry.objects.get(action=Action.PERMISSION_DENIED)
    assert (denied.actor, denied.subject) == (ada, reverse(name))
    assert "Audit log" not in client.get(reverse("account")).content.decode()
