"""Signing in, pages that are not there, and the policy of every page."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.slow


def test_a_wrong_password_is_told_in_a_sentence(client, cast):
    response = client.post(reverse("sign_in"), {"login": "ada@example.test", "password": "no"})
    assert "Wrong e-mail address or password" in response.content.decode()


@pytest.mark.parametrize("typed", ["ada@example.test", "Ada@Example.TEST"])
def test_people_sign_in_with_their_address_in_any_case(typed, client, cast):
    fields = {"login": typed, "password": "a long pass phrase"}
    assert client.post(reverse("sign_in"), fields).url == reverse("dashboard")


def test_signing_in_leads_only_to_pages_of_ours(client, cast):
    fields = {
        "login": "ada@example.test",
        "password": "a long pass phrase",
        "next": "https://evil.test/",
    }
    assert client.post(reverse("sign_in"), fields).url == reverse("dashboard")


def test_a_page_that_is_not_there_says_so(client, cast, settings):
    client.force_login(cast.ada)
    response = client.get("/recordings/999999/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_every_page_allows_only_scripts_and_styles_of_ours(client, cast):
    client.force_login(cast.ada)
    policy = client.get(reverse("library")).headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
