"""Behaviour of real sockets: memory, broken connections, silence."""

import io
import json
import socket
import struct
import threading
import tracemalloc
from typing import BinaryIO

import pytest

from speechclient import ListenOptions, ServiceUnavailable, SpeakOptions, SpeechClient, Timeouts
from tests.speechclient.conftest import read_request
from tests.speechclient.responses import listen_body, word

pytestmark = pytest.mark.full

OPTIONS = ListenOptions()
SHORT = Timeouts(
    connect_seconds=1, write_seconds=0.3, read_seconds=0.3, response_seconds=0.3, body_seconds=1
)
BODY = json.dumps(listen_body(word("hello"))).encode()


def http_head(length: int, content_type: str = "application/json") -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n"
        f"dg-request-id: r-1\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def reset(connection: socket.socket) -> None:
    """Close with RST, as a machine does that has forgotten the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Zeros(io.RawIOBase, BinaryIO):
    """A recording of ``size`` bytes that is nowhere stored."""

    def __init__(self, size: int):
        self.left = size

    def readable(self):
        return True

    def read(self, size=-1):
        piece = bytes(min(size, self.left))
        self.left -= len(piece)
        return piece


@pytest.mark.parametrize("declared", [True, False])
def test_memory_does_not_grow_with_the_recording(listener, declared):
    size = 200 * 1024 * 1024
    received = []

    def respond(connection):
        received.append(read_request(connection)[1])
        connection.sendall(http_head(len(BODY)) + BODY)

    client = SpeechClient(listener(respond))
    tracemalloc.start()
    try:
        response = client.transcribe(Zeros(size), OPTIONS, size_bytes=size if declared else None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.transcript == "hello"
    assert received[0] >= size
    assert peak < 20 * 1024 * 1024


def test_a_cancelled_upload_stops_and_closes_its_connection(listener):
    ended = threading.Event()
    size = 200 * 1024 * 1024
    received = []

    def swallow(connection):
        received.append(read_request(connection)[1])
        ended.set()

    class Cancelled(Exception):
        pass

    def cancel(sent):
        if sent >= 1024 * 1024:
            raise Cancelled

    with pytest.raises(Cancelled):
        SpeechClient(listener(swallow)).transcribe(
            Zeros(size), OPTIONS, size_bytes=size, on_sent=cancel
        )
    assert ended.wait(10)
    assert received[0] < size / 2


def test_a_server_that_stops_reading_is_noticed(listener):
    hold = threading.Event()
    client = SpeechClient(listener(lambda connection: hold.wait(10)), timeouts=SHORT)
    with pytest.raises(ServiceUnavailable, match="takes no more data"):
        client.transcribe(Zeros(200 * 1024 * 1024), OPTIONS)
    hold.set()


def test_a_server_that_never_answers_is_noticed(listener):
    hold = threading.Event()

    def silent(connection):
        read_request(connection)
        hold.wait(10)

    client = SpeechClient(listener(silent), timeouts=SHORT)
    with pytest.raises(ServiceUnavailable, match="silent for too long"):
        client.transcribe(io.BytesIO(b"audio"), OPTIONS)
    hold.set()


def test_silence_within_an_answer_is_not_given_the_time_of_work(listener):
    hold = threading.Event()

    def half(connection):
        read_request(connection)
        connection.sendall(http_head(len(BODY)) + BODY[:20])
        hold.wait(10)

    timeouts = Timeouts(read_seconds=600, response_seconds=0.3)
    with pytest.raises(ServiceUnavailable, match="silent for too long") as broken:
        SpeechClient(listener(half), timeouts=timeouts).transcribe(io.BytesIO(b"audio"), OPTIONS)
    assert broken.value.request_id == "r-1"
    hold.set()


def test_an_answer_that_trickles_for_ever_is_given_up(listener):
    def trickle(connection):
        read_request(connection)
        connection.sendall(http_head(10**6))
        while not threading.Event().wait(0.05):
            connection.sendall(b" ")

    with pytest.raises(ServiceUnavailable, match="took longer than 1 s"):
        SpeechClient(listener(trickle), timeouts=SHORT).transcribe(io.BytesIO(b"audio"), OPTIONS)


def test_an_answer_in_single_bytes_is_whole(listener):
    def slice_up(connection):
        read_request(connection)
        for byte in http_head(len(BODY)) + BODY:
            connection.sendall(bytes([byte]))

    assert SpeechClient(listener(slice_up)).transcribe(io.BytesIO(b"a"), OPTIONS).raw == BODY


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 2", http_head(len(BODY)) + BODY[:50]])
@pytest.mark.parametrize("end", [reset, socket.socket.close])
def test_a_connection_broken_at_any_point_is_an_outage(listener, part, end):
    def break_off(connection):
        read_request(connection)
        connection.sendall(part)
        end(connection)

    with pytest.raises(ServiceUnavailable, match="was lost"):
        SpeechClient(listener(break_off)).transcribe(io.BytesIO(b"audio"), OPTIONS)


def test_a_refusal_before_the_upload_is_read_reaches_the_caller(listener):
    def refuse(connection):
        connection.recv(65_536)
        body = b'{"err_code": "TOO_MANY_REQUESTS", "err_msg": "Too many requests."}'
        head = f"HTTP/1.1 429 X\r\nretry-after: 5\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with pytest.raises(ServiceUnavailable, match="Too many requests") as rejected:
        SpeechClient(listener(refuse)).transcribe(Zeros(5_000_000), OPTIONS)
    assert rejected.value.retry_after == 5.0


def test_what_is_not_http_is_an_outage(listener):
    def gibberish(connection):
        read_request(connection)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with pytest.raises(ServiceUnavailable):
        SpeechClient(listener(gibberish)).transcribe(io.BytesIO(b"audio"), OPTIONS)


def test_nobody_listening_is_an_outage():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = SpeechClient(f"http://127.0.0.1:{port}", sleep=lambda _: None)
    with pytest.raises(ServiceUnavailable, match=f"cannot be reached.*{port}"):
        client.projects()


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(listener, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    def response(connection):
        read_request(connection)
        connection.sendall(http_head(len(BODY)) + BODY)

    assert SpeechClient(listener(response)).transcribe(io.BytesIO(b"a"), OPTIONS).transcript


def test_speech_can_be_heard_before_it_is_all_there(listener):
    heard = threading.Event()

    def speak(connection):
        read_request(connection)
        connection.sendall(http_head(6, "audio/mpeg") + b"one")
        heard.wait(10)
        connection.sendall(b"two")

    with SpeechClient(listener(speak)).speak("Hello.", SpeakOptions()) as speech:
        pieces = iter(speech)
        assert next(pieces) == b"one"
        heard.set()
        assert b"".join(pieces) == b"two"


def test_speech_that_breaks_off_is_not_taken_for_whole(listener):
    def speak(connection):
        read_request(connection)
        connection.sendall(http_head(6, "audio/mpeg") + b"one")

    with pytest.raises(ServiceUnavailable, match="was lost") as broken:
        SpeechClient(listener(speak)).speak("Hello.", SpeakOptions()).read()
    assert broken.value.request_id == "r-1"
