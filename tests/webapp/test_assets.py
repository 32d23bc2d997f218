"""Pages and static files travel compressed; static files are cached by their content."""

import asyncio
import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.templatetags.static import static

from webapp.asgi import application
from webapp.http import assets

Response = tuple[int, dict[str, str], bytes]


@pytest.fixture
def get(db) -> Callable[..., Any]:
    """``await get(path)``: status, headers and body as the web server sends them."""

    async def get_it(path: str, accept: str = "gzip") -> Response:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"localhost"), (b"accept-encoding", accept.encode())],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        sent: list[dict[str, Any]] = []
        requests = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not requests:
                await asyncio.Event().wait()  # the client stays connected
            return requests.pop()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await application(scope, receive, send)
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])

    return get_it


@pytest.mark.parametrize("name", ["css/shell.css", "js/shell.js", "django_htmx/htmx-2.min.js"])
async def test_static_files_are_compressed_and_cached_for_ever(get, name):
    status, headers, body = await get(static(name))
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert "immutable" in headers["cache-control"]
    plain = await get(static(name), accept="identity")
    assert gzip.decompress(body) == plain[2]
    assert len(body) < len(plain[2]) * 0.6


def test_the_address_of_static_files_changes_with_any_of_them(monkeypatch, tmp_path):
    before = assets.digest()
    assert f"static/{before}/" in settings.STATIC_URL
    changed = tmp_path / "shell.js"
    changed.write_text("//")
    real = list(assets.files())
    monkeypatch.setattr(assets, "files", lambda: iter([*real, ("js/new.js", changed)]))
    assert assets.digest() != before


def test_modules_import_each_other_below_the_same_address():
    for name, path in assets.files():
        if path.is_relative_to(assets.FOLDER) and name.endswith(".js"):
            for imported in re.findall(r'(?:from|import\()\s*"([^"]+)"', path.read_text()):
                assert imported.startswith("./"), (name, imported)


def test_files_of_another_version_are_removed(tmp_path):
    (tmp_path / "old").mkdir()
    assets.prepare(tmp_path / "new")
    assets.prepare(tmp_path / "new")
    assert [each.name for each in tmp_path.iterdir()] == ["new"]
    assert (tmp_path / "new" / "css" / "shell.css.gz").is_file()


async def test_a_page_is_compressed_and_loads_no_more_than_it_uses(get):
    status, headers, body = await get("/sign-in/")
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert b"htmx" not in gzip.decompress(body)
