"""First calls with a new key, for the address of its server."""

import json
from dataclasses import dataclass

from management.models import Connection

HOSTED_URL = "https://api.deepgram.com"


@dataclass(frozen=True)
class Snippet:
    name: str
    label: str
    text: str


def snippets(connection: Connection, key: str) -> list[Snippet]:
    """Return the call that transcribes a file, with curl, Python and JavaScript."""
    base = connection.base_url.rstrip("/")
    return [
        Snippet("curl", "curl", curl(base, key)),
        Snippet("python", "Python", python(base, key)),
        Snippet("javascript", "JavaScript", javascript(base, key)),
    ]


def curl(base: str, key: str) -> str:
    return (
        f"curl '{base}/v1/listen?model=nova-3&smart_format=true' \\\n"
        f"  -H 'Authorization: Token {key}' \\\n"
        f"  -H 'Content-Type: audio/wav' \\\n"
        f"  --data-binary @recording.wav"
    )


def python(base: str, key: str) -> str:
    lines = ["from deepgram import DeepgramClient"]
    arguments = f"api_key={json.dumps(key)}"
    if base != HOSTED_URL:
        socket = "ws" + base.removeprefix("http")
        lines += [
            "from deepgram.environment import DeepgramClientEnvironment",
            "",
            "server = DeepgramClientEnvironment(",
            f"    base={json.dumps(base)}, agent_rest={json.dumps(base)},",
            f"    production={json.dumps(socket)}, agent={json.dumps(socket)},",
            ")",
        ]
        arguments += ", environment=server"
    lines += [
        f"client = DeepgramClient({arguments})",
        'with open("recording.wav", "rb") as audio:',
        "    response = client.listen.v1.media.transcribe_file(",
        '        request=audio.read(), model="nova-3", smart_format=True',
        "    )",
        "print(response.results.channels[0].alternatives[0].transcript)",
    ]
    return "\n".join(lines)


def javascript(base: str, key: str) -> str:
    server = "" if base == HOSTED_URL else f", baseUrl: {json.dumps(base)}"
    return "\n".join(
        [
            'import { readFile } from "node:fs/promises";',
            'import { DeepgramClient } from "@deepgram/sdk";',
            "",
            f"const client = new DeepgramClient({{ apiKey: {json.dumps(key)}{server} }});",
            'const audio = await readFile("recording.wav");',
            'const options = { model: "nova-3", smart_format: true };',
            "const response = await client.listen.v1.media.transcribeFile(audio, options);",
            "console.log(response.results.channels[0].alternatives[0].transcript);",
        ]
    )
