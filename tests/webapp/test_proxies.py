"""The proxies of docs/running.md in front of the web server."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from management.models import User
from tests.debian import found, needed
from tests.pages.conftest import Site
from tests.pages.conftest import served as served
from tests.pages.conftest import site as site
from tests.product import free_port

ROOT = Path(__file__).parents[2]


def documented(proxy: str, upstream: int) -> str:
    """The configuration in the documentation, with another upstream."""
    block = re.search(rf"```{proxy}\n(.*?)```", (ROOT / "docs/running.md").read_text(), re.S)
    assert block
    return block[1].replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")


def nginx(port: int, upstream: int, tmp_path: Path) -> list[str]:
    """Return the command of the documented nginx, without TLS."""
    program = needed("nginx", "nginx-light", lambda: found("nginx"))
    text = re.sub(r"\s*ssl_certificate\S* \S+;", "", documented("nginx", upstream))
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}{text} }}\n"
    )
    return [str(program), "-c", str(config), "-p", str(tmp_path)]


def caddy(port: int, upstream: int, tmp_path: Path) -> list[str]:
    """Return the command of the documented Caddy, without TLS. Debian's is too old."""
    try:
        program = found("caddy")
    except FileNotFoundError:
        pytest.skip("Caddy 2.7 or newer is not installed here.")
    config = tmp_path / "Caddyfile"
    text = documented("caddy", upstream)
    text = text.replace("earshot.example.com {", f"http://127.0.0.1:{port} {{\nbind 127.0.0.1")
    config.write_text(f"{{\nadmin off\npersist_config off\nauto_https off\n}}\n{text}")
    return [str(program), "run", "--config", str(config), "--adapter", "caddyfile"]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Iterator[str]:
    """The address of a proxy in front of the site."""
    port = free_port()
    process = subprocess.Popen(request.param(port, site.port, tmp_path))
    url = f"127.0.0.1:{port}"
    for _ in range(100):
        try:
            httpx.get(f"http://{url}/healthz")
            break
        except httpx.TransportError:
            assert process.poll() is None
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(30)


def test_pages_and_sockets_work_behind_the_proxy(proxy, db):
    user = User.objects.create_user("ada@example.test", "a long pass phrase")
    client = Client()
    client.force_login(user)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    page = httpx.get(f"http://{proxy}/live/", headers={"Cookie": cookie})
    assert page.status_code == 200

    address = f"ws://{proxy}/captions/unknown/watch"
    headers = {"Cookie": cookie}
    with (
        connect(address, origin=Origin(f"http://{proxy}"), additional_headers=headers) as ours,
        pytest.raises(ConnectionClosed, match="4404"),
    ):
        ours.recv()
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(address, origin=Origin("http://other.test")),
    ):
        pass
