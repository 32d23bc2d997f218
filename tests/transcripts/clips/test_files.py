"""Files of clips in any format, made by the server of the project."""

import io
from collections.abc import Callable

import av
import httpx
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from management.models import Action, AuditEntry
from management.servers import speech
from tests.pages.cast import Cast, make_cast

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

LONG = "This is a sentence of forty characters. " * 120


class Server:
    """Answers `/v1/speak` with a tenth of a second of raw audio, or with an error."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.error: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        headers = {"content-type": "audio/x", "dg-request-id": "r-7"}
        return self.error or httpx.Response(200, headers=headers, content=bytes([0, 8]) * 2_400)

    @property
    def texts(self) -> list[str]:
        return [httpx.Response(200, content=each.content).json()["text"] for each in self.requests]


@pytest.fixture
def server(monkeypatch) -> Server:
    server = Server()
    monkeypatch.setattr(speech, "transport", httpx.MockTransport(server))
    return server


@pytest.fixture
def cast(media) -> Cast:
    return make_cast()


@pytest.fixture
def make(cast) -> Callable:
    def make(clip, who="ada", **fields):
        client = Client()
        client.force_login(getattr(cast, who))
        return client.post(reverse("clip_file", args=[clip.pk]), fields)

    return make


def test_a_short_text_is_the_servers_own_file(cast, server, make):
    clip = cast.clip("Good morning.", speed=1.2)
    response = make(clip, encoding="opus", container="ogg", bit_rate=24_000)
    assert response.status_code == 200
    assert response.content == bytes([0, 8]) * 2_400
    assert 'filename="Good morning..ogg"' in response["Content-Disposition"]
    (request,) = server.requests
    assert request.url.params.multi_items() == [
        ("model", "aura-2-thalia-en"),
        ("encoding", "opus"),
        ("container", "ogg"),
        ("bit_rate", "24000"),
        ("speed", "1.2"),
        ("tag", f"project:{cast.project.pk}"),
        ("tag", "feature:speak"),
    ]
    (entry,) = AuditEntry.objects.filter(action=Action.CLIP_EXPORTED)
    assert (entry.subject, entry.project_name) == ("Good morning.", cast.project.name)


def test_a_long_text_is_cut_at_sentences_and_joined(cast, server, make):
    response = make(cast.clip(LONG), encoding="mp3")
    assert response["Content-Type"] == "audio/mpeg"
    assert len(server.texts) == 3
    assert "".join(server.texts).split() == LONG.split()
    assert all(len(text) <= 2_000 and text.strip().endswith(".") for text in server.texts)
    asked = dict(server.requests[0].url.params)
    assert (asked["encoding"], asked["container"]) == ("linear16", "none")
    with av.open(io.BytesIO(response.content), "r") as made:
        (stream,) = made.streams.audio
        assert (stream.codec_context.name, stream.sample_rate) == ("mp3float", 22_050)
        seconds = sum(frame.samples for frame in made.decode(stream)) / 22_050
    assert seconds == pytest.approx(3 * 0.1 + 2 * 0.2, abs=0.15)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"encoding": "wma"},
        {"encoding": "mp3", "sample_rate": 16_000},
        {"encoding": "opus", "container": "wav"},
        {"encoding": "flac", "sample_rate": 24_000},
    ],
)
def test_a_format_that_does_not_exist_is_not_requested(cast, server, make, fields):
    response = make(cast.clip(), **fields)
    assert response.status_code == 422
    assert response.json()["error"]
    assert server.requests == []


def test_an_outage_is_told_with_the_request_id(cast, server, make):
    error = {"err_code": "X", "err_msg": "The voice is resting."}
    server.error = httpx.Response(400, json=error, headers={"dg-request-id": "r-9"})
    response = make(cast.clip(), encoding="mp3")
    assert response.status_code == 502
    assert "The voice is resting" in response.json()["error"]
    assert "r-9" in response.json()["error"]


def test_a_viewer_hears_a_clip_and_makes_no_file_of_it(cast, server, make):
    clip = cast.clip()
    client = Client()
    client.force_login(cast.vera)
    assert client.get(reverse("clip_audio", args=[clip.pk])).status_code == 200
    page = client.get(reverse("speak")).content.decode()
    assert clip.text in page
    assert "data-download" not in page
    assert make(clip, who="vera", encoding="mp3").status_code == 404
    assert server.requests == []


def test_deleting_a_clip_deletes_its_sound(cast):
    clip = cast.clip()
    client = Client()
    client.force_login(cast.bob)
    client.post(reverse("clip_delete", args=[clip.pk]))
    assert not default_storage.exists(clip.file.name)
    assert clip.title not in client.get(reverse("speak")).content.decode()


def test_voices_are_listed_by_language(cast):
    connection = cast.project.connection
    for name, languages, metadata in (
        ("aura-2-thalia-en", ["en", "en-US"], {"accent": "American", "tags": ["feminine"]}),
        ("aura-2-celeste-es", ["es"], {}),
        ("odd", [], {"tags": "none", "accent": 5}),
    ):
        connection.speech_models.create(
            kind="tts", uuid=name, canonical_name=name, name=name.split("-")[-2:][0],
            architecture="aura-2", languages=languages, metadata=metadata,
        )  # fmt: skip
    connection.speech_models.create(kind="stt", uuid="nova", canonical_name="nova-3", name="nova")
    client = Client()
    client.force_login(cast.ada)
    url = f"{reverse('speak')}?project={cast.project.pk}"
    page = " ".join(client.get(url).content.decode().split())
    english, other, spanish = (page.index(f'<optgroup label="{name}">') for name in (
        "English", "Other", "Spanish"))  # fmt: skip
    assert english < other < spanish
    assert "Thalia (American, feminine, aura-2)" in page
    assert "nova-3" not in page
