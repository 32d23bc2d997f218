"""``WS /v1/speak`` and ``WS /v2/speak``: text in, sound out as it is made.

``engine.sessions.live_speak`` and ``live_flux_speak`` interpret the messages (docs/contract.md, 11
and 12).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings

from engine.consumers.sockets import Socket
from engine.exchange import Usage
from engine.gateway.operations import socket
from engine.inference.models import synthesizer
from engine.inference.speak import check_flux, choose
from engine.runtime.priority import step_back
from engine.sessions.live_flux_speak import FluxSession
from engine.sessions.live_speak import MOST_A_MINUTE, AuraSession
from engine.sessions.speak_steps import LONGEST_SECONDS, Close, Identity, Say, Step, Stop, Tell
from engine.speech.audio.encode import AudioFormat, Encoder
from engine.speech.errors import SpeechError
from engine.speech.synthesis.voices import VERSION, SpeechModel
from engine.weights.errors import MissingWeights
from engine.wire import flux_speak_messages, speak_messages
from engine.wire.live_options import LiveFluxSpeakOptions, LiveSpeakOptions
from engine.wire.query import read_options, reject_unknown

_threads = ThreadPoolExecutor(32, "live-speak", step_back)


class _Speaker(Socket):
    """Steps of a session that both speak sockets carry out."""

    model: SpeechModel
    format: AudioFormat
    session: AuraSession | FluxSession

    def prepare(self, tags: Sequence[str]) -> Identity:
        """Choose the voice and fill in ``outcome.usage``."""
        self.cancelled = threading.Event()  # what is being spoken is no longer wanted
        model = self.model
        self.outcome.usage = Usage(
            models=[model.uuid],
            model=model.canonical_name,
            tags=list(tags),
            language=model.languages[0],
        )
        has_markup = model.architecture != "aura"
        return Identity(
            self.request.request_id, model.canonical_name, VERSION, model.uuid, has_markup
        )

    async def greet(self) -> None:
        self._follow(self.session.start())
        self.spawn(self._expire())

    async def hear(self, data: bytes) -> None:
        self._follow(self.session.misread())

    async def read(self, message: Mapping[str, Any]) -> None:
        self._follow(self.session.read(message, time.monotonic()))

    async def misread(self, problem: str) -> None:
        self._follow(self.session.misread())

    def fall_silent(self) -> None:
        self._follow(self.session.fall_silent())

    @property
    def is_at_work(self) -> bool:
        return self.session.is_speaking or super().is_at_work

    async def leave(self) -> None:
        self.cancelled.set()
        self.outcome.usage.characters = self.session.characters

    async def _expire(self) -> None:
        await asyncio.sleep(LONGEST_SECONDS)
        self._follow(self.session.expire())

    def _follow(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step:
                case Tell(message):
                    self.tell(message)
                case Say():
                    self.cancelled = threading.Event()
                    self.spawn(self._speak(step, self.cancelled))
                case Stop():
                    self.cancelled.set()
                    self.drop_bytes()
                case Close(code, reason):
                    self.finish(code, reason)

    async def _speak(self, say: Say, cancelled: threading.Event) -> None:
        """Send the sound of ``say`` as it is made, and nothing of it once it is cancelled."""
        loop = asyncio.get_running_loop()
        sound = self._make(say, cancelled)
        try:
            coverage = await loop.run_in_executor(
                _threads, synthesizer().coverage, say.script, self.model.voice
            )
            if cancelled.is_set():
                return
            self._follow(self.session.covered(coverage.warning, has_sound=coverage.has_sound))
            while (made := await loop.run_in_executor(_threads, next, sound, None)) is not None:
                if cancelled.is_set():
                    return
                seconds, data = made
                self.session.sent(seconds)
                await self.tell_bytes(data, cancelled.is_set)
        except (SpeechError, MissingWeights):
            self._follow(() if cancelled.is_set() else self.session.fail())
        else:
            self._follow(() if cancelled.is_set() else self.session.made())

    def _make(self, say: Say, cancelled: threading.Event) -> Iterator[tuple[float, bytes]]:
        """Each clause: how long it is in seconds, and its bytes."""
        voice = self.model.voice
        encoder = Encoder(self.format, voice.sample_rate)
        sound = synthesizer().speak(say.script, voice, speed=say.speed, cancelled=cancelled.is_set)
        for samples in sound:
            yield len(samples) / voice.sample_rate, encoder.feed(samples)
        yield 0.0, encoder.finish()


@socket(
    "usage:write",
    kind="speak",
    admitted_as="stream",
    query=LiveSpeakOptions,
    receives=speak_messages.ClientMessage,
    sends=speak_messages.ServerMessage,
)
class SpeakConsumer(_Speaker):
    """Speak a text as it comes

    The audio is sent as binary frames, as it is made.

    Close codes: 1000 after `Close`, 1003 for a frame that is not a message, 1008 for an invalid
    message or too much text, 1009 for a text that is too long, 1011 for a failure and after an
    hour, 1013 for a client that does not read.
    """

    silence_seconds = LONGEST_SECONDS  # a client may wait for as long as the socket may live

    async def open(self) -> None:
        options = read_options(LiveSpeakOptions, self.request.query)
        self.model, self.format = choose(
            options.model,
            options.encoding,
            options.sample_rate,
            container=options.container,
            surface="v1-socket",
        )
        most_a_minute = MOST_A_MINUTE if settings.ENVIRONMENT.strict else None
        self.session = AuraSession(self.prepare(options.tag), options.speed, most_a_minute)


@socket(
    "usage:write",
    kind="speak",
    admitted_as="stream",
    query=LiveFluxSpeakOptions,
    receives=flux_speak_messages.ClientMessage,
    sends=flux_speak_messages.ServerMessage,
)
class FluxSpeakConsumer(_Speaker):
    """Speak the turns of a conversation

    The audio is sent as binary frames, as it is made. A turn begins with its first text and ends
    with the audio of its last, after a `Flush`.

    Close codes are those of `/v1/speak`, and 1011 after 60 s without a frame or a ping.
    """

    silence_seconds = 60.0
    pings_count = True

    async def open(self) -> None:
        reject_unknown(LiveFluxSpeakOptions, self.request.query)
        options = read_options(LiveFluxSpeakOptions, self.request.query)
        self.model, self.format = choose(
            options.model, options.encoding, options.sample_rate, surface="v2-socket"
        )
        speed = check_flux(options.speed, options.expressivity)
        self.session = FluxSession(self.prepare(options.tag), _speech_ids(), speed)


def _speech_ids() -> Iterator[str]:
    while True:
        yield f"dg_sp_{secrets.token_hex(6)}"
