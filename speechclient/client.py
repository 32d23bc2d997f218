"""The synchronous client of one Deepgram-compatible server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import BinaryIO, Self

import httpx

from speechclient.account import Grant, KeyDescription
from speechclient.accountclient import AccountClient
from speechclient.credentials import Credential
from speechclient.errors import BadRequest, ServiceUnavailable, SpeechError, UnreadableResponse
from speechclient.http import (
    MAX_RESPONSE_BYTES,
    HttpConnection,
    Timeouts,
    json_bytes,
    path_of,
    translated,
)
from speechclient.listen import ListenResponse, read_listen_response
from speechclient.models import Model, Models, Project, ThinkModel
from speechclient.options import ListenOptions, ReadOptions, SpeakOptions
from speechclient.read import ReadResponse, read_read_response
from speechclient.speak import Speech, read_speech_info, speak_version

CHUNK_BYTES = 256 * 1024


class SpeechClient:
    """A server of the Deepgram API: hosted, self-hosted or the engine in the box.

    Every call raises ``BadRequest`` (change the input), ``ServiceUnavailable`` (wait, then the
    same again) or ``Denied`` (give up). Calls that only read are repeated by the client a few
    times; one that costs work is not, its caller decides by ``retry_after``. Safe to share
    between threads; ``close`` it, or use it in a ``with``.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        access_token: str = "",
        timeouts: Timeouts = Timeouts(),  # noqa: B008
        transport: httpx.BaseTransport | None = None,
        agent_url: str | None = None,
        management_url: str | None = None,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``access_token`` is one of ``grant``'s, in place of a key; with neither only the public
        lists can be read. ``agent_url`` is the host of voice agents where it is another one,
        ``management_url`` that of projects and their accounts: Deepgram's regional hosts have
        none, for them it is the main one.
        ``transport`` replaces the network and ``sleep`` the waits between repeated reads.
        Raises ``ValueError`` for a base URL or a key that cannot be one.
        """
        credential = (
            Credential("Bearer", access_token) if access_token else Credential("Token", api_key)
        )

        def connection(url: str) -> HttpConnection:
            return HttpConnection(
                url,
                credential,
                timeouts,
                max_response_bytes=max_response_bytes,
                transport=transport,
                sleep=sleep,
            )

        self._http = connection(base_url)
        self._agent_http = connection(agent_url) if agent_url else self._http
        account_url = management_url or management_home(base_url)
        self._management_http = connection(account_url) if account_url else self._http

    def __repr__(self) -> str:
        return f"SpeechClient({self._http.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()
        self._agent_http.close()
        self._management_http.close()

    def transcribe(
        self,
        audio: BinaryIO,
        options: ListenOptions,
        *,
        size_bytes: int | None = None,
        content_type: str = "application/octet-stream",
        on_sent: Callable[[int], None] | None = None,
        progress_name: str | None = None,
    ) -> ListenResponse:
        """Transcribe a whole recording and wait for the response.

        ``audio`` is an encoded file, read from its current position in pieces, so memory does
        not grow with it. ``size_bytes`` is what is left to read in it, where known. ``on_sent``
        is called with the number of bytes sent so far; what it raises ends the request and is
        passed on. With ``options.callback`` the response is ``accepted`` and has no transcript.
        ``progress_name`` is for ``heard_seconds``, unique among the requests under way.
        Source: POST /v1/listen.
        """
        headers = {"content-type": content_type}
        if progress_name is not None:
            headers["x-progress-name"] = progress_name
        if size_bytes is not None:
            headers["content-length"] = str(size_bytes)
        response = self._http.send(
            "POST",
            path_of("listen"),
            options.query(),
            content=_pieces(audio, size_bytes, on_sent),
            headers=headers,
            works=True,
        )
        return read_listen_response(
            response.body, request_id=response.request_id, callback=options.callback is not None
        )

    def heard_seconds(self, progress_name: str) -> float:
        """Up to which second the recording of a request of this name has been heard.

        Only the engine in the box knows. Raises ``BadRequest`` when none of that name is under
        way, or the server has no such thing. Source: GET /v1/listen/progress/{name}.
        """
        response = self._http.send("GET", path_of("listen", "progress", progress_name))
        return response.fields().number("seconds")

    def transcribe_url(self, url: str, options: ListenOptions) -> ListenResponse:
        """The same for a recording that the server fetches itself from ``url``."""
        response = self._http.send(
            "POST", path_of("listen"), options.query(), json={"url": url}, works=True
        )
        return read_listen_response(
            response.body, request_id=response.request_id, callback=options.callback is not None
        )

    def speak(self, text: str, options: SpeakOptions) -> Speech:
        """Speak ``text``; the audio can be read as it is made.

        ``with client.speak(text, options) as speech:`` and iterate over ``speech``, which has
        ``info`` from the first byte on. Source: POST /v1/speak, for Flux voices POST /v2/speak.
        """
        response = self._http.start(
            "POST",
            path_of("speak", version=speak_version(options.model)),
            options.query(),
            json={"text": text},
            works=True,
        )
        try:
            info = read_speech_info(response.headers, callback=options.callback is not None)
        except ServiceUnavailable:
            response.close()
            raise
        return Speech(
            info,
            response,
            partial(translated, self._http.base_url, info.request_id or None),
            self._http.timeouts.read_seconds,
        )

    def read(
        self,
        text: str,
        options: ReadOptions,
        *,
        on_sent: Callable[[int], None] | None = None,
    ) -> ReadResponse:
        """Find summary, topics, intents or sentiment in ``text``, as the options ask.

        ``on_sent`` is called as in ``transcribe``, with bytes of the request's body. With
        ``options.callback`` the response is ``accepted`` only. Source: POST /v1/read.
        """
        return self._read({"text": text}, options, on_sent)

    def read_url(self, url: str, options: ReadOptions) -> ReadResponse:
        """The same for a text that the server fetches itself from ``url``."""
        return self._read({"url": url}, options)

    def grant(self, ttl_seconds: int = 30) -> Grant:
        """A short-lived token with the right to listen, speak and read; 1 to 3600 seconds.

        It is checked when a request or socket starts; an open socket outlives it. Needs a key of
        role member or higher. Source: POST /v1/auth/grant.
        """
        response = self._http.send(
            "POST", path_of("auth", "grant"), json={"ttl_seconds": ttl_seconds}
        )
        grant = Grant.read(response.fields())
        if not grant.access_token:
            raise UnreadableResponse(
                "the server's response has no access_token",
                request_id=response.request_id,
                status=200,
            )
        return grant

    def key(self) -> KeyDescription:
        """Describe the key that this client sends. Source: docs/contract.md, 1.4."""
        return KeyDescription.read(self._management_http.get(path_of("auth", "token")).fields())

    def account(self, project_id: str) -> AccountClient:
        """The account of one project: keys, members, usage and the rest."""
        return AccountClient(self._management_http, project_id)

    def think_models(self) -> tuple[ThinkModel, ...]:
        """The language models that voice agents can use; the request is not repeated.

        Source: docs/contract.md, 14.8.
        """
        path = path_of("agent", "settings", "think", "models")
        fields = self._agent_http.send("GET", path).fields()
        return tuple(ThinkModel.read(model) for model in fields.objects("models"))

    def probe(self) -> int | None:
        """Ask the server for a list, once: the HTTP status of its response, None without one."""
        try:
            self._management_http.send("GET", path_of("projects"))
        except SpeechError as error:
            return error.status
        return 200

    def projects(self) -> tuple[Project, ...]:
        """The projects that the key may see."""
        response = self._management_http.get(path_of("projects"))
        return tuple(Project.read(project) for project in response.objects("projects"))

    def project(self, project_id: str) -> Project:
        http = self._management_http
        return Project.read(http.get(path_of("projects", project_id)).fields())

    def models(self, project_id: str | None = None, include_outdated: bool = False) -> Models:
        """The public models, or with ``project_id`` those and the project's own."""
        path = path_of("projects", project_id, "models") if project_id else path_of("models")
        query = [("include_outdated", "true")] if include_outdated else []
        http = self._management_http if project_id else self._http
        response = http.get(path, query)
        if "stt" not in response.fields():
            response.objects("tts")
        return Models.read(response.fields())

    def model(self, model_id: str, project_id: str | None = None) -> Model:
        """One model by its uuid."""
        path = (
            path_of("projects", project_id, "models", model_id)
            if project_id
            else path_of("models", model_id)
        )
        http = self._management_http if project_id else self._http
        return Model.read(http.get(path).fields())

    def _read(
        self,
        source: dict[str, str],
        options: ReadOptions,
        on_sent: Callable[[int], None] | None = None,
    ) -> ReadResponse:
        body = json_bytes(source)
        response = self._http.send(
            "POST",
            path_of("read"),
            options.query(),
            content=_pieces(BytesIO(body), len(body), on_sent),
            headers={"content-type": "application/json", "content-length": str(len(body))},
            works=True,
        )
        return read_read_response(
            response.body, request_id=response.request_id, callback=options.callback is not None
        )


def management_home(base_url: str) -> str | None:
    """The management address where ``base_url`` is a regional host of Deepgram, else None.

    Source: docs/contract.md, 1.1.
    """
    host = httpx.URL(base_url).host
    is_regional = re.fullmatch(r"api\.[a-z0-9-]+\.deepgram\.com", host)
    return "https://api.deepgram.com" if is_regional else None


def _pieces(
    audio: BinaryIO, size_bytes: int | None, on_sent: Callable[[int], None] | None
) -> Iterator[bytes]:
    sent = 0
    while piece := audio.read(CHUNK_BYTES):
        sent += len(piece)
        if size_bytes is not None and sent > size_bytes:
            raise BadRequest(f"the audio is longer than its size_bytes, {size_bytes}")
        yield piece
        if on_sent is not None:
            on_sent(sent)
    if size_bytes is not None and sent < size_bytes:
        raise BadRequest(f"the audio ends after {sent} of its {size_bytes} size_bytes")
