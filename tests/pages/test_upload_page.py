"""Uploading in Chromium: many files, cuts, reloads, restarts and refusals."""

import io
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from playwright.sync_api import FilePayload, JSHandle, Page, expect

from management.models import Model, Price
from tests.pages.cast import Cast, tone
from tests.pages.patience import until
from tests.pages.test_looks import violations
from transcripts import uploads
from transcripts.models import Preset, Recording, Upload


def file(name: str, content: bytes) -> FilePayload:
    return FilePayload(name=name, mimeType="audio/wav", buffer=content)


def choose(page: Page, *files: Any) -> None:
    """Choose files by their paths, or by ``file()``."""
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
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


def test_many_files_become_recordings_and_show_their_progress(page, cast: Cast):
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, *(file(f"talk {number}.wav", tone(number)) for number in range(1, 6)))
    rows = page.locator("[data-uploads] [data-row]")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text(re.compile(r"In the queue \(\d(st|nd|rd|th)\)"))
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


def test_the_cost_and_time_of_a_batch_are_told_before_it_is_uploaded(page, cast: Cast):
    server = cast.project.connection
    Price.objects.create(connection=server, charge="batch", model="nova-3", dollars=720)
    now = timezone.now()
    done = cast.transcribed()
    Recording.objects.filter(pk=done.pk).update(duration=10)
    done.transcriptions.update(sent_at=now, finished_at=now + timedelta(seconds=5))
    page.goto(f"/upload/?project={cast.project.pk}")
    line = "An hour of audio: about $720.00, transcribed in about 30 min after the upload."
    expect(page.get_by_text(line)).to_be_visible()
    files = [file(f"talk {number}.wav", tone(number)) for number in (2, 3)]
    choose(page, *files, file("notes.wav", b"no audio"))
    dialog = page.get_by_role("dialog", name="Transcribe 3 files?")
    expect(dialog).to_contain_text("0:05 of audio, about $1.00, transcribed in about 3 s")
    expect(dialog).to_contain_text("The length of one file is not known.")
    assert violations(page) == []
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-uploads] > *")).to_have_count(0)
    choose(page, *files)
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(2)


def test_files_dropped_on_the_library_are_uploaded_after_the_question(page, cast: Cast):
    server = cast.project.connection
    Price.objects.create(connection=server, charge="batch", model="nova-3", dollars=720)
    Price.objects.create(connection=server, charge="batch", model="nova-2", dollars=7200)
    options = {"model": "nova-2"}
    Preset.objects.create(project=cast.project, name="Calls", options=options, is_default=True)
    Model.objects.create(
        connection=server, uuid="m-9", canonical_name="nova-2", kind="stt", languages=["en"],
        batch=True,
    )  # fmt: skip
    page.goto(f"/library/?project={cast.project.pk}")
    talks = dragged(page, *(file(f"talk {number}.wav", tone(number)) for number in (2, 3)))
    page.dispatch_event("main", "drop", {"dataTransfer": talks})
    # By the model of the default preset.
    dialog = page.get_by_role("dialog", name="Transcribe 2 files?")
    expect(dialog).to_contain_text("0:05 of audio, about $10.00")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-uploads] > *")).to_have_count(0)
    expect(page.get_by_text("An hour of audio: about $7200.00.")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": talks})
    dialog.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-rows] [data-row]")).to_have_count(2)


@pytest.mark.parametrize("address", ["/library/", "/upload/"])
def test_files_without_a_project_wait_for_the_question_of_the_chosen_one(
    page, cast: Cast, address: str
):
    server = cast.project.connection
    Price.objects.create(connection=server, charge="batch", model="", dollars=720)
    page.goto(address)
    talks = dragged(page, *(file(f"talk {number}.wav", tone(number)) for number in (2, 3)))
    page.dispatch_event("main", "drop", {"dataTransfer": talks})
    rows = page.locator(".upload-row")
    expect(rows.first).to_contain_text("Choose a project")
    name = "Choose a project for the files" if address == "/library/" else "Project"
    choice = page.get_by_label(name, exact=address == "/upload/")
    dialog = page.get_by_role("dialog", name="Transcribe 2 files?")
    choice.select_option("Calls")
    expect(dialog).to_contain_text("0:05 of audio, about $1.00")
    dialog.get_by_role("button", name="Cancel").click()
    expect(choice).to_have_value("")
    expect(rows.first).to_contain_text("Choose a project")
    assert not Upload.objects.exists()
    choice.select_option("Calls")
    dialog.get_by_role("button", name="Upload").click()
    until(page, lambda: Recording.objects.filter(project=cast.second).count() == 2)


def test_a_cost_that_cannot_be_read_is_asked_about_too(page, cast: Cast):
    page.goto(f"/library/?project={cast.project.pk}")
    # A status that Chromium does not report in the console by itself.
    page.route(
        "**/upload/offers/**", lambda route: route.fulfill(status=422, json={"error": "No prices."})
    )
    talks = dragged(page, *(file(f"talk {number}.wav", tone(number)) for number in (2, 3)))
    page.dispatch_event("main", "drop", {"dataTransfer": talks})
    dialog = page.get_by_role("dialog", name="Transcribe 2 files?")
    expect(dialog).to_contain_text("The cost is not known. No prices.")
    dialog.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-rows] [data-row]")).to_have_count(2)


def test_a_failing_file_says_why_on_its_row_and_the_rest_go_on(page, cast: Cast):
    begun = []
    page.on("request", lambda request: begun.append(request.method == "POST"))
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, file("empty.wav", b""), file("talk.wav", tone(1)))
    expect(page.get_by_text("The file is empty")).to_be_visible()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    assert sum(begun) == 1


def test_a_file_over_the_limit_is_refused_before_its_bytes_travel(page, cast: Cast, settings):
    settings.ENV = replace(settings.ENV, max_upload_bytes=1000)
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, file("talk.wav", tone(2)))
    expect(page.get_by_text("at most 1 kB are allowed")).to_be_visible()
    assert "POST" not in sent
    assert not Upload.objects.exists()


def test_a_second_copy_is_named_with_a_link_to_the_first(page, cast: Cast):
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, file("first.wav", tone(1)))
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    choose(page, file("again.wav", tone(1)))
    link = page.locator("[data-duplicate]")
    expect(link).to_have_text("first")
    expect(link).to_have_attribute("href", Recording.objects.get(title="first").get_absolute_url())


def test_an_upload_goes_on_by_itself_after_a_cut(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    cuts: list[str] = []

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
    page.goto(f"/upload/?project={cast.project.pk}")
    held: list[Any] = []

    def hold(route) -> None:
        if route.request.method == "PATCH" and not held and Upload.objects.get().offset_bytes:
            held.append(route)
            site.stop()
        route.continue_()

    page.route("**/uploads/**", hold)
    choose(page, big)
    expect(page.get_by_text("Connection lost. Trying again in")).to_be_visible(timeout=30_000)
    site.start()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    stored = Recording.objects.get()
    with stored.file.open() as kept:
        assert kept.read() == big.read_bytes()


def test_an_upload_goes_on_after_a_reload_when_its_file_is_given_again(
    visits, cast: Cast, big: Path
):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")

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
    percent = int(100 * safe / big.stat().st_size)
    expect(
        page.get_by_text(f"{percent} % uploaded. Select the same file to continue")
    ).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.headers.get("upload-offset", "")))
    choose(page, big)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    assert next(each for each in sent if each) == str(safe)
    assert Recording.objects.get().size_bytes == big.stat().st_size
    page.reload()
    expect(page.locator("[data-uploads] li")).to_have_count(0)


@pytest.fixture
def day_files(tmp_path) -> list[Path]:
    """Three recordings of one name, size and time of change, as recorders write them."""
    paths = []
    for day in range(1, 4):
        path = tmp_path / f"day{day}" / "REC001.wav"
        path.parent.mkdir()
        # Further than one chunk, and different from the first byte after the header on.
        path.write_bytes(tone(5)[:44] + bytes([day]) * 9_000_000)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        paths.append(path)
    return paths


def hold_after_the_first_chunk(page: Page) -> None:
    """Let no upload get further than its first chunk."""

    def hang(route) -> None:
        sent = route.request.headers.get("upload-offset", "0")
        if route.request.method != "PATCH" or sent == "0":
            route.continue_()

    page.route("**/uploads/**", hang)


def leave(page: Page, address: str) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(address)
    page.unroute("**/uploads/**")


def contents() -> set[bytes]:
    return {stored_bytes(recording) for recording in Recording.objects.all()}


def stored_bytes(recording: Recording) -> bytes:
    with recording.file.open() as kept:
        return kept.read()


def test_three_files_of_one_name_size_and_date_are_three_recordings(
    page, cast: Cast, day_files: list[Path]
):
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, *day_files)
    expect(page.get_by_text("3 of 3 files uploaded.")).to_be_visible(timeout=30_000)
    assert contents() == {path.read_bytes() for path in day_files}


def test_a_file_chosen_twice_is_uploaded_once_and_says_so(page, cast: Cast, day_files: list[Path]):
    page.goto(f"/upload/?project={cast.project.pk}")
    hold_after_the_first_chunk(page)
    choose(page, day_files[0])
    expect(page.get_by_text("% ·")).to_be_visible()
    choose(page, day_files[0])
    expect(page.get_by_text("Chosen twice. It is uploaded once")).to_be_visible()
    until(page, lambda: Upload.objects.count() == 1)


def test_a_resumed_upload_never_mixes_two_files(visits, cast: Cast, day_files: list[Path]):
    first, second, _ = day_files
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    hold_after_the_first_chunk(page)
    choose(page, first)
    until(page, lambda: Upload.objects.filter(offset_bytes__gt=0).exists())
    leave(page, f"/upload/?project={cast.project.pk}")
    expect(page.get_by_text("% uploaded. Select the same file")).to_be_visible()
    choose(page, second)
    expect(page.get_by_text("“REC001.wav” chosen now is a different file")).to_be_visible()
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1, timeout=30_000)
    assert contents() == {second.read_bytes()}
    choose(page, first)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(2, timeout=30_000)
    assert contents() == {first.read_bytes(), second.read_bytes()}
    assert not Upload.objects.unfinished().exists()


def test_a_wrong_file_selected_for_an_upload_is_named_and_not_sent(
    visits, cast: Cast, day_files: list[Path], tmp_path
):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    hold_after_the_first_chunk(page)
    choose(page, day_files[0])
    until(page, lambda: Upload.objects.filter(offset_bytes__gt=0).exists())
    leave(page, "/library/")  # the library lists it too
    row = page.locator(".upload-row")
    expect(row).to_contain_text("REC001.wav")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))

    def select(path: Path) -> None:
        with page.expect_file_chooser() as chooser:
            row.get_by_role("button", name="Select the file").click()
        chooser.value.set_files(path)

    other = tmp_path / "other.wav"
    other.write_bytes(tone(1))
    select(other)
    expect(row).to_contain_text("“other.wav” is a different file (4 kB instead of 9.0 MB)")
    select(day_files[1])
    expect(row).to_contain_text("“REC001.wav” is a different file: it does not begin with")
    assert "PATCH" not in sent
    select(day_files[0])
    expect(row).to_have_count(0, timeout=30_000)
    assert contents() == {day_files[0].read_bytes()}


def test_every_chosen_file_is_listed_from_the_first_moment_and_after_leaving(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    patched: list[str] = []

    def first_two(route) -> None:
        if route.request.method == "PATCH":
            patched.append(route.request.url)
            if len(patched) > 2:
                return
        route.continue_()

    page.route("**/uploads/**", first_two)
    names = [f"talk {number}.wav" for number in range(10)]
    choose(page, *(file(name, tone(2 + place)) for place, name in enumerate(names)))
    expect(page.get_by_text(re.compile(r"^talk \d\.wav$"))).to_have_count(10)
    expect(page.get_by_text("2 of 10 files uploaded. Keep this page open")).to_be_visible()
    until(page, lambda: Upload.objects.count() == 10)

    leave(page, "/search/")
    page.get_by_role("button", name="8 uploads, 2 running").click()
    tray = page.get_by_role("region", name="Work in progress")
    for name in names[2:]:
        expect(tray.get_by_role("link", name=name)).to_be_visible()
    tray.get_by_role("link", name=names[5]).click()
    for name in names[2:]:
        expect(page.locator(".upload-row", has_text=name)).to_contain_text(
            "Not uploaded yet. Select the same file to continue"
        )
    choose(page, *(file(name, tone(2 + place)) for place, name in enumerate(names) if place > 1))
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(8)
    titles = Recording.objects.values_list("title", flat=True)
    assert sorted(titles) == sorted(name.removesuffix(".wav") for name in names)


def test_files_chosen_while_the_server_is_away_are_listed_after_a_reload(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    page.route("**/uploads/**", lambda route: route.abort("connectionrefused"))
    choose(page, file("one.wav", tone(1)), file("two.wav", tone(2)), file("three.wav", tone(3)))
    expect(page.get_by_text("Connection lost. Trying again in").first).to_be_visible()
    leave(page, "/upload/")
    for name in ("one.wav", "two.wav", "three.wav"):
        expect(page.locator(".upload-row", has_text=name)).to_contain_text("Not uploaded yet")
    choose(page, file("two.wav", tone(2)))
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    expect(page.locator(".upload-row")).to_have_count(2)


def test_an_upload_whose_last_byte_has_come_finishes_by_itself(page, cast: Cast):
    content = tone(1)
    upload = uploads.begin(cast.ada, cast.project, "talk.wav", len(content), {})
    uploads.append(upload, 0, io.BytesIO(content))
    page.goto(f"/upload/?project={cast.project.pk}")
    expect(page.locator("[data-uploads] [data-row-link]")).to_have_text("talk")
    assert contents() == {content}


def test_an_upload_of_another_tab_is_shown_and_not_asked_for(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    hold_after_the_first_chunk(page)
    choose(page, big)
    expect(page.get_by_text("% ·")).to_be_visible()
    other = page.context.new_page()
    other.goto("/library/")
    row = other.locator(".upload-row")
    expect(row).to_contain_text("Uploading in another tab")
    expect(row.get_by_role("button", name="Select the file")).to_be_hidden()


def test_a_file_that_was_changed_on_disk_is_named(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    held: list[Any] = []

    def hold(route) -> None:
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            held.append(route)
        else:
            route.continue_()

    page.route("**/uploads/**", hold)
    choose(page, big)
    until(page, lambda: held)
    big.write_bytes(tone(4000))
    held[0].abort("connectionreset")
    expect(page.get_by_text("“long talk.wav” can no longer be read.")).to_be_visible()
    expect(page.get_by_role("button", name="Select the file")).to_be_visible()


def test_cancelling_forgets_the_upload_on_both_sides(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    page.route(
        "**/uploads/**",
        lambda route: None if route.request.method == "PATCH" else route.continue_(),
    )
    choose(page, big)
    page.get_by_role("button", name="Cancel the upload of long talk.wav").click()
    expect(page.locator("[data-uploads] li")).to_have_count(0)
    until(page, lambda: not Upload.objects.exists())
    notes = page.evaluate("Object.entries(localStorage).filter(([key]) => /uploads/.test(key))")
    assert [json.loads(noted) for _, noted in notes] == [{}]


def test_leaving_while_bytes_travel_is_asked_about(visits, cast: Cast, big: Path):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    page.route(
        "**/uploads/**",
        lambda route: None if route.request.method == "PATCH" else route.continue_(),
    )
    choose(page, big)
    expect(page.get_by_text("0 %")).to_be_visible()
    page.get_by_role("heading", name="Upload").click()  # only users who did something are asked
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()


def dragged(page: Page, *files: FilePayload) -> JSHandle:
    """Files as the mouse carries them onto a page."""
    return page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files) {
                transfer.items.add(new File([new Uint8Array(bytes)], name, {type: "audio/wav"}));
            }
            return transfer;
        }""",
        [[each["name"], list(each["buffer"])] for each in files],
    )


@pytest.mark.parametrize("address", ["/library/", "/library/?project={}"])
def test_files_dropped_on_the_library_appear_in_it(page, cast: Cast, address: str):
    cast.transcribed("Older", project=cast.second)
    page.goto(address.format(cast.second.pk))
    data = dragged(page, file("dropped.wav", bytes(2000)))
    page.dispatch_event("main", "dragover", {"dataTransfer": data})
    overlay = "Drop to upload" if address == "/library/" else "Drop to upload into Calls"
    expect(page.get_by_role("heading", name=overlay, exact=True)).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": data})
    if address == "/library/":
        expect(page.locator(".upload-row")).to_contain_text("dropped.wav")
        page.get_by_label("Choose a project for the files").select_option("Calls")
    expect(page.locator("[data-rows] [data-row-link]").first).to_have_text("dropped")
    expect(page.locator("[data-row-link]")).to_have_text(["dropped", "Older"])
    assert Recording.objects.get(title="dropped").project == cast.second


def test_an_odd_name_is_shown_literally(page, cast: Cast):
    page.goto(f"/upload/?project={cast.project.pk}")
    choose(page, file('<b>"&.wav', tone(1)))
    expect(page.locator("[data-row-link]")).to_have_text('<b>"&')


def test_an_address_is_queued_and_one_that_cannot_be_is_told(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    address = page.get_by_label("Address of an audio or video file")
    address.fill("ftp://radio.example/talk.mp3")
    page.get_by_role("button", name="Fetch and transcribe").click()
    expect(page.locator("#option-url-problem")).to_be_visible()
    assert not Recording.objects.exists()
    address.fill("https://radio.example/talk.mp3")
    page.get_by_role("button", name="Fetch and transcribe").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("talk")


def test_viewers_are_told_that_they_may_not_add(visits, cast: Cast):
    page = visits.as_user(cast.vera)
    page.goto("/upload/")
    expect(page.get_by_text("You may not upload to any project")).to_be_visible()


def test_an_upload_waits_for_people_who_were_signed_out(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    cookies = page.context.cookies()
    page.context.clear_cookies(name="sessionid")
    choose(page, file("talk.wav", tone(1)))
    expect(page.get_by_text("Sign in again in another tab")).to_be_visible()
    page.context.add_cookies(cookies)
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("has_script", [True, False])
def test_a_bad_web_address_comes_back_with_all_that_was_entered(
    visits, cast: Cast, width: int, has_script: bool
):
    page = visits.as_user(cast.ada, width, java_script_enabled=has_script)
    page.goto("/upload/")
    page.get_by_label("Project", exact=True).select_option(str(cast.second.pk))
    page.get_by_label("Language spoken").select_option("detect")
    page.get_by_label("Speakers").check()
    page.get_by_label("Smart formatting").uncheck()
    page.get_by_label("Key terms").fill("Hollis\nlighthouse")
    page.get_by_label("Address of an audio or video file").fill("https://ada:pw@example.com/a.wav")
    page.get_by_role("button", name="Fetch and transcribe").click()
    expect(page.locator("#option-url-problem")).to_be_visible()
    address = page.get_by_label("Address of an audio or video file")
    expect(address).to_have_value("https://ada:pw@example.com/a.wav")
    expect(address).to_be_focused()
    expect(page.get_by_label("Project", exact=True)).to_have_value(str(cast.second.pk))
    expect(page.get_by_label("Language spoken")).to_have_value("detect")
    expect(page.get_by_label("Speakers")).to_be_checked()
    expect(page.get_by_label("Smart formatting")).not_to_be_checked()
    assert page.get_by_label("Key terms").input_value().split() == ["Hollis", "lighthouse"]
