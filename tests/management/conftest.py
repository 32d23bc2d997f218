"""A speech account on the other side of the client."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from management import speech


class Account(httpx.BaseTransport):
    """A server whose lists can be changed; ``broken`` makes it response with that status."""

    def __init__(self) -> None:
        self.projects = [{"project_id": "p-1", "name": "Interviews"}]
        self.stt = [model("m-1", "nova-3-general")]
        self.tts = [model("m-2", "aura-2-thalia-en")]
        self.broken = 0
        self.keys: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("authorization", ""))
        if self.broken:
            return httpx.Response(self.broken, json={"err_msg": "No.", "request_id": "r-1"})
        bodies: dict[str, Any] = {
            "/v1/projects": {"projects": self.projects},
            "/v1/models": {"stt": self.stt, "tts": self.tts},
        }
        return httpx.Response(200, content=json.dumps(bodies[request.url.path]))


def model(uuid: str, name: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name.split("-")[-1],
        "canonical_name": name,
        "architecture": "nova-3",
        "version": "1",
        "languages": ["en"],
        "batch": True,
        "streaming": True,
    }


@pytest.fixture
def account(monkeypatch) -> Account:
    account = Account()
    monkeypatch.setattr(speech, "transport", account)
    return account


@pytest.fixture
def engine_key(settings, tmp_path: Path) -> Path:
    """The engine in the box has started and made its key."""
    settings.DATA = tmp_path
    settings.ENV = replace(
        settings.ENV,
        deepgram_api_key="",
        deepgram_base_url="",
        host="127.0.0.1",
        engine_port=8001,
        admin_email="",
        admin_password="",
    )
    path = tmp_path / "engine.key"
    path.write_text("engine-key-1\n")
    return path
