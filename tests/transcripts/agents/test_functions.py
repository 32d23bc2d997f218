"""Responses to function calls: by the library, within the caller's rights, and by webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from engine.thinking.librarian import read_results
from tests.transcripts.search.conftest import hear
from transcripts.agents import webhook
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.defaults import SEARCH_LIBRARY
from transcripts.agents.functions import answer
from transcripts.agents.librarian import attempts
from transcripts.calls.models import Call
from transcripts.media.fetch import Rules
from transcripts.models import Speaker

PRIVATE = Rules(0, private_hosts=True)
PUBLIC = Rules(0)


async def ask(user, project, rules=None, function=SEARCH_LIBRARY, **arguments):
    content = await answer(function, json.dumps(arguments), user=user, project=project, rules=rules)
    return json.loads(content)


def searched(user, project, **arguments):
    return asyncio.run(ask(user, project, **arguments))


@pytest.mark.django_db(transaction=True)
class TestSearch:
    def test_a_result_says_who_said_what_when_and_where(self, project, ada):
        recording = hear(project, "Good morning.", "The budget is spent.", speaker=1)
        assert searched(ada, project, query="budget") == [
            {
                "title": "Monday",
                "speaker": "Speaker 2",
                "start": 10.5,
                "text": "The budget is spent.",
                "url": f"/recordings/{recording.pk}/?t=10.500",
            }
        ]

    def test_a_stranger_finds_nothing(self, project, eve):
        hear(project, "The budget is spent.")
        assert searched(eve, project, query="budget") == []

    def test_other_projects_of_the_caller_are_not_read_into_this_ones_call(
        self, project, other_project, ada
    ):
        other_project.set_role(ada, "owner")
        hear(other_project, "The budget is secret.")
        assert searched(ada, project, query="budget") == []
        assert searched(ada, other_project, query="budget")[0]["text"] == "The budget is secret."

    def test_results_can_be_those_of_one_speaker(self, project, ada):
        hear(project, "The budget is spent.", title="Monday", speaker=0)
        tuesday = hear(project, "The budget is fine.", title="Tuesday", speaker=1)
        name_speaker(tuesday, "Rosa Pérez")
        hits = searched(ada, project, query="budget", speaker="rosa perez")
        assert [hit["title"] for hit in hits] == ["Tuesday"]

    def test_a_speaker_alone_is_enough(self, project, ada, eve):
        name_speaker(hear(project, "No.", "It is fine with me.", speaker=1), "Rosa")
        assert [hit["text"] for hit in searched(ada, project, speaker="Rosa")] == [
            "It is fine with me."
        ]
        assert searched(eve, project, speaker="Rosa") == []

    def test_earlier_calls_are_not_read_out(self, project, ada):
        earlier = hear(project, "Who spoke about the budget?", speaker=1)
        name_speaker(earlier, "Rosa")
        Call.objects.create(project=project, owner=ada, recording=earlier)
        assert searched(ada, project, query="budget") == []
        assert searched(ada, project, speaker="Rosa") == []

    def test_words_that_no_recording_has_together_are_tried_alone(self, project, ada):
        hear(project, "The budgets are spent.")
        assert searched(ada, project, query="budget")
        assert searched(ada, project, query="zebra spent")

    @pytest.mark.parametrize("arguments", [{}, {"query": 7}, {"query": "x " * 2_000}])
    def test_bad_arguments_are_an_error_that_the_model_can_read(self, project, ada, arguments):
        assert searched(ada, project, **arguments)["error"]

    def test_arguments_that_are_no_object_are_an_error(self, project, ada):
        content = asyncio.run(answer(SEARCH_LIBRARY, "[1", user=ada, project=project))
        assert json.loads(content)["error"].startswith("the arguments are not JSON")

    def test_the_librarian_of_the_engine_reads_the_results(self, project, ada):
        hear(project, "The budget is spent.", speaker=1)
        content = asyncio.run(
            answer(SEARCH_LIBRARY, '{"query": "budget"}', user=ada, project=project)
        )
        assert read_results('{"query": "budget"}', content) == (
            "I found one place for budget. In Monday, at 0 seconds, Speaker 2 said: "
            "The budget is spent."
        )


def name_speaker(recording, name: str) -> None:
    run = recording.finished_transcription
    Speaker.objects.create(transcription=run, channel=0, speaker=1, name=name)


def test_a_search_becomes_broader_word_by_word():
    assert list(attempts('the "red" house')) == [
        'the "red" house', "the* red* house*", "house", "the", "red",
    ]  # fmt: skip


class Site:
    """A web server that responds to each path as its name says, and keeps the bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        path = head.split()[1]
        if path == "/silent":
            await reader.read()
        else:
            for part in self.response(path):
                writer.write(part)
                try:
                    await writer.drain()
                except ConnectionError:
                    break
        writer.close()

    def response(self, path: str) -> Iterator[bytes]:
        status = {"/moved": "302 Found", "/broken": "500 Internal Server Error"}.get(path, "200 OK")
        yield f"HTTP/1.1 {status}\r\nlocation: /good\r\nconnection: close\r\n".encode()
        if path == "/packed":
            yield b"content-encoding: gzip\r\n"
        yield b"\r\n"
        if path == "/endless":
            for _ in range(10_000):
                yield b"x" * 1_000
        yield b'{"status": "sent"}'


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def hook(url: str) -> Function:
    return Function("lookup_order", answered_by=AnsweredBy.WEBHOOK, url=url)


class TestWebhook:
    @pytest.mark.full
    async def test_it_receives_the_arguments_and_its_response_is_the_result(self):
        site = Site()
        async with served(site) as url:
            result = await ask(None, None, PRIVATE, hook(f"{url}/good"), id="A 7")
        assert result == {"status": "sent"}
        assert site.bodies == [b'{"id": "A 7"}']

    @pytest.mark.full
    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/broken", "responded with 500"),
            ("/moved", "responded with 302"),
            ("/endless", "more than 100,000 bytes"),
            ("/packed", "compressed"),
        ],
    )
    async def test_a_response_that_cannot_be_used_is_an_error(self, path, words):
        async with served(Site()) as url:
            result = await ask(None, None, PRIVATE, hook(url + path))
        assert words in result["error"]

    @pytest.mark.full
    async def test_it_has_limited_time(self):
        async with served(Site()) as url:
            with pytest.raises(webhook.CallFailed, match=r"no response within 0.2 s"):
                await webhook.call(f"{url}/silent", "{}", PRIVATE, seconds=0.2)

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/",
            "http://localhost:8080/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2130706433/",
        ],
    )
    async def test_an_address_inside_the_network_is_never_connected_to(self, url):
        result = await ask(None, None, PUBLIC, hook(url))
        assert "private network" in result["error"]

    @pytest.mark.parametrize("url", ["ftp://example.com/", "", "http://example.com:22/"])
    async def test_other_addresses_are_rejected(self, url):
        assert (await ask(None, None, PUBLIC, hook(url)))["error"]

    @pytest.mark.full
    async def test_a_local_server_is_refused_without_permission(self):
        site = Site()
        async with served(site) as url:
            assert "Only ports" in (await ask(None, None, PUBLIC, hook(url)))["error"]
        assert site.bodies == []


async def test_a_function_answered_by_hand_waits_for_the_page():
    with pytest.raises(ValueError, match="answered by hand"):
        await answer(Function("ask"), "{}", user=None, project=None)
