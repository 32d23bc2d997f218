"""The whole product as a user meets it: `manage.py up` in a folder of its own.

Nothing of it is imported: it is started by its command and reached by HTTP.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.processes import end_with_parent

ROOT = Path(__file__).resolve().parent.parent
EMAIL, PASSWORD = "ada@example.test", "sesame-and-lentils"
CHUNK_BYTES = 8 * 1024 * 1024
START_SECONDS = 240


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(fact: Callable[[], Any], seconds: float, what: str, every: float = 0.1) -> Any:
    """Wait until ``fact`` is true, asked for ``every`` so many seconds; return what it says."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := fact():
            return found
        time.sleep(every)
    raise AssertionError(f"{what} did not come true in {seconds:g} s")


class Product:
    """One Earshot. ``environ`` adds to its environment: another database, broker, limits."""

    def __init__(self, data: Path, **environ: str) -> None:
        self.data = data
        self.port, self.engine_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = os.environ | {
            "EARSHOT_DATA": str(data),
            "PORT": str(self.port),
            "ENGINE_PORT": str(self.engine_port),
            "EARSHOT_ADMIN_EMAIL": EMAIL,
            "EARSHOT_ADMIN_PASSWORD": PASSWORD,
            **environ,
        }
        self.environ.pop("DJANGO_SETTINGS_MODULE", None)
        self.up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is up."""
        with (self.data / "up.txt").open("wb") as output:
            self.up = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        until(self.is_up, START_SECONDS, "Earshot is up")

    def is_up(self) -> bool:
        assert self.up is not None
        said = (self.data / "up.txt").read_text()
        assert self.up.poll() is None, f"manage.py up ended with {self.up.returncode}:\n{said}"
        return "Earshot is up" in said

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(how)
            self.up.wait(30)

    def manage(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a management command beside it."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False, **options,
        )  # fmt: skip

    def processes(self) -> dict[str, int]:
        """Its running children: name to process id."""
        assert self.up is not None
        listed = subprocess.run(
            ["ps", "-ww", "--ppid", str(self.up.pid), "-o", "pid=,args="],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        signs = {"engine": "child.py engine", "web": "child.py uvicorn"}
        signs |= {"worker": " worker ", "beat": " beat "}
        return {
            name: int(line.split()[0])
            for line in listed.splitlines()
            for name, sign in signs.items()
            if sign in line
        }

    def member(self) -> "Member":
        return Member(self)


@dataclass
class Uploaded:
    recording: int
    response: dict[str, Any]


class Member:
    """A signed-in person's browser, without the pixels."""

    def __init__(self, product: Product) -> None:
        self.http = httpx.Client(base_url=product.url, timeout=60, follow_redirects=True)
        token = self.token(self.http.get("/sign-in/").text)
        page = self.http.post(
            "/sign-in/",
            data={"login": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token},
        )
        assert page.status_code == 200, page.text[:500]
        assert page.url.path == "/", f"signing in led to {page.url}"
        project = re.search(r'name="project"[^>]*>.*?value="(\d+)"', self.get("/upload/"), re.S)
        assert project, "the upload page offers no project"
        self.project = project[1]

    def token(self, page: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, "the page has no CSRF token"
        return found[1]

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-CSRFToken": self.http.cookies["csrftoken"],
            "Tus-Resumable": "1.0.0",
            "Referer": str(self.http.base_url),
        }

    def get(self, path: str) -> str:
        response = self.http.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return response.text

    def create_upload(self, name: str, size_bytes: int, **options: Any) -> httpx.Response:
        pairs = {"filename": name, "project": self.project, "options": json.dumps(options)}
        metadata = ",".join(f"{k} {b64encode(v.encode()).decode()}" for k, v in pairs.items())
        return self.http.post(
            "/uploads/",
            headers=self.headers | {"Upload-Length": str(size_bytes), "Upload-Metadata": metadata},
        )

    def upload(self, path: Path, name: str = "", **options: Any) -> Uploaded:
        """Upload a file in chunks, as the page does."""
        size = path.stat().st_size
        created = self.create_upload(name or path.name, size, **options)
        assert created.status_code == 201, created.text
        offset = 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                response = self.http.patch(
                    created.headers["Location"],
                    content=chunk,
                    headers=self.headers
                    | {
                        "Upload-Offset": str(offset),
                        "Content-Type": "application/offset+octet-stream",
                    },
                )
                assert response.status_code in {200, 204}, response.text
                offset += len(chunk)
        body = response.json()
        return Uploaded(body["recording"], body)

    def export(self, recording: int) -> dict[str, Any] | None:
        """The transcript as JSON once it is there and the server is."""
        try:
            response = self.http.get(f"/recordings/{recording}/transcript.json")
        except httpx.TransportError:
            return None
        return response.json() if response.status_code == 200 else None

    def transcript(self, recording: int, seconds: float = 120) -> dict[str, Any]:
        what = f"recording {recording} has text"
        return until(lambda: self.export(recording), seconds, what, every=0.25)
