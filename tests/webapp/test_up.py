"""`manage.py up` waits for the servers that it starts."""

import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError

from tests.webapp.test_processes import sleeper
from webapp.management.commands.up import Command
from webapp.running.processes import ProcessGroup

pytestmark = pytest.mark.full


@pytest.fixture
def slow_server():
    """An address that is not ready for the first three requests."""

    class Handler(BaseHTTPRequestHandler):
        left = 3

        def do_GET(self) -> None:
            Handler.left -= 1
            self.send_response(200 if Handler.left < 0 else 503)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/healthz"
    server.shutdown()
    thread.join()
    server.server_close()


def test_up_waits_for_a_slow_server_and_says_so(slow_server: str):
    errors = io.StringIO()
    Command(stderr=errors).wait(ProcessGroup([]), slow_server, patience=0.0)
    assert errors.getvalue().count("Still waiting: see the logs in") == 3


def test_up_gives_up_on_a_process_that_dies(tmp_path: Path):
    process = sleeper(tmp_path, "raise SystemExit(3)")
    group = ProcessGroup([process])
    group.start()
    process.popen.wait()
    errors = io.StringIO()
    with pytest.raises(CommandError, match="did not respond; see the logs in"):
        Command(stderr=errors).wait(group, "http://127.0.0.1:9/", patience=0.0)
    group.stop()
    assert "sleeper ended with 3; restarting it." in errors.getvalue()
