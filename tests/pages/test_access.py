"""Access of each role: Ada owns the project, Bob is a member, Vera a viewer, Eve a stranger.

Every address of the URLconf is walked: a view that is added is tested without being listed.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from management.models import AgentConfiguration, Invitation, Key
from tests.pages.cast import Cast
from transcripts.live.models import LiveSession
from transcripts.models import Preset, Recording, State, Upload

pytestmark = pytest.mark.full

# What strangers may reach: all else asks them to sign in.
OPEN = {
    "sign_in",
    "sign_out",
    "captions",  # by a link that was shared: tests/transcripts/live/test_pages.py
    "healthz",
    "readyz",
    # allauth's names of the two, and the other pages of signing in.
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_confirm_email",
    "invitation",
    "openid_connect_login",
    "openid_connect_callback",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "mfa_authenticate",
    "mfa_login_webauthn",
}
UNSAFE = ("post", "patch", "put", "delete")
PRIVATE = "Confidential"


def patterns(found: list[Any] | None = None, settings: bool = True) -> Iterator[URLPattern]:
    """Every pattern of the URLconf; without ``settings``, those of the library alone."""
    for pattern in found or get_resolver().url_patterns:
        if not settings and str(pattern.pattern).startswith("settings/"):
            continue
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from patterns(pattern.url_patterns, settings)


def name_of(pattern: URLPattern) -> str:
    assert pattern.name, f"{pattern} has no name"
    return pattern.name


ALL = {name_of(pattern): sorted(pattern.pattern.regex.groupindex) for pattern in patterns()}
# Objects of the settings are walked by tests/pages/test_permissions.py.
OF_AN_OBJECT = [name_of(each) for each in patterns(settings=False) if "pk" in ALL[name_of(each)]]
# A voice is its server's, which projects share: tests/pages/test_permissions.py.
OF_A_PROJECT = [name for name in OF_AN_OBJECT if name != "voice_sample"]
WITHOUT_ARGUMENTS = [name for name, arguments in ALL.items() if not arguments]


def address(name: str, cast: Cast, recording: Recording) -> str:
    """The address of something in Ada's project."""
    kinds = {
        "preset": make_preset,
        "upload": make_upload,
        "live": make_live_session,
        "call": lambda cast, _: cast.call().pk,
        "replay": lambda cast, _: cast.replay().pk,
        "key": make_key,
        "clip": make_clip,
        "voice": lambda *_: cast.voice().pk,
        "agent": lambda *_: cast.agent().pk,
        "configuration": make_configuration,
    }
    make = kinds.get(name.partition("_")[0], lambda *_: recording.pk)
    known = {
        "pk": make(cast, recording),
        "number": 0,
        "kind": "txt",
        "link": "none",
        "token": "none",
        "uidb36": "1",
        "key": "none",
        "provider_id": "none",
    }
    if name == "captions":
        known["link"] = LiveSession.objects.get(pk=make_live_session(cast, recording)).link
    if name == "invitation":
        known["token"] = Invitation.objects.invite("new@example.test", days=1)[1]
    return reverse(name, kwargs={argument: known[argument] for argument in ALL[name]})


def make_preset(cast: Cast, recording: Recording) -> int:
    number = Preset.objects.count()
    return Preset.objects.create(project=cast.project, name=f"Preset {number}").pk


def make_key(cast: Cast, recording: Recording) -> int:
    number = Key.objects.count()
    return Key.objects.create(project=cast.project, api_key_id=f"k-{number}").pk


def make_configuration(cast: Cast, recording: Recording) -> int:
    number = AgentConfiguration.objects.count()
    return AgentConfiguration.objects.create(project=cast.project, agent_id=f"a-{number}").pk


def make_clip(cast: Cast, recording: Recording) -> Any:
    return cast.clip(project=recording.project).pk


def make_upload(cast: Cast, recording: Recording) -> Any:
    facts = {"owner": cast.ada, "project": cast.project, "name": "a.wav", "size_bytes": 9}
    return Upload.objects.create(**facts).pk


def make_live_session(cast: Cast, recording: Recording) -> Any:
    facts = {"owner": cast.ada, "project": cast.project, "title": PRIVATE}
    return LiveSession.objects.create(**facts).pk


def form(cast: Cast, recording: Recording) -> dict[str, Any]:
    """Every field that some form has."""
    return {
        "project": cast.project.pk, "ids": [recording.pk], "action": "delete", "title": "New",
        "name": "New", "url": "https://example.test/a.wav", "size": 1, "channel": 0, "speaker": 0,
    }  # fmt: skip


def everything() -> dict[str, list[Any]]:
    """All rows about recordings, to be compared."""
    models = apps.get_app_config("transcripts").get_models()
    return {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in models
    }


@pytest.fixture
def as_user(cast: Cast, no_running_loop: None):
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, name))
        return client

    return sign_in


@pytest.mark.parametrize("name", sorted(ALL.keys() - OPEN))
def test_strangers_to_the_team_are_asked_to_sign_in(name, cast, client):
    url = address(name, cast, cast.transcribed())
    before = everything()
    for method in ("get", *UNSAFE):
        response = getattr(client, method)(url)
        if response.status_code != 401:  # the sign-in page itself, in response to a form
            assert response.status_code == 302, method
            assert response.url.startswith(reverse("sign_in")), method
    assert everything() == before


@pytest.mark.parametrize("name", OF_A_PROJECT)
def test_what_strangers_to_the_project_ask_for_does_not_exist(name, cast, as_user):
    recording = cast.transcribed()
    url = address(name, cast, recording)
    before = everything()
    for method in ("get", *UNSAFE):
        fields = form(cast, recording) if method == "post" else {}
        theirs = getattr(as_user("eve"), method)(url, fields).status_code
        # 405 is the same for everybody and tells nothing.
        assert theirs in (404, 405), method
    assert everything() == before


@pytest.mark.parametrize("name", OF_AN_OBJECT)
def test_owners_reach_what_strangers_do_not(name, cast, as_user):
    recording = cast.failed() if name.startswith(("recording_retry", "recording_can")) else None
    recording = recording or cast.transcribed()
    cast.insight(recording) if recording.state == State.DONE else None
    url = address(name, cast, recording)
    statuses = {
        method: getattr(as_user("ada"), method)(url, {}).status_code
        for method in ("get", "head", "post", "patch")
    }
    assert set(statuses.values()) - {404, 405}, statuses


@pytest.mark.parametrize("name", sorted(ALL.keys() - OPEN))
def test_viewers_change_nothing(name, cast, as_user):
    recording = cast.transcribed()
    url = address(name, cast, recording)
    before = everything()
    for method in UNSAFE:
        fields = form(cast, recording) if method == "post" else {}
        response = getattr(as_user("vera"), method)(url, fields)
        assert response.status_code < 500
    assert everything() == before


@pytest.mark.parametrize("name", OF_AN_OBJECT)
def test_a_change_needs_another_method_than_get(name, cast, as_user):
    url = address(name, cast, cast.transcribed())
    before = everything()
    as_user("ada").get(url)
    assert everything() == before


@pytest.mark.parametrize("name", sorted(set(WITHOUT_ARGUMENTS) - OPEN))
def test_no_page_shows_what_another_project_holds(name, cast, as_user):
    recording = cast.transcribed(PRIVATE, project=cast.second)
    query = {"project": cast.second.pk, "ids": str(recording.pk), "whole": 1, "q": "lower road"}
    for who in ("bob", "eve"):
        assert PRIVATE not in as_user(who).get(reverse(name), query).content.decode()
    if name in ("search_results", "library_rows"):  # where Ada finds it by the same query
        assert PRIVATE in as_user("ada").get(reverse(name), query).content.decode()


def chosen(page: str, name: str) -> str:
    """The text of the option that a list of the page begins with."""
    (options,) = re.findall(rf'<select[^>]*name="{name}".*?</select>', page, re.DOTALL)
    selected = re.findall(r"<option[^>]*selected[^>]*>([^<]*)<", options)
    return (selected or re.findall(r"<option[^>]*>([^<]*)<", options))[0]


@pytest.mark.parametrize(
    ("address", "name", "words"),
    [
        ("upload", "project", "Choose a project"),
        ("live", "project", "Choose a project"),
        ("speak", "project", "Choose a project"),
    ],
)
def test_with_all_projects_shown_none_is_chosen_to_add_to(cast, as_user, address, name, words):
    url = reverse(address)
    page = as_user("ada").get(url).content.decode()
    assert chosen(page, name) == words
    page = as_user("ada").get(url, {"project": cast.second.pk}).content.decode()
    assert cast.second.name in chosen(page, name)
    # Bob may add to one project alone.
    assert chosen(as_user("bob").get(url).content.decode(), name) == cast.project.name


def test_a_call_asks_for_its_agent(cast, as_user):
    url, agent = reverse("calls"), cast.agent("Orders")
    page = as_user("ada").get(url).content.decode()
    assert chosen(page, "agent") == "Choose an agent"
    assert "variable-" not in page
    response = as_user("ada").post(reverse("call_start"), {"agent": ""})
    assert (response.status_code, "Choose an agent." in response.content.decode()) == (422, True)
    page = as_user("ada").get(url, {"project": cast.second.pk}).content.decode()
    assert cast.second.name in chosen(page, "agent")
    page = as_user("ada").get(url, {"agent": agent.pk}).content.decode()
    assert "Orders" in chosen(page, "agent")
    assert "Choose an agent" not in page
    # Bob may add to one project alone.
    assert chosen(as_user("bob").get(url).content.decode(), "agent") == "Librarian"


def test_a_recording_is_moved_to_no_project_unasked(cast, as_user):
    url = reverse("recording_move", args=[cast.transcribed().pk])
    assert chosen(as_user("ada").get(url).content.decode(), "project") == "Choose a project"


def test_a_new_agent_asks_for_its_project(cast, as_user):
    page = as_user("ada").get(reverse("agent_new")).content.decode()
    assert "Choose a project for the agent" in page
    assert f'href="?project={cast.second.pk}"' in page
    assert "Choose a project for" not in as_user("bob").get(reverse("agent_new")).content.decode()


@pytest.mark.parametrize("given", ["x", "-1", "0", "9" * 30, "\uff11"])
def test_a_project_that_cannot_be_does_not_exist(given, cast, as_user):
    assert as_user("ada").get(reverse("library"), {"project": given}).status_code == 404


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
    response = as_user("ada").post(
        reverse("recordings_change"), {"action": "delete", "ids": ids}, follow=True
    )
    assert "Nothing was changed" in response.content.decode()
    assert Recording.objects.count() == 1


def test_after_a_change_one_comes_back_to_a_page_of_ours_only(cast, as_user):
    for asked, reached in (
        ("/?state=failed", "/?state=failed"),
        ("https://evil.test/", "/library/"),
    ):
        fields = {"action": "retry", "ids": [cast.failed().pk], "next": asked}
        assert as_user("ada").post(reverse("recordings_change"), fields).url == reached


def test_viewers_see_no_way_to_change_anything(cast, as_user):
    recording = cast.transcribed()
    for url in (reverse("library"), recording.get_absolute_url()):
        assert "/delete/" not in as_user("vera").get(url).content.decode()
        assert "/delete/" in as_user("bob").get(url).content.decode()
