"""HTTP exchanges with one server: bytes go out and come back, what they mean is decided elsewhere.

Everything that may go wrong on the way leaves here as a ``SpeechError``. The server is not
trusted: responses are bounded in bytes and in time, redirects are not followed, and the credential
is taken out of any sentence that a server sends back.
"""

from __future__ import annotations

import json
import logging
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from speechclient.credentials import Credential
from speechclient.errors import (
    MAX_ERROR_BODY_BYTES,
    BadRequest,
    InvalidOption,
    ServiceUnavailable,
    SpeechError,
    UnreadableResponse,
    error_from_response,
)
from speechclient.fields import Fields, clean_line, read_json

logger = logging.getLogger(__name__)

Query = Sequence[tuple[str, str]]

MAX_RESPONSE_BYTES = 64 * 1024 * 1024
MAX_CONNECTIONS = 100
RETRIES = 2
MAX_RETRY_WAIT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Time-outs of requests in seconds; None waits for ever.

    ``read_seconds`` is the silence allowed while the server works on a recording or a text,
    ``response_seconds`` that for calls that need no work and between two pieces of a body,
    ``body_seconds`` the whole time from the headers of a JSON response to its last byte.
    """

    connect_seconds: float | None = 5.0
    # Where progress is due, a connection without any for this long is given up.
    write_seconds: float | None = 15.0
    read_seconds: float | None = 1_800.0
    response_seconds: float | None = 15.0
    body_seconds: float = 300.0


@dataclass(frozen=True)
class Response:
    """A success: its headers, looked up in any case, and its body as received."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return read_request_id(self.headers)

    def fields(self) -> Fields:
        """The body's JSON object. Raises ``UnreadableResponse`` when there is none."""
        try:
            return read_json(self.body)
        except ValueError as error:
            raise UnreadableResponse(
                f"the server's response is not the JSON that was expected: {error}",
                request_id=self.request_id,
                status=200,
                body=self.body,
            ) from error

    def objects(self, name: str) -> tuple[Fields, ...]:
        """The objects in the list ``name``. Raises ``UnreadableResponse`` when it is missing.

        Read as an empty list, a response that was cut or replaced on its way would say that
        everything is gone. Null is an empty list.
        """
        fields = self.fields()
        if not fields.lists(name):
            raise UnreadableResponse(
                f"the server's response has no list {name!r}",
                request_id=self.request_id,
                status=200,
                body=self.body,
            )
        return tuple(fields.objects(name))


class HttpConnection:
    """Exchanges with the server at ``base_url``; safe to share between threads.

    ``transport`` replaces the network in tests; ``sleep`` is how a retry waits.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        timeouts: Timeouts,
        *,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = read_base_url(base_url, ("http", "https"))
        self._credential = credential
        self.timeouts = timeouts
        self._max_response_bytes = max_response_bytes
        self._sleep = sleep
        self._client = httpx.Client(
            transport=transport or _network(self.base_url),
            # Identity: a response that unpacks to a thousand times its size cannot be bounded.
            headers={"user-agent": "earshot-speechclient", "accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"HttpConnection({self.base_url!r})"

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, query: Query = ()) -> Response:
        """GET, repeated a bounded number of times while the server is unavailable."""
        attempt = 0
        while True:
            try:
                return self.send("GET", path, query)
            except ServiceUnavailable as error:
                wait = retry_wait(attempt, error.retry_after, random.random())  # noqa: S311
                if wait is None:
                    raise
                logger.info("GET %s is sent again in %.1f s", path, wait)
            attempt += 1
            self._sleep(wait)

    def send(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        json: object = None,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        works: bool = False,
    ) -> Response:
        """One exchange, its response bounded by ``max_response_bytes``.

        ``content`` goes out piece by piece; what it raises ends the exchange and is passed on.
        ``works`` says that the server has to work for its response and may be silent meanwhile.
        """
        response = self.start(
            method, path, query, json=json, content=content, headers=headers, works=works
        )
        try:
            body = self._read(response, self._max_response_bytes)
        except SpeechError as error:
            _log_failure(method, path, error)
            raise
        finally:
            response.close()
        return Response(response.headers, body)

    def start(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        json: object = None,
        content: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        works: bool = False,
    ) -> httpx.Response:
        """The same up to the headers of a success; the caller reads the body and closes it."""
        started = time.monotonic()
        request = self._request(method, path, query, json, content, headers, works)
        response = None
        try:
            with translated(self.base_url):
                response = self._client.send(request, stream=True)
            self._check(response)
        except SpeechError as error:
            _log_failure(method, path, error)
            if response is not None:
                response.close()
            raise
        # The work is done: from here on the server has only to send. httpcore reads this very
        # dictionary again before the body.
        request.extensions["timeout"]["read"] = self.timeouts.response_seconds
        # What only reads is repeated often: the progress of a recording every few seconds.
        logger.log(
            logging.DEBUG if method == "GET" else logging.INFO,
            "%s %s returned %d after %.2f s, request_id=%s",
            method,
            path,
            response.status_code,
            time.monotonic() - started,
            read_request_id(response.headers),
        )
        return response

    def _request(
        self,
        method: str,
        path: str,
        query: Query,
        json: object,
        content: Iterable[bytes] | None,
        headers: Mapping[str, str] | None,
        works: bool,
    ) -> httpx.Request:
        timeouts = self.timeouts
        all_headers = {**(headers or {}), **self._credential.headers()}
        body: bytes | Iterable[bytes] | None = content
        if json is not None:
            body = json_bytes(json)
            all_headers["content-type"] = "application/json"
        try:
            return self._client.build_request(
                method,
                self.base_url + path,
                params=list(query) or None,
                content=body,
                headers=all_headers,
                timeout=httpx.Timeout(
                    connect=timeouts.connect_seconds,
                    read=timeouts.read_seconds if works else timeouts.response_seconds,
                    write=timeouts.write_seconds,
                    pool=timeouts.response_seconds,
                ),
            )
        except httpx.InvalidURL as error:
            raise BadRequest(f"the options make no valid address: {error}") from error

    def _check(self, response: httpx.Response) -> None:
        """Raise what a response means that is no success or cannot be read."""
        encoded = response.headers.get("content-encoding", "identity") != "identity"
        if response.is_success:
            if encoded:
                raise UnreadableResponse(
                    "the server's response is compressed, which was not asked for",
                    request_id=read_request_id(response.headers),
                    status=response.status_code,
                )
            return
        try:
            body = b"" if encoded else self._read(response, MAX_ERROR_BODY_BYTES)
        except ServiceUnavailable:
            body = b""  # the status says enough
        scrub = self._credential.scrub
        raise error_from_response(
            response.status_code,
            {name: scrub(value) for name, value in response.headers.items()},
            scrub(body.decode("utf-8", "replace")).encode(),
        )

    def _read(self, response: httpx.Response, limit: int) -> bytes:
        """The whole body. Raises ``UnreadableResponse`` beyond ``limit`` bytes or the deadline."""
        seconds = self.timeouts.body_seconds
        deadline = time.monotonic() + seconds
        request_id = read_request_id(response.headers)
        body = bytearray()
        with translated(self.base_url, request_id):
            for piece in response.iter_bytes():
                body += piece
                if len(body) > limit:
                    message = f"the server's response is longer than {limit} bytes"
                elif time.monotonic() > deadline:
                    message = f"the server's response took longer than {seconds:g} s to arrive"
                else:
                    continue
                raise UnreadableResponse(
                    message, request_id=request_id, status=response.status_code
                )
        return bytes(body)


@contextmanager
def translated(base_url: str, request_id: str | None = None) -> Iterator[None]:
    """Turns what httpx raises into the error that tells the caller what to do."""
    try:
        yield
    except httpx.LocalProtocolError as error:
        raise BadRequest("the request cannot be written as HTTP") from error
    except httpx.HTTPError as error:
        message = f"{_sentence(error)} ({base_url})"
        raise ServiceUnavailable(message, request_id=request_id) from error
    except UnicodeError as error:  # httpx reads the host of a redirect that it does not follow
        message = f"the server redirects to an invalid address ({base_url})"
        raise ServiceUnavailable(message, request_id=request_id) from error


def read_request_id(headers: Mapping[str, str]) -> str | None:
    return clean_line(headers.get("dg-request-id", ""), 100) or None


def read_base_url(url: str, schemes: tuple[str, ...]) -> str:
    """``url`` without a slash at its end. Raises ``ValueError`` when it is no base URL."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in schemes or not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(
            f"the base URL is an address such as {schemes[-1]}://api.example.com, "
            "without query and password"
        )
    return url.rstrip("/")


def path_of(*segments: str, version: str = "v1") -> str:
    """A path of ``segments``, each quoted. Raises ``InvalidOption`` for '..'."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise InvalidOption(f"{segment!r} is no identifier")
    return f"/{version}/" + "/".join(quote(segment, safe="@") for segment in segments)


def retry_wait(attempt: int, retry_after: float | None, chance: float) -> float | None:
    """Seconds before GET is sent again, None to give up.

    ``attempt`` counts from 0; ``chance`` is 0 to 1 and spreads callers who failed together.
    """
    if attempt >= RETRIES:
        return None
    if retry_after is not None:
        return retry_after if retry_after <= MAX_RETRY_WAIT_SECONDS else None
    return 0.5 * (1 << attempt) * (0.5 + chance)


def _network(base_url: str) -> httpx.BaseTransport:
    keepalive: list[tuple[int, int, int]] = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    # A machine that vanished while it works is noticed after 5 + 3 * 3 s, not after the timeout.
    for option, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            keepalive.append((socket.IPPROTO_TCP, getattr(socket, option), value))
    return httpx.HTTPTransport(
        proxy=proxy_for(base_url),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=5.0),
        socket_options=keepalive,
    )


def proxy_for(base_url: str) -> str | None:
    """The environment's proxy for ``base_url``; never one for this machine itself."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1") or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def json_bytes(value: object) -> bytes:
    """``value`` as the JSON of a body. Raises ``InvalidOption`` when it cannot be."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidOption(f"this cannot be written as JSON: {error}") from error
    return text.encode("utf-8", "replace")


def _log_failure(method: str, path: str, error: SpeechError) -> None:
    logger.warning("%s %s failed: %s, request_id=%s", method, path, error, error.request_id)


def _sentence(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectTimeout():
            return "the server cannot be reached in time"
        case httpx.PoolTimeout():
            return "all connections to the server are in use"
        case httpx.WriteTimeout():
            return "the server takes no more data"
        case httpx.ReadTimeout():
            return "the server has been silent for too long"
        case httpx.ConnectError() | httpx.ProxyError():
            return f"the server cannot be reached: {clean_line(str(error), 200)}"
        case _:
            return "the connection to the server was lost"
