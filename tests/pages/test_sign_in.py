"""Sessions: a form outlives its session, and a flood of sign-ins is bounded."""

import os
import re
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from tests.pages.cast import Cast
from webapp.signin import attempts, hashing, resuming
from webapp.signin.attempts import Failures

pytestmark = pytest.mark.slow

PASSWORD = "a long pass phrase"


def hidden(response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return found[1] if found else ""


def sign_in(client: Client, **fields: str):
    return client.post(
        reverse("sign_in"), {"login": "ada@example.test", "password": PASSWORD, **fields}
    )


def test_a_form_of_a_lapsed_session_is_offered_after_the_sign_in(client: Client, cast: Cast):
    recording = cast.transcribed("Old name")
    url = reverse("recording_rename", args=[recording.pk])
    page = recording.get_absolute_url()
    asked = client.post(
        url, {"title": "A name that took a while"}, headers={"referer": f"http://testserver{page}"}
    )
    assert asked.status_code == 401
    assert "What you entered is kept" in asked.content.decode()
    assert hidden(asked, "next") == page
    unsent = hidden(asked, "unsent")
    # A wrong password keeps it as well.
    wrong = sign_in(client, password="wrong", unsent=unsent, next=page)
    assert hidden(wrong, "unsent") == unsent

    offered = sign_in(client, unsent=unsent, next=page)
    text = offered.content.decode()
    assert "A name that took a while" in text
    assert f'action="{url}"' in text
    assert f'href="{page}"' in text
    sent = client.post(url, {"title": hidden(offered, "title")})
    assert sent["Location"] == page
    recording.refresh_from_db()
    assert recording.title == "A name that took a while"


@pytest.mark.parametrize("name", ["key", "password", "password1", "code"])
def test_a_form_with_a_secret_is_not_kept(name, client, cast: Cast):
    """It would be shown on the next page, and stored with the session."""
    response = client.post(reverse("connection_add"), {name: "a-secret-of-the-form", "name": "x"})
    assert response.status_code == 302
    assert "a-secret-of-the-form" not in response.content.decode()
    assert "a-secret-of-the-form" not in response.url


def test_a_lapsed_request_of_a_script_leads_to_a_page_that_can_be_opened(client, cast: Cast):
    recording = cast.transcribed()
    url = reverse("recording_rename", args=[recording.pk])
    page = recording.get_absolute_url()
    for headers in ({"HX-Request": "true"}, {"Sec-Fetch-Mode": "cors"}):
        response = client.post(url, headers=headers | {"referer": f"http://testserver{page}"})
        assert response.status_code == 302
        client.force_login(cast.ada)
        (target,) = re.findall(r"next=([^&]+)", response.url)
        assert client.get(target).status_code == 200
        client.logout()


def test_a_form_that_was_made_up_is_not_offered(client: Client, cast: Cast):
    for unsent in ("", "x", resuming.Unsent("/", [], "/").sign()[:-1] + "x"):
        assert sign_in(client, unsent=unsent).status_code == 302
        client.logout()


def test_what_a_form_carried_is_shown_as_text(client: Client, cast: Cast):
    unsent = resuming.Unsent("/x/", [("title", "<img src=x>")], "/").sign()
    text = sign_in(client, unsent=unsent).content.decode()
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text


@pytest.mark.usefixtures("no_running_loop")
def test_a_form_of_before_another_sign_in_is_sent_again_on_request(cast: Cast):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada)
    recording = cast.transcribed()
    url = reverse("recording_rename", args=[recording.pk])
    page = f"http://testserver{recording.get_absolute_url()}"
    response = client.post(url, {"title": "Typed long ago"}, headers={"referer": page})
    assert response.status_code == 403
    assert "Typed long ago" in response.content.decode()
    elsewhere = client.post(url, {"title": "x"}, headers={"referer": "https://evil.test/"})
    assert "This page has expired" in elsewhere.content.decode()


def test_signing_out_of_a_session_that_has_ended_leads_to_the_sign_in(client: Client, db):
    response = client.post(reverse("sign_out"))
    assert (response.status_code, response["Location"]) == (302, reverse("sign_in"))


def test_nothing_private_is_stored_beyond_the_sign_out(client: Client, cast: Cast):
    recording = cast.transcribed()
    client.force_login(cast.ada)
    views = ("recording", "recording_audio", "recording_file", "recording_waveform")
    urls = [reverse(name, args=[recording.pk]) for name in views]
    urls += [reverse("recording_export", args=[recording.pk, "txt"]), reverse("library")]
    urls.append(reverse("recording_block", args=[recording.pk, 0]))
    for url in urls:
        response = client.get(url)
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"], url
    assert client.post(reverse("sign_out")).headers["Clear-Site-Data"] == '"cache"'


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the failures of a test take, no allowance refills."""
    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: 100.0))


@pytest.mark.usefixtures("stopped_clock")
def test_failures_of_one_account_are_slowed_down(client: Client, cast: Cast):
    for _ in range(attempts.ACCOUNT_BURST):
        assert sign_in(client, password="wrong").status_code == 200
    slowed = sign_in(client)
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert "Too many attempts" in slowed.content.decode()
    assert 'value="ada@example.test"' in slowed.content.decode()
    # The account of somebody else, and this one from another machine, are not.
    fields = {"login": "bob@example.test", "password": PASSWORD}
    assert client.post(reverse("sign_in"), fields).status_code == 302
    client.logout()
    fields["login"] = "ada@example.test"
    other = client.post(reverse("sign_in"), fields, REMOTE_ADDR="192.0.2.7")
    assert other.status_code == 302


@pytest.mark.usefixtures("stopped_clock")
def test_failures_of_one_address_are_slowed_down_whatever_the_accounts(client: Client, cast: Cast):
    def guess(number: int, address: str = "127.0.0.1"):
        fields = {"login": f"{number}@example.test", "password": "wrong"}
        return client.post(reverse("sign_in"), fields, REMOTE_ADDR=address)

    for number in range(attempts.CLIENT_BURST):
        assert guess(number).status_code == 200
    slowed = sign_in(client)
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert "Too many attempts" in slowed.content.decode()
    assert guess(0, "192.0.2.7").status_code == 200


def test_an_allowance_refills(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    failures = Failures(burst=2, seconds=10)
    for _ in range(2):
        assert failures.wait("x") == 0
        failures.count("x")
    assert failures.wait("x") == 10
    now[0] = 4
    assert failures.wait("x") == pytest.approx(6)
    now[0] = 10
    assert failures.wait("x") == 0
    assert failures.wait("y") == 0


def test_with_too_many_passwords_to_hash_the_next_is_told_to_wait(client: Client, cast: Cast):
    with ExitStack() as places:
        for _ in range(hashing.WAITING_AT_MOST):
            places.enter_context(hashing.place())
        busy = sign_in(client)
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "5")
        client.force_login(cast.ada)
        assert client.get(reverse("library")).status_code == 200
        client.logout()
    assert sign_in(client).status_code == 302


def test_passwords_are_hashed_one_at_a_time_behind_everything_else():
    hashers = hashing.BackgroundPBKDF2(), hashing.BackgroundPBKDF2()
    assert [each.encode("x", "salt" * 6, 10) for each in hashers]
    (thread,) = hashing._hashing._threads
    assert thread.native_id
    assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == hashing.NICENESS


@pytest.mark.django_db
def test_a_hash_of_django_is_accepted_and_made():
    from django.contrib.auth.hashers import PBKDF2PasswordHasher

    ours, theirs = hashing.BackgroundPBKDF2(), PBKDF2PasswordHasher()
    assert ours.verify("sesame", theirs.encode("sesame", "salt" * 6, 10))
    assert theirs.verify("sesame", ours.encode("sesame", "salt" * 6, 10))
