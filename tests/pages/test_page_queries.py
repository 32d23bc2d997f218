"""Every page about the team and the speech account takes at most 12 queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from management.models import Budget, Project, Request, Reservation
from management.servers import speech
from tests.bench import account
from tests.pages.cast import Cast
from tests.pages.test_access import OPEN, WITHOUT_ARGUMENTS, make_upload
from transcripts.live.models import LiveSession
from transcripts.models import State

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
SCALE = {"PROJECTS": 3, "KEYS": 12, "MEMBERS": 6, "DAYS": 3, "AUDITED": 60}
REQUESTS = 60
MOST = 12
# It reads the factors of the user several times, in allauth's own code.
ALLAUTHS = {"account_reauthenticate"}


@pytest.fixture
def team(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """An administrator in every project of a mirrored account, with work in each state."""
    monkeypatch.setattr(speech, "transport", None)  # the benchmark sets one of its own
    for name, number in SCALE.items():
        monkeypatch.setattr(account, name, number)
    account.fill(REQUESTS)
    cast.ada.is_superuser = True
    cast.ada.save()
    Project.objects.give_owner_to_empty(cast.ada)
    for number, project in enumerate(Project.objects.all()):
        Reservation.objects.create(project=project, reference=f"job:{number}", dollars=90)
        cast.transcribed("Done", project=project)
        cast.failed(project=project)
        cast.running(project=project)
        waiting = cast.recording("Waiting", project=project)
        waiting.transcriptions.create(state=State.QUEUED)
    for period in Budget.Period.values:
        Budget.objects.create(period=period, dollars=100)
    make_upload(cast, waiting)
    LiveSession.objects.create(
        project=cast.project, owner=cast.ada, title="Now", served_at=timezone.now()
    )
    return cast


def test_no_page_takes_more_than_12_queries(team, client: Client):
    client.force_login(team.ada)
    client.get("/")  # the first page of a session notes when the user was seen
    row = Request.objects.order_by("created")[REQUESTS // 2].pk
    day = (timezone.now() - timedelta(days=1)).date()
    facts = {"row": row, "project": team.project.pk, "day": day}
    pages = [path.format(**facts) for path in account.PAGES.values()]
    # Every other page of the settings.
    addresses = [reverse(name) for name in WITHOUT_ARGUMENTS if name not in OPEN | ALLAUTHS]
    pages += [each for each in addresses if each.startswith("/settings/")]
    taken = {}
    for url in pages:
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
        if response.status_code == 200:
            taken[url] = len(captured)
    assert set(pages[: len(account.PAGES)]) <= set(taken)
    assert {url: count for url, count in taken.items() if count > MOST} == {}
