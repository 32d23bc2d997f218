"""``WS /v1/listen``: live captions (docs/contract.md, 9)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.conf import settings
from msgspec import to_builtins

from engine.consumers.audio import Pace, open_audio, steps
from engine.consumers.callback import Callback, CallbackLost
from engine.consumers.ordered import OrderedMessages
from engine.consumers.recognition import Decodings
from engine.consumers.sockets import Socket
from engine.consumers.turns import reraise
from engine.exchange import Usage
from engine.gateway.operations import socket
from engine.inference.fetch import check_callback
from engine.inference.listen import (
    check_hints,
    choose_model,
    diarize_info,
    find_diarizer,
    model_info,
    unsaid_warning,
)
from engine.inference.models import catalog, recognizer
from engine.inference.wording import Wording, formatting_of
from engine.sessions.channels import Channels
from engine.sessions.live_listen import (
    Heard,
    ListenSession,
    LiveOptions,
    SpeechStarted,
    Step,
    Told,
    UtteranceEnd,
)
from engine.speech.audio.decode import Samples
from engine.speech.audio.mixing import Mixer
from engine.speech.diarization.diarizer import LiveDiarizer
from engine.speech.errors import AudioError
from engine.speech.recognition.track import Decode, Drop, Mark
from engine.speech.recognition.transcript import Word as HeardWord
from engine.text.search import hotwords
from engine.text.words import Word
from engine.wire import listen_messages as messages
from engine.wire.findings import found_entities, found_queries, live_alternative
from engine.wire.live_options import LiveListenOptions
from engine.wire.options import features_used, is_nova_3, keyterm_problem
from engine.wire.query import read_options
from engine.wire.reading import Invalid, read_message
from engine.wire.shapes import UNSET, Message, Omittable, timestamp

logger = logging.getLogger("engine.sockets")

_SILENT = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
DATA_REASON = "The data cannot be decoded as audio. See https://dpgr.am/data0000"
_CALLBACK_LOST = "The callback does not take what it is sent."
# Not among the published codes, which name no message that is wrong in itself.
_INVALID_CONFIGURE = "CONFIGURE_INVALID_MESSAGE"
_NO_MESSAGE = "The message cannot be read. See https://dpgr.am/data0000"


@dataclass
class _Place:
    """The place of a message, its response, and how many tracks have not got there.

    ``options`` apply from there on.
    """

    options: LiveListenOptions
    response: Message
    tracks: int


@socket(
    "usage:write",
    kind="listen",
    admitted_as="live",
    query=LiveListenOptions,
    receives=messages.ClientMessage,
    sends=messages.ServerMessage,
)
class ListenConsumer(Socket):
    """Transcribe a live stream

    Send audio as binary frames; an empty frame is `CloseStream`. With `callback`, the messages
    are sent there instead.

    Close codes: 1000 at the end, 1008 for data that is not audio, 1011 after 10 s without a frame
    and for a callback that is lost, 1013 for a client that does not read.
    """

    async def open(self) -> None:
        options = self.options = read_options(LiveListenOptions, self.request.query)
        self.choice = choose_model(
            options.model, options.language, multichannel=options.multichannel, streaming=True
        )
        check_hints(options.language_hint)
        self.wording = Wording.of(options, self.choice.language)
        self.callback = await self._open_callback()
        self.is_over = False
        self.was_heard = False
        self.mixer = Mixer()
        self.audio = open_audio(
            options.encoding,
            options.sample_rate,
            options.channels,
            multichannel=options.multichannel,
        )
        local = self.choice.local or recognizer().model_for(self.choice.language or "en")
        self.model = catalog().local_model(local)
        terms = hotwords(options.keyterm, options.keywords)
        self.keyterms = (terms,) if terms else ()
        self.speakers = await asyncio.to_thread(find_diarizer) if options.is_diarized else None
        self.decodings = Decodings(self.choice, self._receive, self._fail)
        self.ordered = OrderedMessages(self.tell)
        self.sessions: list[ListenSession] = []
        self.channels = Channels(self.sessions)
        self.diarizers: list[LiveDiarizer] = []
        self.pace = Pace()
        self.outcome.usage = Usage(
            models=[self.model.uuid],
            model=self.choice.requested,
            features=features_used(options),
            tags=list(options.tag),
            language=self.choice.language or "",
        )

    async def _open_callback(self) -> Callback | None:
        """Return the callback that the options name, whose address is checked."""
        options = self.options
        if not options.callback:
            return None
        reach = settings.ENVIRONMENT.reach
        await check_callback(options.callback, reach)
        self.outcome.callback = options.callback
        return Callback(self.request, options.callback, options.callback_method, reach)

    async def greet(self) -> None:
        self.listening = self.spawn(self._listen())
        if self.speakers is not None:
            self.spawn(self.ordered.run())  # nothing else is computed
        if self.callback is not None:
            self.spawn(self._call_back(self.callback))
        if settings.ENVIRONMENT.strict:
            self.spawn(self._require_audio())

    def tell(self, message: Message) -> None:
        if self.callback is None:
            super().tell(message)
        elif not self.is_over:
            self.callback.send(message)

    async def hear(self, data: bytes) -> None:
        self.was_heard = True
        if not data:  # a zero-length frame is CloseStream
            await self._close_stream()
            return
        await self.audio.feed(data)

    async def read(self, given: Mapping[str, Any]) -> None:
        await self.audio.reach()
        try:
            message = read_message(messages.ClientMessage, given)
        except Invalid as error:
            self._reject(given["type"], str(error))
            return
        match message:
            case messages.KeepAlive():
                pass
            case messages.Finalize(channel=channel):
                self._finalize(channel)
            case messages.CloseStream():
                await self._close_stream()
            case messages.Configure():
                self._respond(self._configured_by(message))
            case _:
                # Servers grow, and so do clients; an Error ends the loop of an older SDK.
                logger.warning(
                    "request_id=%s ignored a message of type %.40r",
                    self.request.request_id,
                    given.get("type"),
                )

    def _reject(self, kind: str, problem: str) -> None:
        """Respond to a message of a known type with wrong members."""
        if kind == "Configure":
            self._respond(self._failure(_INVALID_CONFIGURE, problem))
        else:
            # Only for what cannot be meant: SDKs before 7.13 have no class for an Error.
            self._respond(messages.Error(description=problem))

    async def misread(self, problem: str) -> None:
        await self.audio.reach()
        await self._settle(1008, _NO_MESSAGE)

    def fall_silent(self) -> None:
        if not self.audio.is_understood:
            self._finish_with_metadata(1008, DATA_REASON)
        self.spawn(self._settle(1011, _SILENT))

    async def leave(self) -> None:
        self.decodings.drop_all()
        await self.audio.close()
        self._count()

    async def _listen(self) -> None:
        try:
            async for block in self.audio.blocks():
                await self._push(block)
        except AudioError:
            await self._settle(1008, DATA_REASON)

    async def _push(self, samples: Samples) -> None:
        if samples.shape[0] > 1 and not self.options.multichannel:
            samples = self.mixer.mix(samples)
        if len(self.sessions) != samples.shape[0]:
            self._start(samples.shape[0])
        for step in steps(samples):
            for track, session in enumerate(self.sessions):
                if self.diarizers:
                    self.diarizers[track].feed(step[track])
                self._follow(track, session.push(step[track]))
            # Others get their turn, and a client that is ahead of the models waits for them.
            await asyncio.sleep(0)
            await self.decodings.wait_for_room()
            await self.ordered.wait_for_room()
        if wait := self.pace.wait_seconds(self.sessions[0].received_seconds):
            await asyncio.sleep(wait)

    def _start(self, tracks: int) -> None:
        options = LiveOptions(
            interim_results=self.options.interim_results,
            endpointing_ms=self.options.endpointing,
            utterance_end_ms=self.options.utterance_end_ms,
            vad_events=self.options.vad_events,
        )
        self.sessions = [ListenSession(options, self.keyterms) for _ in range(tracks)]
        self.channels = Channels(self.sessions)
        self.written_with = [self.options] * tracks
        if self.speakers is not None:
            self.diarizers = [self.speakers.live() for _ in range(tracks)]

    def _follow(self, track: int, found: Sequence[Step]) -> None:
        for step in found:
            match step:
                case Decode():
                    self.decodings.submit(track, step)
                case Drop(number):
                    self.decodings.drop(track, number)
                case _:
                    self.channels.add(track, step)
        for channel, told in self.channels.ready():
            self._tell_of(channel, told)

    def _tell_of(self, track: int, told: Told) -> None:
        channel = track, len(self.sessions)
        match told:
            case Heard():
                self._tell_heard(track, told)
            case SpeechStarted(moment):
                self.ordered.add(messages.SpeechStarted(channel=channel, timestamp=moment))
            case UtteranceEnd(end):
                self.ordered.add(messages.UtteranceEnd(channel=channel, last_word_end=end))
            case Mark(value=place):
                self._reach(track, place)

    def _receive(self, track: int, number: int, words: Sequence[HeardWord], seconds: float) -> None:
        self._follow(track, self.sessions[track].decoded(number, words, seconds))

    def _fail(self, error: BaseException) -> None:
        self.spawn(reraise(error))

    def _finalize(self, channel: Omittable[int]) -> None:
        if not self.sessions:
            # Nothing was heard yet: the response is the same, and empty.
            self._start(self.options.channels if self.options.multichannel else 1)
        tracks = range(len(self.sessions))
        if channel is not UNSET and channel not in tracks:
            self._reject("Finalize", f"channel {channel} does not exist; there are {len(tracks)}")
            return
        for track, session in enumerate(self.sessions):
            if channel is UNSET or channel == track:
                self._follow(track, session.finalize())
            else:
                session.count_control()
                self._follow(track, ())

    async def _close_stream(self) -> None:
        await self.audio.finish()
        await self.listening
        await self._settle(1000)

    async def _settle(self, code: int, reason: str = "") -> None:
        """Send the remaining results, then close."""
        for track, session in enumerate(self.sessions):
            self._follow(track, session.finish())
        await self.decodings.wait_for_all()
        await self.ordered.wait_for_all()
        self._finish_with_metadata(code, reason)

    def _respond(self, response: Message) -> None:
        """Respond to a message at its place in the audio: exactly once."""
        place = _Place(self.options, response, len(self.sessions))
        for track, session in enumerate(self.sessions):
            self._follow(track, session.mark(place))
        if not self.sessions:
            self.ordered.add(response)

    def _configured_by(self, message: messages.Configure) -> Message:
        """Apply all of a ``Configure`` or nothing, and return the response."""
        terms = UNSET if message.keyterms is UNSET else [one.strip() for one in message.keyterms]
        if terms is not UNSET:
            if problem := self._keyterm_problem(terms):
                return self._failure(*problem)
            found = hotwords(terms)
            self.keyterms = (found,) if found else ()
            for session in self.sessions:
                session.set_keyterms(self.keyterms)
        if message.features is not UNSET:
            self.options = replace(self.options, **to_builtins(message.features))
        return messages.ConfigureSuccess(request_id=self.request.request_id, keyterms=terms)

    def _failure(self, code: str, description: str) -> messages.ConfigureFailure:
        return messages.ConfigureFailure(
            request_id=self.request.request_id, code=code, description=description
        )

    def _keyterm_problem(self, terms: Sequence[str]) -> tuple[str, str] | None:
        """Return the code and the description of why key terms cannot be applied."""
        if not is_nova_3(self.options.model):
            problem = f"{self.choice.requested} takes no key terms in the stream: Nova-3 does"
            return "CONFIGURE_KEYTERMS_NOT_SUPPORTED", problem
        if problem := keyterm_problem(terms):
            is_limit = problem.startswith("Keyterm limit exceeded")
            code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED" if is_limit else _INVALID_CONFIGURE
            return code, problem
        return None

    def _reach(self, track: int, place: _Place) -> None:
        """Write the results of ``track`` as configured; the last one to get here responds."""
        self.written_with[track] = place.options
        place.tracks -= 1
        if not place.tracks:
            self.ordered.add(place.response)

    def _tell_heard(self, track: int, heard: Heard) -> None:
        words = [Word.of(word.text, word.start, word.end, word.confidence) for word in heard.words]
        results = partial(self._results, track, heard, self.written_with[track])
        if not (self.diarizers and heard.is_final):
            self.ordered.add(results(words))
            return
        # Telling voices apart takes a tenth of a second, which would hold up every stream.
        diarizer = self.diarizers[track]
        sound = diarizer.cut(words, heard.end)
        self.ordered.compute(lambda: results(diarizer.assign(words, sound)))

    def _results(
        self, track: int, heard: Heard, options: LiveListenOptions, words: Sequence[Word]
    ) -> messages.Results:
        language = self.choice.language
        spoken = self.wording.spoken(words, language, is_part=True)
        wording = replace(self.wording, formatting=formatting_of(options))
        written = wording.written(spoken, language)
        has_entities = options.detect_entities and heard.is_final
        return messages.Results(
            channel_index=(track, len(self.sessions)),
            duration=heard.duration,
            start=heard.start,
            is_final=heard.is_final,
            speech_final=heard.speech_final,
            channel=messages.ResultsChannel(
                alternatives=[live_alternative(written, options)],
                search=found_queries(spoken, options.search) if options.search else UNSET,
            ),
            metadata=self._metadata(),
            from_finalize=heard.from_finalize,
            entities=found_entities(written) if has_entities else UNSET,
        )

    def _metadata(self) -> messages.ResultsMetadata:
        is_diarized = bool(self.diarizers)
        return messages.ResultsMetadata(
            request_id=self.request.request_id,
            model_info=model_info(self.model),
            model_uuid=self.model.uuid,
            diarize_info=diarize_info(self.options.diarizer_version) if is_diarized else UNSET,
        )

    def _finish_with_metadata(self, code: int, reason: str = "") -> None:
        has_audio = bool(self._seconds)
        message = messages.Metadata(
            request_id=self.request.request_id,
            created=timestamp(self.request.created),
            duration=round(self._seconds, 4),
            channels=max(1, len(self.sessions)),
            models=[self.model.uuid] if has_audio else UNSET,
            model_info={self.model.uuid: model_info(self.model)} if has_audio else UNSET,
        )
        if unsaid := sum(session.unsaid for session in self.sessions):
            # The contract has no warning on this socket.
            logger.warning(
                "request_id=%s %s", self.request.request_id, unsaid_warning(unsaid).message
            )
        self.tell(message)
        if self.callback is None:
            self.finish(code, reason)
        elif not self.is_over:
            self.is_over = True
            self.spawn(self._finish_behind(self.callback, code, reason))

    async def _require_audio(self) -> None:
        """Require audio: KeepAlive alone keeps no stream open (docs/contract.md, choice 4)."""
        await asyncio.sleep(self.silence_seconds)
        if not self.was_heard:
            self.fall_silent()

    async def _call_back(self, callback: Callback) -> None:
        try:
            await callback.run()
        except CallbackLost:
            self.finish(1011, _CALLBACK_LOST)

    async def _finish_behind(self, callback: Callback, code: int, reason: str) -> None:
        await callback.wait_for_all()
        self.finish(code, reason)

    @property
    def _seconds(self) -> float:
        return self.sessions[0].received_seconds if self.sessions else 0.0

    def _count(self) -> None:
        usage = self.outcome.usage
        usage.seconds = self._seconds
        usage.channel_seconds = self._seconds * len(self.sessions)
