"""The socket of the Speak page, with a speech server in the same loop."""

from __future__ import annotations

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from websockets.asyncio.server import ServerConnection, serve

from management.models import (
    Budget,
    Connection,
    Membership,
    Model,
    Price,
    Project,
    Reservation,
    User,
)
from tests.pages.cast import Cast, make_cast
from tests.transcripts.consumers.tabs import Tab
from transcripts.clips.models import Clip
from transcripts.clips.pace import TextPace
from transcripts.clips.speaking import Server, speaking
from transcripts.consumers import sockets

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

TEXT = "Good morning. The meeting is on Friday, in the large room."


class Speaker:
    """A speech server: 100 samples for each piece of text."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.port = 0
        self.is_silent = self.warns = False
        self.closed = asyncio.Event()

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        try:
            async for frame in connection:
                await self._hear(connection, json.loads(frame))
        finally:
            self.closed.set()

    async def _hear(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        if self.is_silent:
            return
        if self.warns:
            warning = {"type": "Warning", "code": "DATA-0001", "description": "slow down"}
            await connection.send(json.dumps(warning))
            self.warns = False
        if frame["type"] == "Speak":
            await connection.send(bytes([1, 0]) * 100)
        if frame["type"] == "Flush":
            flushed = {"type": "Flushed", "sequence_id": 0}
            if "/v2/" in self.paths[-1]:
                flushed = {"type": "SpeechMetadata", "speech_id": "dg_sp_1"}
            await connection.send(json.dumps(flushed))

    @property
    def texts(self) -> list[str]:
        return [frame["text"] for frame in self.frames if frame["type"] == "Speak"]


@pytest_asyncio.fixture
async def speaker() -> AsyncIterator[Speaker]:
    speaker = Speaker()
    async with serve(speaker.handle, "127.0.0.1", 0) as server:
        speaker.port = server.sockets[0].getsockname()[1]
        yield speaker


@pytest_asyncio.fixture
async def cast(speaker: Speaker, transactional_db: None, settings, tmp_path, media) -> Cast:
    settings.UPLOADS = tmp_path / "uploads"

    def make() -> Cast:
        cast = make_cast()
        Connection.objects.update(base_url=f"http://127.0.0.1:{speaker.port}")
        for name in ("aura-2-thalia-en", "flux-haley-en"):
            Model.objects.create(
                connection=cast.project.connection, kind="tts", uuid=name, canonical_name=name,
                name=name, languages=["en"],
            )  # fmt: skip
        return cast

    return await sync_to_async(make)()


class SpeakTab(Tab):
    """A browser tab with the Speak page."""

    def __init__(self, user: User | None) -> None:
        super().__init__("/speak/socket", user)

    async def next(self) -> Any:
        """Return the next message, or the bytes of a binary one."""
        output = await self.receive_output(60)
        if output["type"] == "websocket.close":
            return dict(output)
        return output.get("bytes") or json.loads(output["text"])

    async def hears_all(self, last: str) -> list[Any]:
        heard: list[Any] = []
        while not heard or isinstance(heard[-1], bytes) or heard[-1]["type"] != last:
            heard.append(await self.next())
        return heard


async def tab_of(user: User | None) -> SpeakTab:
    def make() -> SpeakTab:
        return SpeakTab(user)

    tab = await sync_to_async(make)()
    assert (await tab.connect())["type"] == "websocket.accept"
    return tab


async def clips() -> list[Clip]:
    return [clip async for clip in Clip.objects.all()]


def speech_of(project: Project, text: str = TEXT, **facts: Any) -> dict[str, Any]:
    return {
        "type": "Speak",
        "project": project.pk,
        "model": "aura-2-thalia-en",
        "text": text,
    } | facts


async def test_sound_comes_as_it_is_made_and_is_kept_with_its_text(cast, speaker):
    tab = await tab_of(cast.bob)
    await tab.asks(**speech_of(cast.project, speed=1.2))
    started, *sound, spoken = await tab.hears_all("Spoken")
    await tab.leave()
    assert started["type"] == "Started"
    assert started["sample_rate"] == 24_000
    assert b"".join(sound) == bytes([1, 0]) * 200
    assert speaker.texts == ["Good morning. ", "The meeting is on Friday, in the large room."]
    assert "speed=1.2" in speaker.paths[0]
    (clip,) = await clips()
    assert spoken["url"] == f"/clips/{clip.pk}/"
    assert (clip.text, clip.model, clip.speed) == (TEXT, "aura-2-thalia-en", 1.2)
    assert (clip.project_id, clip.owner_id) == (cast.project.pk, cast.bob.pk)
    with default_storage.open(clip.file.name) as file, wave.open(file) as kept:
        assert kept.readframes(1_000) == b"".join(sound)
        assert kept.getframerate() == 24_000


async def test_a_flux_voice_speaks_over_its_own_socket(cast, speaker):
    tab = await tab_of(cast.ada)
    await tab.asks(**speech_of(cast.project, model="flux-haley-en"))
    await tab.hears_all("Spoken")
    await tab.leave()
    assert speaker.paths[0].startswith("/v2/speak?model=flux-haley-en")
    assert "tag=feature%3Aspeak" in speaker.paths[0]
    assert [frame["type"] for frame in speaker.frames] == ["Speak", "Speak", "Flush"]


async def test_a_warning_of_the_server_slows_the_text_down(cast, speaker):
    speaker.warns = True
    server = Server(f"http://127.0.0.1:{speaker.port}", "key", ())
    async with speaking(server, "aura-2-thalia-en", None, ["One. ", "Two."]) as speech:
        sound = [audio async for audio in speech]
    assert b"".join(sound) == bytes([1, 0]) * 200
    assert speech.pace.wait(1_300, 0.0) > 0
    assert TextPace().wait(1_300, 0.0) == 0.0


async def test_a_sample_of_a_voice_is_not_kept(cast, speaker):
    tab = await tab_of(cast.ada)
    await tab.asks(type="Sample", project=cast.project.pk, model="aura-2-thalia-en")
    heard = await tab.hears_all("Spoken")
    await tab.leave()
    assert heard[-1]["url"] == ""
    assert speaker.texts[0] == "Hello! "
    assert await clips() == []


async def test_a_text_counts_against_the_budget(cast, speaker):
    def limit() -> None:
        Price.objects.create(connection=cast.project.connection, charge="speak", dollars=1.0)
        Budget.objects.create(project=cast.project, dollars=0.1)

    await sync_to_async(limit)()
    tab = await tab_of(cast.bob)
    await tab.asks(**speech_of(cast.project))
    await tab.hears_all("Spoken")
    held = await Reservation.objects.aget()
    assert held.dollars == pytest.approx(len(TEXT) / 1000)
    assert held.settled_at is not None
    await tab.asks(**speech_of(cast.project))
    failed = await tab.next()
    assert "The monthly budget of Interviews ($0.10) does not allow it" in failed["message"]
    await tab.leave()
    assert len(await clips()) == 1
    assert await Reservation.objects.acount() == 1


async def test_a_text_without_sound_gives_its_reservation_up(cast, speaker):
    await Budget.objects.acreate(project=cast.project, dollars=0.1)
    speaker.is_silent = True
    tab = await tab_of(cast.bob)
    await tab.asks(**speech_of(cast.project))
    await tab.hears_all("Started")
    assert await Reservation.objects.acount() == 1
    await tab.leave()
    assert await Reservation.objects.acount() == 0


async def test_stop_means_stop(cast, speaker, settings):
    speaker.is_silent = True
    tab = await tab_of(cast.ada)
    await tab.asks(**speech_of(cast.project))
    await tab.hears_all("Started")
    await tab.asks(type="Stop")
    async with asyncio.timeout(60):
        await speaker.closed.wait()
    assert await tab.receive_nothing()
    await tab.leave()
    assert await clips() == []
    assert list(settings.UPLOADS.iterdir()) == []


async def test_closing_the_page_stops_the_server(cast, speaker, settings):
    speaker.is_silent = True
    tab = await tab_of(cast.ada)
    await tab.asks(**speech_of(cast.project))
    await tab.hears_all("Started")
    await tab.leave()
    async with asyncio.timeout(60):
        await speaker.closed.wait()
    assert list(settings.UPLOADS.iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"text": " \n "}, "Enter a text."),
        ({"text": "x" * 20_001}, "at most 20000 characters"),
        ({"model": "aura-2-nobody-en"}, "does not have this voice"),
        ({"speed": 3}, "0.7 to 1.5"),
        ({"project": 0}, "does not exist"),
        ({"project": {"a": []}, "model": ["x"], "text": 5}, "does not exist"),
    ],
)
async def test_what_cannot_be_spoken_is_not_sent(cast, speaker, facts, message):
    tab = await tab_of(cast.ada)
    await tab.asks(**speech_of(cast.project) | facts)
    failed = await tab.next()
    await tab.leave()
    assert failed["type"] == "Failed"
    assert message in failed["message"]
    assert speaker.paths == []


@pytest.mark.parametrize("name", ["vera", "eve"])
async def test_only_who_may_add_to_a_project_speaks_in_it(cast, speaker, name):
    tab = await tab_of(getattr(cast, name))
    await tab.asks(**speech_of(cast.project))
    assert (await tab.next())["message"] == "This project does not exist."
    await tab.leave()
    assert speaker.paths == []


async def test_a_stranger_to_the_team_gets_nothing(cast):
    tab = await tab_of(None)
    assert (await tab.next())["code"] == 4401
    await tab.leave()


async def test_a_lost_role_closes_the_socket(cast, speaker, monkeypatch):
    monkeypatch.setattr(sockets, "ACCESS_SECONDS", 0.05)
    speaker.is_silent = True
    tab = await tab_of(cast.bob)
    await tab.asks(**speech_of(cast.project))
    await tab.hears_all("Started")
    await sync_to_async(Membership.objects.filter(user=cast.bob).delete)()
    assert (await tab.next())["code"] == 4404
    await tab.leave()


async def test_an_outage_is_told(cast, speaker):
    await sync_to_async(Connection.objects.update)(base_url="http://127.0.0.1:9")
    tab = await tab_of(cast.ada)
    await tab.asks(**speech_of(cast.project))
    failed = await tab.next()
    await tab.leave()
    assert failed["type"] == "Failed"
    assert "cannot be reached" in failed["message"]
