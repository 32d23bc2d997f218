"""Responses in the shapes of docs/contract.md."""

import httpx

REQUEST_ID = "0b7c9f4e-52e1-4f4e-9a0c-0d6d5a3b1c22"
MODEL = "5a1d4f0e-6a2e-4a3e-8d7e-1f7a7c0b9d11"


def word(text="good", start=0.08, end=0.4, **more):
    return {"word": text, "start": start, "end": end, "confidence": 0.99, **more}


def listen_body(*words, duration=4.16, results=None, **metadata):
    """A body of ``POST /v1/listen`` with one channel that says ``words``."""
    transcript = " ".join(str(w.get("word")) for w in words)
    alternative = {"transcript": transcript, "confidence": 0.98, "words": list(words)}
    return {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": REQUEST_ID,
            "sha256": "9c" * 32,
            "created": "2026-11-21T09:00:00.123Z",
            "duration": duration,
            "channels": 1,
            "models": [MODEL],
            "model_info": {
                MODEL: {"name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3"}
            },
            **metadata,
        },
        "results": {"channels": [{"alternatives": [alternative]}], **(results or {})},
    }


def transcript(text="hello world") -> httpx.Response:
    words = [word(part, i * 0.5, i * 0.5 + 0.4) for i, part in enumerate(text.split())]
    return httpx.Response(200, json=listen_body(*words))


def rejection(status, message="No.", code="CODE", **headers) -> httpx.Response:
    body = {"err_code": code, "err_msg": message, "request_id": REQUEST_ID}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=body, headers=named)
