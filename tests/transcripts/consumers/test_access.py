"""The check of an open socket's rights, which is made every few seconds by one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from management.models import Membership, Project, User
from transcripts.consumers.listen import ListenConsumer
from transcripts.consumers.sockets import Code
from transcripts.live.models import LiveSession
from webapp.http.bodies import Scope, session_key_of, user_of
from webapp.http.sockets import signed_in

pytestmark = pytest.mark.slow  # the sign-in


@pytest.fixture
def ada_socket(session: LiveSession, ada: User) -> ListenConsumer:
    client = Client()
    client.force_login(ada)
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    scope: Scope = {"headers": [(b"cookie", cookies.encode())]}
    socket = ListenConsumer()
    socket.pk = session.pk
    socket.scope = scope | {
        "user": user_of(scope),
        "still_signed_in": lambda: user_of(scope) == ada,
        "signed_in": signed_in(ada, session_key_of(scope)),
    }
    return socket


def test_a_check_that_passes_again_takes_one_query(ada_socket: ListenConsumer):
    assert ada_socket.may_stay() is None
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            assert ada_socket.may_stay() is None
        assert len(queries) == 1


def expire() -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


ENDINGS: dict[str, tuple[Any, Code]] = {
    "signed out": (lambda: Session.objects.all().delete(), Code.SIGNED_OUT),
    "expired": (expire, Code.SIGNED_OUT),
    "deactivated": (lambda: User.objects.update(is_active=False), Code.SIGNED_OUT),
    "another password": (
        lambda: User.objects.update(password=make_password("sesame", hasher="md5")),
        Code.SIGNED_OUT,
    ),
    "a viewer": (lambda: Membership.objects.update(role=Membership.Role.VIEWER), Code.NOT_FOUND),
    "no member": (lambda: Membership.objects.all().delete(), Code.NOT_FOUND),
    "archived": (lambda: Project.objects.update(archived_at=timezone.now()), Code.NOT_FOUND),
    "deleted": (lambda: LiveSession.objects.all().delete(), Code.NOT_FOUND),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_whoever_may_not_stay_is_told_after_a_check_that_passed(
    ada_socket: ListenConsumer, ending: str
):
    change, code = ENDINGS[ending]
    assert ada_socket.may_stay() is None
    assert ada_socket.may_stay() is None
    change()
    assert ada_socket.may_stay() is code
    assert ada_socket.may_stay() is code
