"""Handshakes of the sockets, in process: checked before anything is accepted."""

import json
from typing import Any

import pytest

from engine.consumers import flux, listen, speak
from engine.gateway.operations import SocketOperation, find_socket
from engine.models import Request
from tests.engine.inprocess import WAIT_SECONDS, Inside

RAW = "encoding=linear16&sample_rate=16000"
PATHS = {
    "/v1/listen": listen.ListenConsumer,
    "/v2/listen": flux.FluxConsumer,
    "/v1/speak": speak.SpeakConsumer,
    "/v2/speak": speak.FluxSpeakConsumer,
}


async def rejected(inside: Inside, path: str, query: str = "", key: str = "") -> tuple[int, Any]:
    """The HTTP status and the body of a rejected handshake."""
    socket, start = await inside.handshake(path, query, key)
    assert start["type"] == "websocket.http.response.start", start
    body = (await socket.receive_output(WAIT_SECONDS))["body"]
    await socket.wait(WAIT_SECONDS)
    return start["status"], json.loads(body)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("path", "consumer"), PATHS.items())
def test_each_path_has_its_consumer(path: str, consumer: type):
    assert find_socket(path) is consumer
    declared = vars(consumer)["operation"]
    assert isinstance(declared, SocketOperation)
    assert declared.scope == "usage:write"


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_that_is_unknown_is_rejected(inside: Inside, path: str):
    status, body = await rejected(inside, path, RAW, key="x" * 40)
    assert (status, body["err_code"]) == (401, "INVALID_AUTH")


@pytest.mark.parametrize("path", ["/", "/v1/nowhere", "/v1/read", "/v3/listen"])
async def test_a_path_without_a_socket_is_a_404(inside: Inside, path: str):
    assert (await rejected(inside, path))[0] == 404


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/listen", "encoding=mp4"),
        ("/v1/listen", f"{RAW}&interim_results=perhaps"),
        ("/v1/listen", f"{RAW}&utterance_end_ms=10&interim_results=true"),
        ("/v1/listen", f"{RAW}&detect_language=true"),
        ("/v1/listen", f"{RAW}&language=klingon"),
        ("/v2/listen", f"{RAW}&model=flux-general-en&eot_threshold=2"),
        ("/v2/listen", f"{RAW}&model=flux-general-en&redact=names"),
        ("/v1/speak", "encoding=mp3"),
        ("/v1/speak", "model=aura-9-nobody-xx"),
        ("/v2/speak", "model=aura-9-nobody-xx"),
    ],
)
async def test_options_that_cannot_be_are_rejected_and_logged(
    inside: Inside, path: str, query: str
):
    status, body = await rejected(inside, path, query)
    assert status == 400
    assert body
    row = await Request.objects.aget()
    assert (row.code, row.method) == (400, "streaming")
