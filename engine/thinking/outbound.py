"""Requests of agents to addresses that a client or the operator names: models and functions.

Redirects are not followed, and an address inside the network is connected to only where the
operator allows it (``ENGINE_AGENT_HOSTS``). Everything has a limit in bytes and in seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx

from engine.env import Environment, Reach
from engine.inference.fetch import Unreachable, open_url
from engine.sessions.agent.thoughts import Call, Done, Part, Text, Thought, Unfinished
from engine.thinking.dialects import Dialect, UnreadableResponse, read_event
from engine.wire.agent_messages import Function
from network.addresses import read_url
from network.jsontext import read_json

WHOLE_SECONDS = 90.0  # of one response
MOST_BYTES = 8_000_000
MOST_LINE_BYTES = 1_000_000
MOST_TEXT = 20_000  # characters of a reply; an endless one ends there
CALL_SECONDS = 30.0
MOST_RESULT_BYTES = 200_000
_END = "[DONE]"  # the last event of Chat Completions
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class RequestFailed(Exception):
    """A request has no usable response; the message says why."""


async def think(
    thought: Thought,
    dialect: Dialect,
    url: str,
    headers: Mapping[str, str],
    model: str,
    reach: Reach,
) -> AsyncGenerator[Part, None]:
    """Yield the parts of a model's response as they come. Raises ``RequestFailed``.

    A response that ends early keeps its text; its function calls may be half of what they were.
    """
    body = dialect.body(thought, model)
    count = 0
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            async with open_url(
                "POST", _parse(url), reach, headers=_clean(headers), json=body
            ) as response:
                await _reject_errors(response)
                async for data in _events(response):
                    if data == _END:
                        dialect.is_finished = True
                        break
                    for part in read_event(data, dialect):
                        yield part
                        count += len(part.text) if isinstance(part, Text) else 0
                    if count > MOST_TEXT:
                        yield Done()
                        return
    except TimeoutError:
        raise RequestFailed(f"no whole response within {WHOLE_SECONDS:g} s") from None
    except (Unreachable, UnreadableResponse) as error:
        raise RequestFailed(str(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RequestFailed(f"the request failed: {type(error).__name__}") from error
    if not dialect.is_finished:
        if not count:
            raise RequestFailed("the response ended before its first word")
        yield Unfinished()
    for part in dialect.finish():
        if dialect.is_finished or not isinstance(part, Call):
            yield part


async def call_function(function: Function, arguments: str, environment: Environment) -> str:
    """Return the response of a function's endpoint as text. Raises ``RequestFailed``."""
    endpoint = function.endpoint
    if endpoint is None:
        raise RequestFailed("the function has no endpoint")
    method = endpoint.method.upper()
    if method not in METHODS:
        raise RequestFailed(f"{method!r:.20} is no method of a function")
    url = _parse(endpoint.url)
    facts: dict[str, Any] = {"headers": _clean(endpoint.headers)}
    if method == "GET":
        url = url.copy_merge_params(_parameters(arguments))
    else:
        facts["content"] = arguments.encode()
        facts["headers"].setdefault("content-type", "application/json")
    try:
        async with asyncio.timeout(CALL_SECONDS):
            reach = reach_of(url, environment)
            async with open_url(method, url, reach, **facts) as response:
                text = await _read_text(response, MOST_RESULT_BYTES)
    except TimeoutError:
        raise RequestFailed(f"no response within {CALL_SECONDS:g} s") from None
    except Unreachable as error:
        raise RequestFailed(str(error)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RequestFailed(f"the request failed: {type(error).__name__}") from error
    if response.is_error or response.is_redirect:
        raise RequestFailed(f"the endpoint responded with {response.status_code}")
    return text


def reach_of(url: httpx.URL | str, environment: Environment) -> Reach:
    """Return which addresses a request to ``url`` may lead to."""
    target = _parse(url) if isinstance(url, str) else url
    port = target.port or (443 if target.scheme == "https" else 80)
    names = {target.host, f"{target.host}:{port}"}
    is_listed = not names.isdisjoint(environment.agent_hosts)
    return replace(environment.reach, private=environment.fetch_private_hosts or is_listed)


def _parse(url: str) -> httpx.URL:
    try:
        target = read_url(url)
    except ValueError:
        raise RequestFailed("the URL cannot be parsed") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise RequestFailed("the URL is not an http or https URL")
    return target


def _clean(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ``headers`` without those that belong to the connection."""
    own = ("host", "content-length", "transfer-encoding", "connection")
    cleaned = {name.lower(): value for name, value in headers.items() if name.lower() not in own}
    if any(not (name + value).isascii() or "\n" in name + value for name, value in cleaned.items()):
        raise RequestFailed("a header has characters that are not ASCII")
    return cleaned


def _parameters(arguments: str) -> dict[str, str]:
    try:
        values = read_json(arguments)
    except ValueError:
        values = {}
    return {name: str(value) for name, value in values.items()} if isinstance(values, dict) else {}


async def _reject_errors(response: httpx.Response) -> None:
    if response.status_code != httpx.codes.OK:
        reason = " ".join((await _read_text(response, 10_000)).split())[:200]
        raise RequestFailed(f"the endpoint responded with {response.status_code}: {reason}")


async def _read_text(response: httpx.Response, most: int) -> str:
    read = bytearray()
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) > most:
            raise RequestFailed(f"the response has more than {most:,} bytes")
    return read.decode(errors="replace").replace("\0", "")


async def _events(response: httpx.Response) -> AsyncIterator[str]:
    """Yield the data of server-sent events."""
    rest, total = b"", 0
    async for chunk in response.aiter_bytes():
        total += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        if total > MOST_BYTES or len(rest) > MOST_LINE_BYTES:
            raise UnreadableResponse("the response is too long")
        for line in lines:
            if data := _data(line):
                yield data
    if data := _data(rest):
        yield data


def _data(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return text.removeprefix("data:").strip() if text.startswith("data:") else ""
