"""Audio by web address, fetched without reaching what the address must not reach.

Whoever may add recordings may name any address; the server must not be made to ask machines
that only it can see. Every name is resolved here, every address it has is checked, and the
connection goes to a checked address, whatever the name resolves to later. Redirects are
followed by the same rule.
"""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

import httpx
from django.conf import settings
from django.utils.http import parse_header_parameters

from network.addresses import WEB_PORTS, is_public, read_url
from transcripts.media.line import Line
from transcripts.media.names import clean_name
from transcripts.media.storage import DiskFull, full_disk_noticed

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
HEADER_SECONDS = 60.0
TOTAL_SECONDS = 3600.0
# A server that sends less than this over the first half minute is not sending a recording.
SLOWEST_BYTES_A_SECOND = 1024
PATIENCE_SECONDS = 30.0
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
BROKE_OFF = "The connection was lost before the file was complete."


class Rejected(Exception):
    """The address is not fetched, now or later; the message says why."""


class Unreachable(Exception):
    """It did not work this time; it may the next."""


@dataclass(frozen=True)
class Fetched:
    """Fetched file: the name the server gives it, its size, and its SHA-256 in hexadecimal."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Rules:
    """Rules on addresses and sizes of fetched files.

    ``private_hosts`` allows private addresses and every port. ``room_bytes`` is
    the free disk space; None is not checked.
    """

    max_bytes: int
    private_hosts: bool = False
    room_bytes: int | None = None

    def check_size(self, size_bytes: int) -> None:
        """Raise ``Rejected`` for a file over the limit, ``DiskFull`` for one with no room now."""
        if size_bytes > self.max_bytes:
            raise Rejected(
                f"The file at this address exceeds the limit of {self.max_bytes:,} bytes."
            )
        if self.room_bytes is not None and size_bytes > self.room_bytes:
            raise DiskFull("The server has no room for the file at this address.")


def house_rules() -> Rules:
    """Those of this installation."""
    return Rules(settings.ENV.max_upload_bytes, settings.ENV.fetch_private_hosts)


def check_address(url: str, rules: Rules, base: httpx.URL | None = None) -> httpx.URL:
    """Read an address, which may be relative to ``base``.

    Raises ``Rejected`` for one that is rejected without a connection.
    """
    try:
        parsed = read_url(url, base)
    except ValueError as error:
        raise Rejected("This is not a web address.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Rejected("Only addresses that start with http:// or https:// are fetched.")
    if parsed.userinfo:
        raise Rejected("The address contains a user name or password, which are not sent.")
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    if port not in WEB_PORTS and not rules.private_hosts:
        *ports, last = map(str, WEB_PORTS)
        raise Rejected(f"Only ports {', '.join(ports)} and {last} are allowed.")
    return parsed


def name_of(url: httpx.URL) -> str:
    """The name of the file that an address seems to lead to."""
    return clean_name(unquote(url.path.rstrip("/")) or url.host)


def fetch(url: str, target: Path, rules: Rules, watch: Callable[[Line], None]) -> Fetched:
    """Fetch ``url`` into ``target``, in a stream, fsynced.

    ``watch`` is called with the line of every connection made, and with it again as bytes
    come: it may cut the line, or end the fetch with an error of its own. Raises ``Rejected``,
    ``Unreachable``, ``DiskFull``.
    """
    started = time.monotonic()
    parsed = None
    for _ in range(MAX_REDIRECTS + 1):
        parsed = check_address(url, rules, parsed)
        with asked(parsed, rules, watch) as (response, line):
            location = response.headers.get("location")
            if response.is_redirect and location:
                url = location
                continue
            check_response(response, rules)
            seconds = TOTAL_SECONDS - (time.monotonic() - started)
            with cut_after(line, seconds), full_disk_noticed():
                fetched = receive(response, parsed, target, rules, lambda: watch(line))
            if line.is_cut:
                raise Unreachable(BROKE_OFF)  # a body without a length seems complete then
            return fetched
    raise Rejected(f"The address redirects more than {MAX_REDIRECTS} times.")


@contextmanager
def asked(
    url: httpx.URL, rules: Rules, watch: Callable[[Line], None]
) -> Iterator[tuple[httpx.Response, Line]]:
    """The response to a GET of ``url``, up to its headers, from the first address that connects."""
    host = url.raw_host.decode()
    port = url.port or (443 if url.scheme == "https" else 80)
    trouble: Exception | None = None
    for address in resolve(host, port, rules)[:MAX_ADDRESSES]:
        line = Line(httpx.HTTPTransport(trust_env=False))
        watch(line)
        with httpx.Client(transport=line, trust_env=False, timeout=PATIENCE_SECONDS) as client:
            request = client.build_request(
                "GET",
                url.copy_with(host=address),
                headers={
                    "host": url.netloc.decode(),
                    "user-agent": "Earshot",
                    "accept": "audio/*, video/*, application/octet-stream;q=0.9, */*;q=0.5",
                    # A body that unpacks to a thousand times its size cannot be bounded.
                    "accept-encoding": "identity",
                },
                # The certificate is checked for the name, though the address is connected to.
                extensions={"sni_hostname": host},
            )
            try:
                with cut_after(line, HEADER_SECONDS):
                    response = client.send(request, stream=True)
            except httpx.ConnectError as error:
                trouble = error
                continue
            # httpx reads the host of a redirect that it does not follow.
            except (httpx.HTTPError, UnicodeError) as error:
                raise Unreachable(f"{url.host} does not respond as a web server does.") from error
            try:
                yield response, line
            finally:
                response.close()
            return
    raise Unreachable(f"{url.host} cannot be reached.") from trouble


def resolve(host: str, port: int, rules: Rules) -> list[str]:
    """The addresses of ``host``. Raises ``Rejected`` when a single one of them is inside."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"The host {host} does not exist.") from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in entries))
    if not rules.private_hosts and not all(is_public(address) for address in addresses):
        raise Rejected(f"{host} is in a private network; only public addresses are fetched.")
    return addresses


def check_response(response: httpx.Response, rules: Rules) -> None:
    """Raise ``Rejected`` or ``Unreachable`` for a response that is no recording."""
    status = response.status_code
    if status in BUSY:
        raise Unreachable(f"The address responds with {status} ({phrase(status)}).")
    if status != HTTPStatus.OK:
        raise Rejected(f"The address responds with {status} ({phrase(status)}).")
    if response.headers.get("content-type", "").lower().startswith(("text/html", "text/plain")):
        raise Rejected("The address is that of a web page, not of an audio or video file.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Rejected("The address sends the file compressed, which is not supported.")
    announced = response.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit():
        rules.check_size(int(announced[:19]))


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown"


def receive(
    response: httpx.Response,
    url: httpx.URL,
    target: Path,
    rules: Rules,
    tick: Callable[[], None],
) -> Fetched:
    """Write the body to ``target``, within the limits of size and time."""
    hasher = hashlib.sha256()
    size_bytes = 0
    started = time.monotonic()
    with target.open("wb") as file:
        try:
            for block in response.iter_raw():
                size_bytes += len(block)
                rules.check_size(size_bytes)
                hasher.update(block)
                file.write(block)
                tick()
                elapsed = time.monotonic() - started
                if elapsed > PATIENCE_SECONDS and size_bytes < elapsed * SLOWEST_BYTES_A_SECOND:
                    raise Unreachable("The address sends too slowly.")
        except httpx.HTTPError as error:
            raise Unreachable(BROKE_OFF) from error
        file.flush()
        os.fsync(file.fileno())
    if size_bytes == 0:
        raise Rejected("The file at this address is empty.")
    return Fetched(given_name(response) or name_of(url), size_bytes, hasher.hexdigest())


def given_name(response: httpx.Response) -> str:
    """The file name that the server states, or nothing."""
    _, parameters = parse_header_parameters(response.headers.get("content-disposition", ""))
    name = parameters.get("filename", "")
    return clean_name(name) if name else ""


@contextmanager
def cut_after(line: Line, seconds: float) -> Iterator[None]:
    """Cut the line when the time is up: a server that trickles never runs into a timeout."""
    timer = threading.Timer(max(0.0, seconds), line.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
