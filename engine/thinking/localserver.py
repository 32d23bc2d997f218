"""``python -m engine.thinking.localserver``: process that serves the local language model.

The settings are one line of JSON on standard input: ``model``, ``key``, ``threads``, ``context``
and ``idle_seconds``. Writes the address of an OpenAI-compatible server to standard output once
the model is loaded, and ends when standard input closes, as it does when the engine ends.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_CONVERSATIONS = 2  # whose prompts are kept, and that are served at the same time


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    os.nice(settings["nice"])
    import xllamacpp  # of the extra `think`

    server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), settings))
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # responses in progress have no reader


def _parameters(parameters: Any, settings: dict[str, Any]) -> Any:
    parameters.model.path = settings["model"]
    parameters.n_ctx = settings["context"]
    parameters.n_parallel = _CONVERSATIONS
    for group in (parameters.cpuparams, parameters.cpuparams_batch):
        group.n_threads = settings["threads"]
        group.poll = 0  # threads that wait must not spin on cores that recognition needs
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [settings["key"]]
    parameters.cache_ram_mib = 0
    parameters.sleep_idle_seconds = settings["idle_seconds"]
    parameters.ui = False
    parameters.use_jinja = True
    parameters.verbosity = 0
    return parameters


if __name__ == "__main__":
    main()
