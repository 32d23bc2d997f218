"""Stand-in for llama.cpp: a server that responds with the parameters that it was given.

It fails for a file with "broken" in its name.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.engine.languagemodel import LanguageModel, say


class CommonParams(SimpleNamespace):
    def __init__(self) -> None:
        super().__init__(
            model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
        )


class Server:
    def __init__(self, parameters: Any) -> None:
        if "broken" in parameters.model.path:
            raise RuntimeError("no model")
        self._model = LanguageModel()
        self._parameters = parameters
        self._model.respond = self._respond

    @property
    def listening_address(self) -> str:
        return self._model.url.removesuffix("/v1/chat/completions")

    def _respond(self, body: Any) -> Any:
        assert "tools" not in body
        given = self._parameters
        key = self._model.headers[-1]["authorization"].removeprefix("Bearer ")
        threads = (given.cpuparams.n_threads, given.cpuparams_batch.n_threads)
        polls = (given.cpuparams.poll, given.cpuparams_batch.poll)
        facts = (len(self._model.bodies), key in given.api_keys, threads, polls, given.hostnames)
        return say(repr(facts))
