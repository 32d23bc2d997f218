"""Function calls that a web server of the team responds to.

The address is checked as that of a recording is (``transcripts.media.fetch``): every address of
its name has to be public unless the operator allows others, and the connection goes to a checked
one. Redirects are not followed. Time and size are limited.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from transcripts.media.fetch import (
    MAX_ADDRESSES,
    Rejected,
    Rules,
    Unreachable,
    check_address,
    resolve,
)

CALL_SECONDS = 20.0
MOST_BYTES = 100_000


class CallFailed(Exception):
    """A function call has no result; the message says why."""


async def call(url: str, arguments: str, rules: Rules, seconds: float = CALL_SECONDS) -> str:
    """POST the arguments, a JSON object, and return the text of the response.

    Raises ``CallFailed``.
    """
    try:
        async with asyncio.timeout(seconds):
            target = check_address(url, rules)
            async with _opened(target, arguments, rules) as response:
                text = await _read(response)
    except TimeoutError:
        raise CallFailed(f"no response within {seconds:g} s") from None
    except (Rejected, Unreachable) as error:
        raise CallFailed(str(error)) from error
    except (httpx.HTTPError, UnicodeError) as error:
        raise CallFailed(f"the request failed: {type(error).__name__}") from error
    if not response.is_success:
        raise CallFailed(f"the webhook responded with {response.status_code}")
    return text


@asynccontextmanager
async def _opened(target: httpx.URL, arguments: str, rules: Rules) -> AsyncIterator[httpx.Response]:
    """Send the request to the first checked address that accepts a connection."""
    host = target.raw_host.decode()
    port = target.port or (443 if target.scheme == "https" else 80)
    addresses = await asyncio.to_thread(resolve, host, port, rules)
    async with httpx.AsyncClient(trust_env=False, timeout=CALL_SECONDS) as client:
        for address in addresses[:MAX_ADDRESSES]:
            request = client.build_request(
                "POST",
                target.copy_with(host=address),
                content=arguments.encode(),
                headers={
                    "host": target.netloc.decode(),
                    "user-agent": "Earshot",
                    "content-type": "application/json",
                    "accept": "application/json, text/*;q=0.9, */*;q=0.5",
                    # A body that unpacks to a thousand times its size cannot be bounded.
                    "accept-encoding": "identity",
                },
                # The certificate is checked for the name, though the address is connected to.
                extensions={"sni_hostname": host},
            )
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError:
                continue
            try:
                yield response
            finally:
                await response.aclose()
            return
    raise Unreachable(f"{target.host} cannot be reached.")


async def _read(response: httpx.Response) -> str:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise CallFailed("the webhook sends its response compressed, which is not supported")
    read = bytearray()
    async for block in response.aiter_raw():
        read += block
        if len(read) > MOST_BYTES:
            raise CallFailed(f"the response of the webhook has more than {MOST_BYTES:,} bytes")
    return read.decode(errors="replace").replace("\0", "")
