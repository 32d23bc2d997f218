"""A language model of the test's own: an HTTP server that streams what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


def say(*texts: str) -> list[Body]:
    """Events of Chat Completions that write ``texts``, and the count of tokens."""
    written = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return [*written, {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 7}}]


def call(name: str, arguments: Body, call_id: str = "call-1") -> list[Body]:
    """Events of Chat Completions that call a function, its arguments in two parts."""
    text = json.dumps(arguments)
    parts = [
        {"index": 0, "id": call_id, "function": {"name": name, "arguments": text[:4]}},
        {"index": 0, "function": {"arguments": text[4:]}},
    ]
    return [{"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]} for part in parts]


class LanguageModel:
    """Responds to each request with the events that ``respond`` returns for its body.

    ``status`` is that of every response. An event that is an ``Event`` of threading is waited for.
    A response that ``is_cut`` has no last message.
    """

    def __init__(self) -> None:
        self.respond: Callable[[Body], Iterable[Any]] = lambda body: say("It is sunny.")
        self.status = 200
        self.is_cut = False
        self.bodies: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.asked = threading.Event()  # a request has come
        self.gone = threading.Event()  # a client has left before the end
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length))
                model.bodies.append(body)
                model.asked.set()
                model.headers.append({name.lower(): text for name, text in self.headers.items()})
                self.send_response(model.status)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                try:
                    for event in model.respond(body):
                        self.send(event)
                    if not model.is_cut:
                        self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    model.gone.set()

            def send(self, event: Any) -> None:
                if isinstance(event, threading.Event):
                    event.wait(60)
                    return
                data = event if isinstance(event, str) else json.dumps(event)
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # Closing waits for one of its looks for the end: by default two a second.
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/chat/completions"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
