"""Rules of connections, administrators and projects without members."""

import pytest
from django.utils import timezone

from management.models import Connection, Membership, Project, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    made = Connection(kind=Connection.Kind.ENGINE, name="Engine")
    assert made.move_to("http://127.0.0.1:8888", "", "key-1")
    return made


def test_a_connection_with_the_same_address_and_key_stays_paused(connection: Connection):
    connection.pause(RuntimeError("busy"), retry_after=30)
    assert not connection.move_to("http://127.0.0.1:8888", "", "key-1")
    assert Connection.objects.paused().exists()


@pytest.mark.parametrize(
    ("base_url", "key"), [("http://127.0.0.1:9999", "key-1"), ("http://127.0.0.1:8888", "key-2")]
)
def test_a_new_address_or_key_is_tried_at_once(connection: Connection, base_url: str, key: str):
    connection.pause(RuntimeError("busy"), retry_after=30)
    assert connection.move_to(base_url, "", key)
    assert not Connection.objects.paused().exists()
    assert Connection.objects.get().has_key(key)


def test_a_key_that_cannot_be_decrypted_is_replaced(connection: Connection):
    connection.encrypted_key = b"of another secret"
    assert not connection.has_key("key-1")
    assert connection.move_to("http://127.0.0.1:8888", "", "key-1")


def test_a_failed_mirror_is_noted_until_the_next_one(connection: Connection):
    connection.mark_failed(RuntimeError("no route to host"))
    connection.refresh_from_db()
    assert (connection.error, connection.seen_at) == ("no route to host", None)
    connection.mark_seen()
    connection.refresh_from_db()
    assert connection.error == ""
    assert connection.seen_at is not None
    assert connection.seen_at <= timezone.now()


def test_the_first_active_administrator_owns_projects_without_members(connection: Connection):
    gone = User.objects.create_superuser("gone@example.test", "pass-word-1", is_active=False)
    ada = User.objects.create_superuser("ada@example.test", "pass-word-1")
    User.objects.create_superuser("bob@example.test", "pass-word-1")
    assert User.objects.first_administrator() == ada != gone
    empty = Project.objects.create(connection=connection, upstream_id="p-1", name="Interviews")
    other = Project.objects.create(connection=connection, upstream_id="p-2", name="Elsewhere")
    Membership.objects.create(user=gone, project=other, role=Membership.Role.OWNER)
    Project.objects.give_owner_to_empty(ada)
    assert list(ada.projects.all()) == [empty]
    assert list(other.members.all()) == [gone]


def test_without_an_administrator_there_is_none():
    User.objects.create_user("vera@example.test", "pass-word-1")
    assert User.objects.first_administrator() is None


def test_rows_and_ids_among_many_are_found_as_with_in(connection: Connection):
    projects = [
        Project.objects.create(connection=connection, upstream_id=f"p-{number}", name=f"{number}")
        for number in range(4)
    ]
    user = User.objects.create_user("ada@example.test", "pass-word-1")
    for project in projects[:3]:
        Membership.objects.create(user=user, project=project, role=Membership.Role.VIEWER)
    wanted = projects[1:]
    ids = [project.pk for project in wanted]
    expected = set(Membership.objects.filter(project__in=wanted))
    assert len(expected) == 2
    assert set(Membership.objects.filter(project__among=wanted)) == expected
    assert set(Membership.objects.filter(project__among=ids)) == expected
    assert Membership.objects.exclude(project__among=wanted).get().project == projects[0]


def test_no_row_is_among_none(connection: Connection):
    Project.objects.create(connection=connection, upstream_id="p-1", name="Interviews")
    assert not Project.objects.filter(connection__among=[]).exists()
    assert Project.objects.exclude(connection__among=[]).exists()


def test_only_ids_are_written_into_the_query():
    with pytest.raises(ValueError, match="invalid literal"):
        Project.objects.filter(connection__among=["1) OR (1=1"])
