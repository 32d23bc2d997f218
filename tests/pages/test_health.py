"""Whether the server says truthfully that it is well, and lets people in."""

import json

import pytest
from django.db import DatabaseError
from django.urls import reverse

from webapp import views


def test_health_is_told_without_signing_in(client, db):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert json.loads(answer.content)["status"] == "ok"


def test_a_missing_queue_folder_is_told(client, db, settings, tmp_path):
    settings.QUEUE = tmp_path / "gone"
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert json.loads(answer.content)["broker"] == "the queue folder is not there"


def test_a_database_that_does_not_answer_is_told_without_its_words():
    def answers() -> str:
        raise DatabaseError("password of host db-7 refused")

    assert views.problem_of(answers) == "the database does not answer"


def test_a_wrong_password_is_told_in_a_sentence(client, cast):
    answer = client.post(reverse("sign_in"), {"username": "ada@example.test", "password": "no"})
    assert "Wrong e-mail address or password" in answer.content.decode()


@pytest.mark.parametrize("typed", ["ada@example.test", "Ada@Example.TEST"])
def test_people_sign_in_with_their_address_in_any_case(typed, client, cast):
    fields = {"username": typed, "password": "a long pass phrase"}
    assert client.post(reverse("sign_in"), fields).url == reverse("library")


def test_signing_in_leads_only_to_pages_of_ours(client, cast):
    fields = {
        "username": "ada@example.test",
        "password": "a long pass phrase",
        "next": "https://evil.test/",
    }
    assert client.post(reverse("sign_in"), fields).url == reverse("library")


def test_a_page_that_is_not_there_says_so(client, cast, settings):
    client.force_login(cast.ada)
    answer = client.get("/recordings/999999/")
    assert answer.status_code == 404
    assert "Page not found" in answer.content.decode()


def test_every_page_allows_only_scripts_and_styles_of_ours(client, cast):
    client.force_login(cast.ada)
    policy = client.get(reverse("library")).headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
