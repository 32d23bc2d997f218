"""Uploading in Chromium: many files, cuts, reloads, restarts and refusals."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast, tone
from tests.pages.patience import until
from transcripts import doorbell
from transcripts.models import Recording, Upload


def file(name: str, content: bytes) -> dict:
    return {"name": name, "mimeType": "audio/wav", "buffer": content}


def choose(page: Page, *files: dict | Path) -> None:
    page.locator("[data-files]").set_input_files(list(files))


@pytest.fixture
def big(tmp_path) -> Path:
    """A recording of three chunks; a real file, as its time of change is part of its name."""
    path = tmp_path / "long talk.wav"
    path.write_bytes(tone(5000))
    return path


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: what is queued stays so."""
    monkeypatch.setattr(doorbell.current_app, "send_task", lambda *args, **kwargs: None)


def test_many_files_become_recordings_and_show_their_progress(page, cast: Cast):
    page.goto("/upload/")
    choose(page, *(file(f"talk {number}.wav", tone(number)) for number in range(1, 6)))
    rows = page.locator("[data-uploads] [data-row]")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text("Waiting for its turn")
    assert set(Recording.objects.values_list("title", flat=True)) == {
        f"talk {number}" for number in range(1, 6)
    }
    rows.first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/recordings/\d+/"))


def test_options_and_project_of_the_batch_go_with_each_file(page, cast: Cast):
    page.goto(f"/upload/?project={cast.second.pk}")
    page.get_by_label("Language spoken").select_option(label="Detect the language")
    page.get_by_label("Speakers").check()
    page.get_by_label("Key terms").fill("Hollis\n\n lighthouse ")
    choose(page, file("talk.wav", tone(1)))
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    recording = Recording.objects.get()
    options = recording.transcription.options
    assert recording.project == cast.second
    assert options["detect_language"] is True
    assert options["diarize"] is True
    assert options["keyterm"] == ["Hollis", "lighthouse"]
    # The next visit begins with the same choices.
    page.reload()
    expect(page.get_by_label("Speakers")).to_be_checked()


def test_a_failing_file_says_why_on_its_row_and_the_rest_go_on(page, cast: Cast):
    begun = []
    page.on("request", lambda request: begun.append(request.method == "POST"))
    page.goto("/upload/")
    choose(page, file("empty.wav", b""), file("talk.wav", tone(1)))
    expect(page.get_by_text("The file is empty")).to_be_visible()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    assert sum(begun) == 1


def test_a_file_over_the_limit_is_refused_before_its_bytes_travel(page, cast: Cast, settings):
    settings.ENV = replace(settings.ENV, max_upload_bytes=1000)
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto("/upload/")
    choose(page, file("talk.wav", tone(2)))
    expect(page.get_by_text("at most 1 kB are taken")).to_be_visible()
    assert "POST" not in sent
    assert not Upload.objects.exists()


def test_a_second_copy_is_named_with_a_link_to_the_first(page, cast: Cast):
    page.goto("/upload/")
    choose(page, file("first.wav", tone(1)))
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    choose(page, file("again.wav", tone(1)))
    link = page.locator("[data-duplicate]")
    expect(link).to_have_text("first")
    expect(link).to_have_attribute("href", Recording.objects.get(title="first").get_absolute_url())


def test_an_upload_goes_on_by_itself_after_a_cut(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")
    cuts = []

    def cut(route) -> None:
        # The second chunk dies on the way, twice.
        if route.request.method == "PATCH" and len(cuts) < 2 and Upload.objects.get().offset_bytes:
            cuts.append(route.request.headers["upload-offset"])
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/**", cut)
    choose(page, big)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    assert len(cuts) == 2
    assert Recording.objects.get().size_bytes == big.stat().st_size


def test_an_upload_goes_on_after_a_restart_of_the_server(visits, cast: Cast, big: Path, site):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")
    held = []

    def hold(route) -> None:
        if route.request.method == "PATCH" and not held and Upload.objects.get().offset_bytes:
            held.append(route)
            site.stop()
        route.continue_()

    page.route("**/uploads/**", hold)
    choose(page, big)
    expect(page.get_by_text("going on in")).to_be_visible(timeout=30_000)
    site.start()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    stored = Recording.objects.get()
    with stored.file.open() as kept:
        assert kept.read() == big.read_bytes()


def test_an_upload_goes_on_after_a_reload_when_its_file_is_given_again(
    visits, cast: Cast, big: Path
):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")

    def hang(route) -> None:
        if route.request.method != "PATCH" or not Upload.objects.get().offset_bytes:
            route.continue_()

    page.route("**/uploads/**", hang)
    choose(page, big)
    expect(page.get_by_text("% ·")).to_be_visible()
    until(page, lambda: Upload.objects.filter(offset_bytes__gt=0).exists())
    safe = Upload.objects.get().offset_bytes
    assert safe < big.stat().st_size

    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.unroute("**/uploads/**")
    expect(page.get_by_text("Choose the file again to go on")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.headers.get("upload-offset", "")))
    choose(page, big)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    assert next(each for each in sent if each) == str(safe)
    assert Recording.objects.get().size_bytes == big.stat().st_size
    page.reload()
    expect(page.locator("[data-uploads] li")).to_have_count(0)


def test_cancelling_forgets_the_upload_on_both_sides(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")
    page.route(
        "**/uploads/**",
        lambda route: None if route.request.method == "PATCH" else route.continue_(),
    )
    choose(page, big)
    page.get_by_role("button", name="Cancel the upload of long talk.wav").click()
    expect(page.locator("[data-uploads] li")).to_have_count(0)
    until(page, lambda: not Upload.objects.exists())
    assert json.loads(page.evaluate("localStorage.getItem('unfinished uploads')")) == {}


def test_leaving_while_bytes_travel_is_asked_about(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")
    page.route(
        "**/uploads/**",
        lambda route: None if route.request.method == "PATCH" else route.continue_(),
    )
    choose(page, big)
    expect(page.get_by_text("0 %")).to_be_visible()
    page.get_by_role("heading", name="Upload").click()  # only people who did something are asked
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()


def test_files_dropped_on_the_library_appear_in_it(page, cast: Cast):
    cast.transcribed("Older")
    page.goto("/")
    data = page.evaluate_handle(
        """() => {
            const transfer = new DataTransfer();
            const bytes = new Uint8Array(2000);
            transfer.items.add(new File([bytes], "dropped.wav", {type: "audio/wav"}));
            return transfer;
        }"""
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": data})
    expect(page.get_by_text("Drop to upload into Calls")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": data})
    expect(page.locator("[data-rows] [data-row-link]").first).to_have_text("dropped")
    expect(page.locator("[data-row-link]")).to_have_text(["dropped", "Older"])


def test_an_odd_name_is_shown_literally(page, cast: Cast):
    page.goto("/upload/")
    choose(page, file('<b>"&.wav', tone(1)))
    expect(page.locator("[data-row-link]")).to_have_text('<b>"&')


def test_an_address_is_queued_and_one_that_cannot_be_is_told(page, cast: Cast):
    page.goto("/upload/")
    address = page.get_by_label("Address of an audio or video file")
    address.fill("ftp://radio.example/talk.mp3")
    page.get_by_role("button", name="Fetch and transcribe").click()
    expect(page.locator(".notice.error:visible")).to_be_visible()
    assert not Recording.objects.exists()
    address.fill("https://radio.example/talk.mp3")
    page.get_by_role("button", name="Fetch and transcribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("talk")


def test_viewers_are_told_that_they_may_not_add(visits, cast: Cast):
    page = visits.as_user(cast.vera)
    page.goto("/upload/")
    expect(page.get_by_text("There is no project you may add to")).to_be_visible()


def test_an_upload_waits_for_people_who_were_signed_out(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto("/upload/")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    choose(page, file("talk.wav", tone(1)))
    expect(page.get_by_text("sign in again in another tab")).to_be_visible()
    page.context.add_cookies(cookies)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
