"""The local language model: with and without the extra, and its process with a stand-in for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from engine.env import Environment, read_environment
from engine.sessions.agent.thoughts import Text, Thought
from engine.thinking import localmodel, outbound, providers
from engine.thinking.localmodel import LocalModel
from engine.weights.converted import Source
from engine.weights.errors import MissingWeights
from engine.weights.languagemodel import FILE, join, language_model
from engine.wire.agent_messages import Endpoint, Function, History, Think, ThinkProvider

STUB = Path(__file__).parent / "stub"


def think(model: str, url: str = "", *functions: str) -> Think:
    endpoint = Endpoint(url=url) if url else None
    provider = ThinkProvider(type="open_ai", model=model)
    named = [Function(name=name) for name in functions]
    return Think(provider=provider, endpoint=endpoint, functions=named)


def use(monkeypatch: pytest.MonkeyPatch, model: LocalModel) -> LocalModel:
    monkeypatch.setattr(providers, "LOCAL", model)
    return model


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return read_environment({"EARSHOT_DATA": str(tmp_path), "ENGINE_THINK_THREADS": "3"})


async def respond(environment: Environment, *functions: str) -> str:
    asked = think(localmodel.MODEL, "", *functions)
    thought = Thought(1, asked, "", [History(role="user", content="Hi.")])
    parts = [part async for part in providers.respond(thought, environment)]
    return "".join(part.text for part in parts if isinstance(part, Text))


async def test_without_the_extra_everything_is_as_before(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
):
    use(monkeypatch, LocalModel(is_installed=lambda: False))
    assert [one.id for one in providers.offered_models(environment)] == ["librarian"]
    assert providers.model_of(think("gpt-4o-mini"), environment) == "librarian"
    assert providers.problem_of(think("gpt-4o-mini")) == ""


async def test_without_the_extra_its_model_is_an_error_that_names_the_command(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
):
    use(monkeypatch, LocalModel(is_installed=lambda: False))
    assert "make think" in providers.problem_of(think(localmodel.MODEL))
    assert providers.problem_of(think(localmodel.MODEL, "https://example.com/v1")) == ""
    with pytest.raises(outbound.RequestFailed, match="make think"):
        await respond(environment)


def test_with_the_extra_the_model_is_offered_and_thinks_where_no_other_does(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
):
    use(monkeypatch, LocalModel(is_installed=lambda: True))
    assert [one.id for one in providers.offered_models(environment)] == [
        *(localmodel.MODEL, "librarian"),
    ]
    assert providers.model_of(think("gpt-4o-mini"), environment) == localmodel.MODEL
    assert providers.model_of(think("librarian"), environment) == "librarian"
    own = {"INTELLIGENCE_URL": "http://127.0.0.1:1/v1", "INTELLIGENCE_MODEL": "llama"}
    with_url = read_environment({"EARSHOT_DATA": str(tmp_path)} | own)
    assert providers.model_of(think("gpt-4o-mini"), with_url) == "llama"
    assert providers.model_of(think(localmodel.MODEL), with_url) == localmodel.MODEL
    assert providers.problem_of(think(localmodel.MODEL)) == ""


def test_functions_are_for_other_models(environment: Environment, monkeypatch: pytest.MonkeyPatch):
    use(monkeypatch, LocalModel(is_installed=lambda: True))
    assert providers.model_of(think("gpt-4o-mini", "", "search_library"), environment) == (
        "librarian"
    )
    assert "not offered" in providers.warning_of(think(localmodel.MODEL, "", "book"))
    assert providers.warning_of(think(localmodel.MODEL)) == ""
    assert providers.warning_of(think(localmodel.MODEL, "https://example.com", "book")) == ""


@pytest.fixture
async def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalModel]:
    """The real process, with the stand-in for llama.cpp."""
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    model = LocalModel(weights=lambda: tmp_path / "weights", is_installed=lambda: True)
    yield use(monkeypatch, model)
    await model.stop()


@pytest.mark.full
async def test_the_process_is_started_once_with_few_patient_threads(
    environment: Environment, started: LocalModel
):
    await providers.prepare(think(localmodel.MODEL), environment)
    process = psutil.Process((await started.start(environment)).process.pid)
    assert process.nice() >= 10
    # The first request was that of the preparation.
    assert await respond(environment) == "(2, True, (3, 3), (0, 0), ['127.0.0.1'])"
    assert (await respond(environment, "book")).startswith("(3, True")
    await started.stop()
    assert not process.is_running()


@pytest.mark.full
async def test_a_process_that_was_killed_is_started_again(
    environment: Environment, started: LocalModel
):
    running = await started.start(environment)
    running.process.kill()
    await running.process.wait()
    assert (await respond(environment)).startswith("(1, True")


@pytest.mark.full
async def test_the_process_ends_with_the_engine(environment: Environment, started: LocalModel):
    running = await started.start(environment)
    assert running.process.stdin is not None
    running.process.stdin.close()  # as the system does for an engine that was killed
    async with asyncio.timeout(30):
        assert await running.process.wait() == 0


@pytest.mark.full
async def test_a_process_that_fails_is_an_error(
    environment: Environment, started: LocalModel, monkeypatch: pytest.MonkeyPatch
):
    use(monkeypatch, LocalModel(weights=lambda: Path("broken"), is_installed=lambda: True))
    with pytest.raises(outbound.RequestFailed, match="cannot start"):
        await respond(environment)


def source(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, parts: int) -> Source:
    """``content`` in packages of a part each."""
    size = -(-len(content) // parts)
    for number in range(parts):
        package = folder / f"part_of_a_model_{number}"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "part.bin").write_bytes(content[number * size : (number + 1) * size])
    monkeypatch.syspath_prepend(str(folder))
    names = tuple((f"part_of_a_model_{number}", "part.bin") for number in range(parts))
    return Source(names, sha256(content).hexdigest())


def test_the_parts_are_joined_into_the_published_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    parts = source(tmp_path / "packages", monkeypatch, bytes(range(256)) * 9_000, 3)
    folder = tmp_path / "models"
    with pytest.raises(MissingWeights, match="make think"):
        language_model(folder, parts)
    assert join(folder, parts).read_bytes() == bytes(range(256)) * 9_000
    assert language_model(folder, parts) == folder / FILE


def test_parts_of_another_file_are_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    parts = source(tmp_path / "packages", monkeypatch, b"abcdef", 2)
    with pytest.raises(MissingWeights, match="sha256"):
        join(tmp_path / "models", Source(parts.parts, "0" * 64))
    assert list((tmp_path / "models").iterdir()) == []
