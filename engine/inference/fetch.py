"""Content of an address that a caller names, fetched without reaching private networks.

Source: docs/contract.md, 3.3 and choice 29. Each hop is resolved here, every
address of a name must be public, and the connection goes to the address that was checked, so
that a name cannot change its mind in between.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from engine.env import Reach
from engine.exchange import Body
from engine.gateway.bodies import LISTEN_LIMIT, SMALL_LIMIT, store
from engine.wire.errors import ApiError, bad_query, bad_remote_content
from network.addresses import WEB_PORTS, is_public, read_url

MOST_REDIRECTS = 10
IDLE_SECONDS = 30.0
WHOLE_SECONDS = 900.0


class Unreachable(Exception):
    """An address that will not be called; the message says why."""


async def fetch(url: str, spool: Path | None, reach: Reach) -> Body:
    """Fetch ``url`` into a file of ``spool`` or, without one, into memory (at most 2 MB).

    Raises ``ApiError`` (400 REMOTE_CONTENT_ERROR) saying what went wrong.
    """
    limit = LISTEN_LIMIT if spool else SMALL_LIMIT
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            return await _fetch(url, spool, limit, reach)
    except Unreachable as error:
        raise bad_remote_content(str(error)) from None
    except TimeoutError:
        raise bad_remote_content("The remote server took too long to send its content.") from None
    except httpx.HTTPError as error:
        raise bad_remote_content(
            f"The remote content could not be fetched: {type(error).__name__}."
        ) from None


async def check_callback(url: str, reach: Reach) -> None:
    """Raises ``ApiError`` (400) for a callback that would not be called."""
    try:
        target = _parse(url)
        port = target.port or (443 if target.scheme == "https" else 80)
        if not reach.any_port and port not in WEB_PORTS:
            raise Unreachable(f"port {port} is not allowed")
        await _resolve(target, reach)
    except Unreachable:
        raise bad_query("Invalid callback url.") from None


@asynccontextmanager
async def open_url(
    method: str, url: httpx.URL, reach: Reach, **facts: Any
) -> AsyncIterator[httpx.Response]:
    """One request to a checked address, redirects not followed, the body not read yet.

    Raises ``Unreachable`` or ``httpx.HTTPError``.
    """
    address = await _resolve(url, reach)
    # To the address that was checked, under the name that was asked for.
    headers = httpx.Headers(facts.pop("headers", None))
    headers["host"] = url.netloc.decode("ascii").rpartition("@")[2]
    timeout = httpx.Timeout(IDLE_SECONDS, connect=10.0)
    # No proxy of the environment: it would resolve the name again.
    async with httpx.AsyncClient(timeout=timeout, trust_env=False, verify=_authorities()) as client:
        sent = client.build_request(
            method,
            url.copy_with(host=address),
            headers=headers,
            extensions={"sni_hostname": url.host},
            **facts,
        )
        try:
            response = await client.send(sent, stream=True)
        except UnicodeError as error:  # httpx reads the host of a redirect that it does not follow
            raise Unreachable("The remote server redirects to an invalid address.") from error
        async with aclosing(response):
            yield response


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read once: it takes the event loop tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)


async def _fetch(url: str, spool: Path | None, limit: int, reach: Reach) -> Body:
    target = _parse(url)
    for _ in range(MOST_REDIRECTS + 1):
        async with open_url("GET", target, reach) as response:
            if response.is_redirect:
                location = response.headers.get("location", "")
                target = _parse(location, target if location else None)
                continue
            if response.is_error:
                raise Unreachable(f"The remote server responded with {response.status_code}.")
            return await store(response.aiter_bytes(), spool, limit, _too_large())
    raise Unreachable("There were too many redirects.")


def _too_large() -> ApiError:
    return bad_remote_content("The remote content is too large.")


def _parse(url: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        target = read_url(url, base)
    except ValueError:
        raise Unreachable("The URL cannot be parsed.") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise Unreachable("Only http and https URLs can be used.")
    return target


async def _resolve(target: httpx.URL, reach: Reach) -> str:
    """One address of the name of ``target``; all of them have to be allowed."""
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        entries = await asyncio.get_running_loop().getaddrinfo(
            target.raw_host.decode("ascii").strip("[]"), port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        raise Unreachable(f"The host {target.host} cannot be found.") from None
    addresses = [str(entry[4][0]) for entry in entries]
    if not reach.private and not all(is_public(address) for address in addresses):
        raise Unreachable(f"The host {target.host} is not publicly routable.")
    return addresses[0]
