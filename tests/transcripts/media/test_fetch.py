"""Audio by web address: what is open to everyone is fetched, what is inside is not."""

import hashlib
import http.server
import re
import socket
import threading
from dataclasses import replace

import httpx
import pytest
from django.urls import reverse
from django.utils.html import escape

from network.addresses import is_public
from tests.transcripts.conftest import wav_bytes
from transcripts.media import fetch, storage
from transcripts.media.fetch import Rejected, Rules, Unreachable
from transcripts.models import Recording, State
from transcripts.stages.transcribing import transcribe

AUDIO = wav_bytes(1.0)
INSIDE = Rules(max_bytes=10_000_000, private_hosts=True)
OUTSIDE = Rules(max_bytes=10_000_000)


class Site(http.server.BaseHTTPRequestHandler):
    """A web server whose paths behave as their names say."""

    asked: list[str] = []

    def do_GET(self):
        Site.asked.append(self.path)
        act = getattr(self, self.path.strip("/").split("?")[0].split(".")[0], None)
        if act is None:
            self.send_error(404)
        else:
            act()

    def respond(self, body=AUDIO, status=200, **headers):
        self.send_response(status)
        usual = {"Content_Type": "audio/wav", "Content_Length": str(len(body))}
        for name, value in (usual | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def talk(self):
        self.respond()

    def named(self):
        self.respond(Content_Disposition="attachment; filename*=UTF-8''../b%C3%BCro.wav")

    def moved(self):
        self.respond(b"", 302, Location="/talk.wav")

    def round(self):
        self.respond(b"", 302, Location="/round")

    def inward(self):
        self.respond(b"", 302, Location="http://169.254.169.254/latest/meta-data/")

    def nowhere(self):
        self.respond(b"", 302, Location="http://xn--/")

    def away(self):
        self.respond(b"", 302, Location="file:///etc/passwd")

    def page(self):
        self.respond(b"<html>", Content_Type="text/html; charset=utf-8")

    def packed(self):
        self.respond(Content_Encoding="gzip")

    def busy(self):
        self.respond(b"", 503)

    def empty(self):
        self.respond(b"")

    def short(self):
        self.respond(AUDIO[:100], Content_Length="1000")

    def announced(self):
        self.respond(b"x", Content_Length=str(10**12))

    def endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            pass

    def trickle(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x")
        self.wfile.flush()
        threading.Event().wait(20)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(full_lane):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(url, tmp_path, rules=INSIDE, watch=lambda line: None):
    return fetch.fetch(url, tmp_path / "fetched", rules, watch)


def test_file_is_fetched_and_hashed(site, tmp_path):
    fetched = get(f"{site}/talk.wav?key=1", tmp_path)
    assert (tmp_path / "fetched").read_bytes() == AUDIO
    assert fetched.sha256 == hashlib.sha256(AUDIO).hexdigest()
    assert (fetched.name, fetched.size_bytes) == ("talk.wav", len(AUDIO))


def test_redirect_is_followed(site, tmp_path):
    assert get(f"{site}/moved", tmp_path).name == "talk.wav"


def test_name_is_the_servers_without_its_path(site, tmp_path):
    assert get(f"{site}/named", tmp_path).name == "büro.wav"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.wav",
        "http://localhost:8080/a.wav",
        "http://[::1]/a.wav",
        "http://[::ffff:10.0.0.1]/a.wav",
        "http://[64:ff9b::a00:1]/a.wav",
        "http://[fe80::1]/a.wav",
        "http://2130706433/a.wav",
        "http://0x7f.1/a.wav",
        "http://0177.0.0.1/a.wav",
        "http://0.0.0.0/a.wav",
        "http://10.1.2.3/a.wav",
        "http://172.16.0.1/a.wav",
        "http://192.168.1.1/a.wav",
        "http://100.64.0.1/a.wav",
        "http://169.254.169.254/latest/meta-data/",
        "http://224.0.0.1/a.wav",
    ],
)
def test_inside_addresses_are_refused_in_any_form(url, tmp_path):
    with pytest.raises(Rejected, match=r"private network|not a web address"):
        get(url, tmp_path, OUTSIDE)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/a.wav", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("http:///a.wav", "http:// or https://"),
        ("http://ada:secret@example.com/a.wav", "user name or password"),
        ("http://example.com:22/a.wav", "Only ports 80, 443, 8080 and 8443 are allowed"),
        ("http://[::1/a.wav", "not a web address"),
        ("http://xn--/a.wav", "not a web address"),
        ("http://example.com:65536/a.wav", "not a web address"),
    ],
)
def test_addresses_that_are_none_are_refused_without_asking(url, words):
    with pytest.raises(Rejected, match=words):
        fetch.check_address(url, OUTSIDE)


def test_name_with_one_inside_address_is_refused(monkeypatch, tmp_path):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 80)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(Rejected, match="private network"):
        get("http://both.example/a.wav", tmp_path, OUTSIDE)


def test_name_is_resolved_once_and_the_checked_address_connected_to(monkeypatch, tmp_path):
    resolved, connected = [], []

    def rebinding(host, port, *args, **kwargs):
        resolved.append(host)
        address = "93.184.216.34" if len(resolved) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def refuse(address, *args, **kwargs):
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(Unreachable):
        get("http://rebind.example/a.wav", tmp_path, OUTSIDE)
    assert resolved == ["rebind.example"]
    assert connected == ["93.184.216.34"]


def test_redirect_to_an_inside_address_is_refused(site, tmp_path, monkeypatch):
    Site.asked.clear()
    # This machine's own server stands for a public one.
    monkeypatch.setattr(fetch, "is_public", lambda each: each == "127.0.0.1" or is_public(each))
    monkeypatch.setattr(fetch, "WEB_PORTS", frozenset({80, int(site.rpartition(":")[2])}))
    with pytest.raises(Rejected, match="private network"):
        get(f"{site}/inward", tmp_path, OUTSIDE)
    assert Site.asked == ["/inward"]


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("round", Rejected, "redirects more than 5 times"),
        ("away", Rejected, "http:// or https://"),
        ("nowhere", Unreachable, "does not respond as a web server does"),
        ("page", Rejected, "that of a web page"),
        ("packed", Rejected, "compressed"),
        ("missing", Rejected, r"404 \(Not Found\)"),
        ("empty", Rejected, "empty"),
        ("announced", Rejected, "limit of 10,000,000 bytes"),
        ("endless", Rejected, "limit of 10,000,000 bytes"),
        ("busy", Unreachable, r"503 \(Service Unavailable\)"),
        ("short", Unreachable, "was lost"),
    ],
)
def test_answers_that_are_no_recording_say_why(site, tmp_path, path, error, words):
    with pytest.raises(error, match=words):
        get(f"{site}/{path}", tmp_path)


def test_server_that_trickles_is_cut_off(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 1.0)
    with pytest.raises(Unreachable, match="was lost"):
        get(f"{site}/trickle", tmp_path)


def test_fetch_is_ended_from_another_thread(site, tmp_path):
    lines: list[str] = []

    def watch(line):
        if not lines:
            threading.Timer(0.5, line.cut).start()
        lines.append(line)

    with pytest.raises(Unreachable):
        get(f"{site}/trickle", tmp_path, watch=watch)


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
class TestJob:
    @pytest.fixture(autouse=True)
    def inside(self, settings):
        settings.ENV = replace(settings.ENV, fetch_private_hosts=True)

    def submit(self, client, project, url, **options):
        form = {"url": url, "project": project.pk, "model": "nova-3"} | options
        return client.post(reverse("upload_by_url"), form)

    def test_address_becomes_a_recording_with_its_transcript(
        self, client, ada, project, site, service, rings
    ):
        client.force_login(ada)
        response = self.submit(client, project, f"{site}/talk.wav", diarize="on")
        recording = Recording.objects.get()
        assert response["Location"] == recording.get_absolute_url()
        assert (recording.title, recording.state) == ("talk", State.QUEUED)
        assert rings == [("transcripts.transcribe", recording.transcription.pk)]
        transcribe(recording.transcription.pk)
        recording.refresh_from_db()
        assert recording.state == State.DONE
        assert recording.sha256 == hashlib.sha256(AUDIO).hexdigest()
        assert recording.file.read() == AUDIO == service.bodies[0]
        assert service.requests[0].url.params["diarize"] == "true"

    def test_a_title_that_was_typed_before_the_audio_came_stays(
        self, client, ada, project, site, service, rings
    ):
        client.force_login(ada)
        self.submit(client, project, f"{site}/named")
        recording = Recording.objects.get()
        recording.rename("Board meeting")
        transcribe(recording.transcription.pk)
        recording.refresh_from_db()
        assert (recording.title, recording.original_name) == ("Board meeting", "büro.wav")
        self.submit(client, project, f"{site}/named")
        unnamed = Recording.objects.exclude(pk=recording.pk).get()
        transcribe(unnamed.transcription.pk)
        unnamed.refresh_from_db()
        assert unnamed.title == "büro"

    def test_a_file_with_no_room_beside_announced_uploads_waits(
        self, client, ada, project, site, service, rings, monkeypatch
    ):
        client.force_login(ada)
        self.submit(client, project, f"{site}/talk.wav")
        run = Recording.objects.get().transcription
        monkeypatch.setattr(storage, "SPARE_BYTES", 2**60)
        transcribe(run.pk)
        run.refresh_from_db()
        assert (run.state, "no room" in run.error) == (State.QUEUED, True)
        assert not service.requests

    def test_retry_does_not_fetch_again(self, client, ada, project, site, service):
        client.force_login(ada)
        self.submit(client, project, f"{site}/talk.wav")
        service.returns(httpx.Response(400, json={"err_msg": "No."}))
        run = Recording.objects.get().transcription
        Site.asked.clear()
        transcribe(run.pk)
        Recording.objects.get().retry()
        transcribe(run.pk)
        assert (Site.asked, len(service.requests)) == (["/talk.wav"], 2)

    def test_page_fails_with_a_reason(self, client, ada, project, site, service):
        client.force_login(ada)
        self.submit(client, project, f"{site}/page")
        run = Recording.objects.get().transcription
        transcribe(run.pk)
        run.refresh_from_db()
        assert (run.state, "that of a web page" in run.error) == (State.FAILED, True)

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("http://ada:pw@example.com/a.wav", "password"),
            ("no address", "valid URL"),
            ("ftp://example.com/a.wav", ""),
            ("", "required"),
            ("https://example.com/" + "a" * 2_000, "2000"),
        ],
    )
    def test_a_bad_address_comes_back_with_all_that_was_entered(
        self, client, ada, project, settings, url, problem
    ):
        settings.ENV = replace(settings.ENV, fetch_private_hosts=False)
        client.force_login(ada)
        options = {
            "diarize": "on",
            "redact": ["ssn"],
            "keyterm": "Hollis\r\nBuoy",
            "language": "detect",
        }
        for headers in ({}, {"HX-Request": "true"}):
            form = {"url": url, "project": project.pk, "model": "nova-3"} | options
            response = client.post(reverse("upload_by_url"), form, headers=headers)
            page = response.content.decode()
            assert response.status_code == 422
            assert f'value="{escape(url)}"' in page
            assert problem in page.partition('id="option-url-problem"')[2].partition("</p>")[0]
            assert re.search(r'name="diarize"\s+checked', page)
            assert not re.search(r'name="smart_format"\s+checked', page)
            assert re.search(r'value="ssn"\s+checked', page)
            assert re.search(r'value="detect"\s+selected', page)
            assert re.search(rf'value="{project.pk}"\s+selected', page)
            assert "Hollis\nBuoy" in page
        assert not Recording.objects.exists()

    def test_the_address_of_a_page_with_errors_may_be_opened_again(self, client, ada, project):
        client.force_login(ada)
        assert client.get(reverse("upload_by_url"))["Location"] == reverse("upload")

    def test_strangers_and_viewers_may_not(self, client, vera, eve, project, site):
        for user in (vera, eve):
            client.force_login(user)
            self.submit(client, project, f"{site}/talk.wav")
        assert not Recording.objects.exists()
