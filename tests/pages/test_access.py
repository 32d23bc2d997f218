"""Who meets what: Ada owns the project, Bob is a member, Vera a viewer, Eve a stranger."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.pages.cast import Cast
from transcripts.models import Recording, State

READING = (
    "recording",
    "recording_progress",
    "recording_waveform",
    "recording_find",
    "recording_block",
)
CHANGING = ("recording_rename", "recording_cancel", "recording_retry", "recording_delete")
LISTS = ("library", "search", "search_results", "upload")


def address(name: str, recording: Recording) -> str:
    args = [recording.pk, 0] if name == "recording_block" else [recording.pk]
    return reverse(name, args=args)


@pytest.fixture
def as_user(cast: Cast):
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, name))
        return client

    return sign_in


@pytest.mark.parametrize("name", READING)
def test_members_and_viewers_may_read_and_strangers_meet_a_404(name, cast, as_user):
    url = address(name, cast.transcribed())
    answers = {who: as_user(who).get(url).status_code for who in ("ada", "bob", "vera", "eve")}
    assert answers == {"ada": 200, "bob": 200, "vera": 200, "eve": 404}


@pytest.mark.parametrize("name", CHANGING)
def test_writers_may_change_and_all_others_meet_a_404(name, cast, as_user):
    answers = {}
    for who in ("ada", "bob", "vera", "eve"):
        url = address(name, cast.failed())
        answers[who] = as_user(who).post(url, {"title": "New"}).status_code
    assert answers == {"ada": 302, "bob": 302, "vera": 404, "eve": 404}


@pytest.mark.parametrize("name", CHANGING)
def test_a_change_needs_a_post(name, cast, as_user):
    assert as_user("ada").get(address(name, cast.failed())).status_code == 405


@pytest.mark.parametrize("name", LISTS)
def test_a_project_of_others_does_not_exist(name, cast, as_user):
    url = f"{reverse(name)}?project={cast.second.pk}"
    answers = {who: as_user(who).get(url).status_code for who in ("ada", "bob", "eve")}
    assert answers == {"ada": 200, "bob": 404, "eve": 404}


@pytest.mark.parametrize("given", ["x", "-1", "0", "9" * 30, "\uff11"])
def test_a_project_that_cannot_be_does_not_exist(given, cast, as_user):
    assert as_user("ada").get(reverse("library"), {"project": given}).status_code == 404


@pytest.mark.parametrize("name", [*LISTS, "library_rows", "tray", *READING])
def test_strangers_to_the_team_are_asked_to_sign_in(name, cast, client):
    recording = cast.transcribed()
    url = reverse(name) if name in (*LISTS, "library_rows", "tray") else address(name, recording)
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("sign_in"))


def test_lists_hold_only_what_a_person_may_see(cast, as_user):
    mine, other = cast.running("Only ours"), cast.running("Theirs", project=cast.elsewhere)
    for url in (reverse("library"), reverse("tray"), f"/rows/?ids={mine.pk},{other.pk}&whole=1"):
        seen = as_user("bob").get(url).content.decode()
        assert "Only ours" in seen
        assert "Theirs" not in seen


def test_a_search_finds_only_what_a_person_may_see(cast, as_user):
    cast.transcribed("Ours")
    url = reverse("search_results")
    assert "Ours" in as_user("vera").get(url, {"q": "lower road"}).content.decode()
    assert "Ours" not in as_user("eve").get(url, {"q": "lower road"}).content.decode()


@pytest.mark.parametrize("action", ["retry", "cancel", "delete"])
@pytest.mark.parametrize("who", ["vera", "eve"])
def test_a_selection_reaches_only_what_a_person_may_change(action, who, cast, as_user):
    rows = [cast.failed(), cast.running()]
    before = list(Recording.objects.order_by("pk").values_list("pk", "state"))
    ids = [row.pk for row in rows]
    as_user(who).post(reverse("recordings_change"), {"action": action, "ids": ids})
    assert list(Recording.objects.order_by("pk").values_list("pk", "state")) == before


def test_a_selection_is_changed_and_others_are_left(cast, as_user):
    kept, gone = cast.failed("Kept"), cast.failed("Gone")
    as_user("bob").post(reverse("recordings_change"), {"action": "delete", "ids": [gone.pk]})
    assert list(Recording.objects.all()) == [kept]
    as_user("bob").post(reverse("recordings_change"), {"action": "retry", "ids": [kept.pk]})
    kept.refresh_from_db()
    assert kept.state == State.QUEUED


@pytest.mark.parametrize("ids", [[], ["x"], ["9" * 40]])
def test_a_selection_of_nothing_changes_nothing(ids, cast, as_user):
    cast.failed()
    answer = as_user("ada").post(
        reverse("recordings_change"), {"action": "delete", "ids": ids}, follow=True
    )
    assert "Nothing was changed" in answer.content.decode()
    assert Recording.objects.count() == 1


def test_after_a_change_one_comes_back_to_a_page_of_ours_only(cast, as_user):
    for asked, reached in (("/?state=failed", "/?state=failed"), ("https://evil.test/", "/")):
        fields = {"action": "retry", "ids": [cast.failed().pk], "next": asked}
        assert as_user("ada").post(reverse("recordings_change"), fields).url == reached


def test_viewers_see_no_way_to_change_anything(cast, as_user):
    recording = cast.transcribed()
    for url in (reverse("library"), recording.get_absolute_url()):
        assert "/delete/" not in as_user("vera").get(url).content.decode()
        assert "/delete/" in as_user("bob").get(url).content.decode()
