"""Use every kind of request with the SDK on the import path, and print what it received.

    python older_sdk.py URL KEY WAV_FILE SAMPLES_FILE     (16-bit samples, 16 kHz)

Run with an older SDK first on PYTHONPATH. SDKs before 6 send messages of a model with
``send_control`` and ``send_text``; later ones have a method per message. The programs of
their users read ``.type`` of every message, and so does this one.
"""

import json
import sys
import threading
from typing import Any

from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

url, key, wav_file, samples_file = sys.argv[1:]
socket_url = url.replace("http", "ws")
places = {"base": url, "production": socket_url, "agent": socket_url}
if "agent_rest" in DeepgramClientEnvironment.__init__.__annotations__:
    places["agent_rest"] = url
client = DeepgramClient(api_key=key, environment=DeepgramClientEnvironment(**places), timeout=120)


def rest() -> dict[str, Any]:
    with open(wav_file, "rb") as file:
        listened = client.listen.v1.media.transcribe_file(
            request=file.read(), model="nova-3", smart_format=True, utterances=True, diarize=True
        )
    spoken = client.speak.v1.audio.generate(text="Good morning.", model="aura-2-arcas-en")
    read = client.read.v1.text.analyze(
        request={"text": "I love it. Please call me back."}, sentiment=True, language="en"
    )
    project = client.manage.v1.projects.list().projects[0]
    keys = client.manage.v1.projects.keys.list(project.project_id).api_keys
    return {
        "transcript": listened.results.channels[0].alternatives[0].transcript,
        "utterances": len(listened.results.utterances),
        "spoken_bytes": len(b"".join(spoken)),
        "sentiment": read.results.sentiments.average.sentiment,
        "keys": len(keys),
        "models": len(client.manage.v1.models.list().stt),
    }


def control(socket: Any, kind: str) -> None:
    """Send a message that has nothing but its type."""
    socket._send(json.dumps({"type": kind}))


def conversation(socket: Any, send: Any) -> list[Any]:
    """Every message of a socket, which must end without an error event."""
    messages: list[Any] = []
    errors: list[Exception] = []
    socket.on(EventType.MESSAGE, messages.append)
    socket.on(EventType.ERROR, errors.append)
    listening = threading.Thread(target=socket.start_listening)
    listening.start()
    send(socket)
    listening.join(90)
    if errors or listening.is_alive():
        sys.exit(f"The listening loop failed: {errors!r}")
    return messages


def send_samples(socket: Any) -> None:
    with open(samples_file, "rb") as file:
        while frame := file.read(3200):
            socket.send_media(frame)


def listen_v1() -> dict[str, Any]:
    def send(socket: Any) -> None:
        control(socket, "KeepAlive")
        control(socket, "SomethingNewer")
        send_samples(socket)
        control(socket, "Finalize")
        control(socket, "CloseStream")

    options = {"model": "nova-3", "encoding": "linear16", "sample_rate": "16000"}
    options |= {"interim_results": "true", "vad_events": "true", "utterance_end_ms": "1000"}
    with client.listen.v1.connect(**options) as socket:
        messages = conversation(socket, send)
    finals = [m for m in messages if m.type == "Results" and m.is_final]
    return {
        "kinds": [message.type for message in messages],
        "transcript": " ".join(m.channel.alternatives[0].transcript for m in finals),
    }


def listen_v2() -> dict[str, Any]:
    def send(socket: Any) -> None:
        send_samples(socket)
        control(socket, "CloseStream")

    options = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": "16000"}
    with client.listen.v2.connect(**options) as socket:
        messages = conversation(socket, send)
    turns = [m for m in messages if read(m, "event") == "EndOfTurn"]
    return {
        "kinds": [read(message, "type") for message in messages],
        "transcript": " ".join(read(turn, "transcript") for turn in turns),
    }


def read(message: Any, name: str) -> Any:
    """A field of a Flux message, which SDK 7.6 hands out as a dictionary."""
    return message.get(name) if isinstance(message, dict) else getattr(message, name, None)


def speak_v1() -> dict[str, Any]:
    def send(socket: Any) -> None:
        socket._send(json.dumps({"type": "Speak", "text": "Good morning."}))
        control(socket, "Flush")
        control(socket, "Close")

    options = {"model": "aura-2-arcas-en", "encoding": "linear16", "sample_rate": "24000"}
    with client.speak.v1.connect(**options) as socket:
        messages = conversation(socket, send)
    return {
        "kinds": [m.type for m in messages if not isinstance(m, bytes)],
        "bytes": sum(len(m) for m in messages if isinstance(m, bytes)),
    }


print(
    json.dumps(
        {
            "rest": rest(),
            "listen_v1": listen_v1(),
            "listen_v2": listen_v2(),
            "speak_v1": speak_v1(),
        }
    )
)
