"""No request makes the server fail, and every error is a page with the id of its request."""

import json
import logging
import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.pages.cast import Cast

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_running_loop")]


@pytest.fixture
def ada(cast: Cast) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(cast.ada)
    return client


def words_of(response) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", response.content.decode())


def assert_is_page(response, status: int) -> None:
    assert response.status_code == status, words_of(response)
    assert "Request id" in words_of(response)
    assert response.headers["X-Request-ID"] in words_of(response)
    # A server sends as many bytes as the header says.
    size = str(len(response.content))
    assert response.headers.get("Content-Length", size) == size


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 300,
        "multipart/form-data; boundary=\u00e9",
        "multipart/form-data; boundary=x; boundary*=utf-8''%ff",
        "multipart/mixed",
        "application/x-www-form-urlencoded; a*0=b",
        ";;;",
        "\xff",
    ],
)
@pytest.mark.parametrize("enforced", [True, False])
def test_a_form_that_cannot_be_read_is_an_error_of_its_sender(cast: Cast, kind, enforced):
    client = Client(raise_request_exception=False, enforce_csrf_checks=enforced)
    for user in (None, cast.ada):
        if user:
            client.force_login(user)
        for url in (reverse("recordings_change"), reverse("sign_in"), reverse("sign_out"), "/no/"):
            response = client.generic("POST", url, b"--x\r\nno form", content_type=kind)
            assert response.status_code < 500, words_of(response)


@pytest.mark.parametrize("depth", [101, 900, 960, 990, 100_000])
def test_a_preset_of_any_depth_is_answered(ada: Client, cast: Cast, depth):
    options = '{"tag":' + "[" * depth + "]" * depth + "}"
    fields = {"project": cast.project.pk, "name": "Deep", "options": options}
    response = ada.post(reverse("presets"), fields)
    assert response.status_code == 422
    assert json.loads(response.content)["error"]


@pytest.mark.parametrize("depth", [101, 900, 960, 990, 100_000])
def test_an_upload_of_any_depth_is_answered(ada: Client, cast: Cast, depth):
    options = "[" * depth + "]" * depth
    body = f'{{"name": "a.wav", "size": 1, "project": {cast.project.pk}, "options": {options}}}'
    response = ada.post(reverse("uploads"), body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-02", "9999-12-31", "9999-12-30"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin", "nonsense"])
def test_a_date_at_the_edge_of_the_calendar_is_answered(ada: Client, day, zone):
    ada.cookies["timezone"] = zone
    for name in ("from", "to"):
        assert ada.get(reverse("library"), {name: day}).status_code == 200


@pytest.mark.parametrize(
    "target", ["x", "library", "/?a=1", "a.b", "", "\r\nx: y", "//", "\x00", "x" * 5_000]
)
def test_any_place_to_return_to_is_answered(ada: Client, cast: Cast, target):
    fields = {"action": "retry", "ids": [cast.failed().pk], "next": target}
    assert ada.post(reverse("recordings_change"), fields).status_code in (302, 400)
    for method in ("get", "post"):
        response = getattr(Client(), method)(reverse("sign_in"), {"next": target})
        assert response.status_code == 200


def test_every_error_is_a_page_of_ours(ada: Client, cast: Cast):
    assert_is_page(ada.get("/nowhere/"), 404)
    assert_is_page(ada.get(reverse("recordings_change")), 405)
    assert_is_page(ada.delete(reverse("library")), 405)
    recording = cast.transcribed()
    assert_is_page(ada.get(reverse("recording_delete", args=[recording.pk])), 405)
    strict = Client(enforce_csrf_checks=True)
    assert_is_page(strict.post(reverse("sign_in"), {"login": "ada"}), 403)


def test_a_failure_is_a_page_with_the_id_that_the_log_has(ada: Client, monkeypatch, caplog):
    def fail(*args: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("transcripts.views.library.LibraryFilters", fail)
    response = ada.get(reverse("library"))
    assert_is_page(response, 500)
    assert "recordings are safe" in words_of(response)
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.request.request_id == response.headers["X-Request-ID"]


def test_scripts_get_an_error_as_json(ada: Client):
    response = ada.get("/nowhere/", headers={"accept": "application/json"})
    body = json.loads(response.content)
    assert body["error"].startswith("Page not found.")
    assert body["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("host", ["evil.test", "evil.test:80", "a b", "[::", "x" * 300, "\xff"])
def test_an_unknown_host_is_logged_in_one_line(client, db, host, caplog):
    response = client.get("/nowhere/", headers={"host": host})
    assert_is_page(response, 400)
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    formatted = logging.getLogger().handlers[0].formatter or logging.Formatter()
    assert "\n" not in formatted.format(record)
