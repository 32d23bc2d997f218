"""A chat-completion endpoint in this process, and meanings of texts without a model."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

from engine.text.embeddings import Floats
from engine.text.endpoint import Endpoint

WIDTH = 8192


def endpoint_with(*responses: object) -> tuple[Endpoint, list[dict[str, Any]]]:
    """An endpoint that gives these responses in turn, and the requests that it received.

    A number is an HTTP status, text the content of a completion, anything else its JSON.
    """
    requests: list[dict[str, Any]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(json.loads(request.content) | {"headers": dict(request.headers)})
        response = responses[min(len(requests), len(responses)) - 1]
        if isinstance(response, int):
            return httpx.Response(response)
        content = response if isinstance(response, str) else json.dumps(response)
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    transport = httpx.MockTransport(respond)
    return Endpoint("http://model.test/v1", "big-model", "secret", transport), requests


def embed(texts: Sequence[str]) -> Floats:
    """Unit vectors, (texts, 8192), that are alike where the texts share words."""
    meanings = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in zip(meanings, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row[zlib.crc32(word.encode()) % WIDTH] += 1
    lengths = np.linalg.norm(meanings, axis=1, keepdims=True)
    return np.asarray(meanings / np.maximum(lengths, 1e-9), np.float32)
