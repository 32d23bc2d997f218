"""``WS /v1/listen``: live captions (docs/contract.md, 9)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import fmean
from typing import Any

from django.conf import settings

from engine.consumers.audio import Pace, open_audio, steps
from engine.consumers.callback import Callback, CallbackLost
from engine.consumers.recognition import Questions
from engine.consumers.sockets import Socket
from engine.consumers.wording import redact_result, write
from engine.exchange import Usage
from engine.inference.fetch import check_callback
from engine.inference.listen import (
    check_hints,
    choose_model,
    diarize_info,
    find_diarizer,
    is_english,
    unsaid_warning,
)
from engine.inference.models import catalog, recognizer
from engine.sessions.listen import (
    Heard,
    ListenSession,
    LiveOptions,
    SpeechStarted,
    Step,
    UtteranceEnd,
)
from engine.speech.audio.decode import Samples
from engine.speech.audio.mixing import Mixer
from engine.speech.diarization.diarizer import LiveDiarizer
from engine.speech.errors import AudioError
from engine.speech.recognition.track import Decode, Drop, Mark
from engine.speech.recognition.transcript import Word as HeardWord
from engine.text.entities import detect_entities
from engine.text.formatting import Formatting
from engine.text.redaction import CannotRedact, parse_redactions
from engine.text.search import hotwords, parse_replacements, searched
from engine.text.words import Word, transcript
from engine.wire.errors import bad_request
from engine.wire.live_options import LiveListenOptions
from engine.wire.options import features_used, is_nova_3, keyterm_problem, read_options
from engine.wire.responses import timestamp

logger = logging.getLogger("engine.sockets")

_SILENT = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
DATA_REASON = "The data cannot be decoded as audio. See https://dpgr.am/data0000"
_CALLBACK_LOST = "The callback does not take what it is sent."
# Not among the published codes, which name no message that is wrong in itself.
_INVALID_CONFIGURE = "CONFIGURE_INVALID_MESSAGE"
_CONFIGURABLE = ("punctuate", *(field.name for field in fields(Formatting)))
_NO_MESSAGE = "The message cannot be read. See https://dpgr.am/data0000"


@dataclass
class _Configured:
    """The place of a ``Configure``, its response, and how many tracks have not got there."""

    options: LiveListenOptions
    response: dict[str, Any]
    tracks: int


class ListenConsumer(Socket):
    """One live stream of one or more tracks.

    Up: binary frames of audio; KeepAlive, Finalize, CloseStream and Configure as JSON text.
    Down: Results, SpeechStarted, UtteranceEnd, at last Metadata; with ``callback`` there instead.
    Closes with 1000 (finished), 1008 (no audio), 1011 (10 s of nothing, the callback is lost),
    1013 (the client does not read).
    """

    async def open(self) -> None:
        options = self.options = read_options(LiveListenOptions, self.request.query)
        self.choice = choose_model(
            options.model, options.language, multichannel=options.multichannel, streaming=True
        )
        check_hints(options.language_hint)
        try:
            self.redactions = parse_redactions(options.redact)
        except CannotRedact as error:
            raise bad_request(f"Bad Request: {error}") from None
        self.is_english = is_english(self.choice.language)
        if self.redactions and not self.is_english:
            raise bad_request("Bad Request: redact is only available for English.")
        self.callback: Callback | None = None
        if options.callback:
            reach = settings.ENVIRONMENT.reach
            await check_callback(options.callback, reach)
            self.outcome.callback = options.callback
            self.callback = Callback(self.request, options.callback, options.callback_method, reach)
        self.replacements = parse_replacements(options.replace)
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
        self.questions = Questions(self.choice, self._answer, self._fail)
        self.sessions: list[ListenSession] = []
        self.diarizers: list[LiveDiarizer] = []
        self.pace = Pace()
        self.outcome.usage = Usage(
            models=[self.model.uuid],
            model=self.choice.asked,
            features=features_used(options),
            tags=list(options.tag),
            language=self.choice.language or "",
        )

    async def greet(self) -> None:
        self.listening = self.spawn(self._listen())
        if self.callback is not None:
            self.spawn(self._call_back(self.callback))
        if settings.ENVIRONMENT.strict:
            self.spawn(self._require_audio())

    def tell(self, message: Mapping[str, Any]) -> None:
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

    async def read(self, message: Mapping[str, Any]) -> None:
        await self.audio.reach()
        match message.get("type"):
            case "KeepAlive":
                pass
            case "Finalize":
                self._finalize(message.get("channel"))
            case "CloseStream":
                await self._close_stream()
            case "Configure":
                self._configure(message)
            case unknown:
                # Servers grow, and so do clients; an Error ends the loop of an older SDK.
                logger.warning(
                    "request_id=%s ignored a message of type %.40r",
                    self.request.request_id,
                    unknown,
                )

    async def misread(self, problem: str) -> None:
        await self.audio.reach()
        await self._settle(1008, _NO_MESSAGE)

    def fall_silent(self) -> None:
        if not self.audio.is_understood:
            self._finish_with_metadata(1008, DATA_REASON)
        self.spawn(self._settle(1011, _SILENT))

    async def leave(self) -> None:
        self.questions.drop_all()
        await self.audio.close()
        self._count()

    async def _listen(self) -> None:
        try:
            async for block in self.audio.blocks():
                await self._push(block)
        except AudioError:
            self._finish_with_metadata(1008, DATA_REASON)

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
            await self.questions.wait_for_room()
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
        self.written_with = [self.options] * tracks
        if self.speakers is not None:
            self.diarizers = [self.speakers.live() for _ in range(tracks)]

    def _follow(self, track: int, found: Sequence[Step]) -> None:
        for step in found:
            match step:
                case Decode():
                    self.questions.ask(track, step)
                case Drop(number):
                    self.questions.drop(track, number)
                case Heard():
                    self.tell(self._results(track, step))
                case SpeechStarted(moment):
                    place = [track, len(self.sessions)]
                    self.tell({"type": "SpeechStarted", "channel": place, "timestamp": moment})
                case UtteranceEnd(end):
                    place = [track, len(self.sessions)]
                    self.tell({"type": "UtteranceEnd", "channel": place, "last_word_end": end})
                case Mark(value=configured):
                    self._configured(track, configured)

    def _answer(self, track: int, number: int, words: Sequence[HeardWord], seconds: float) -> None:
        self._follow(track, self.sessions[track].decoded(number, words, seconds))

    def _fail(self, error: BaseException) -> None:
        self.spawn(reraise(error))

    def _finalize(self, channel: object) -> None:
        if not self.sessions:
            # Nothing was heard yet: the response is the same, and empty.
            self._start(self.options.channels if self.options.multichannel else 1)
        tracks = range(len(self.sessions))
        if channel is not None and (isinstance(channel, bool) or channel not in tracks):
            self._misspell(f"channel {channel!r:.40} does not exist; there are {len(tracks)}")
            return
        for track in tracks:
            if channel is None or channel == track:
                self._follow(track, self.sessions[track].finalize())

    async def _close_stream(self) -> None:
        await self.audio.finish()
        await self.listening
        await self._settle(1000)

    async def _settle(self, code: int, reason: str = "") -> None:
        """Tell the rest of what came, then close."""
        for track, session in enumerate(self.sessions):
            self._follow(track, session.finish())
        await self.questions.wait_for_all()
        self._finish_with_metadata(code, reason)

    def _configure(self, message: Mapping[str, Any]) -> None:
        """Apply all of a ``Configure`` or nothing; exactly one response for each."""
        about = {"request_id": self.request.request_id}
        terms, features = message.get("keyterms"), message.get("features") or {}
        response: dict[str, Any] = {"type": "ConfigureSuccess", **about}
        if problem := self._configure_problem(terms, features):
            code, description = problem
            response |= {"type": "ConfigureFailure", "code": code, "description": description}
        else:
            self.options = replace(self.options, **features)
            if terms is not None:
                response["keyterms"] = [term.strip() for term in terms]
                found = hotwords(response["keyterms"])
                self.keyterms = (found,) if found else ()
                for session in self.sessions:
                    session.set_keyterms(self.keyterms)
        place = _Configured(self.options, response, len(self.sessions))
        for track, session in enumerate(self.sessions):
            self._follow(track, session.mark(place))
        if not self.sessions:
            self.tell(response)

    def _configured(self, track: int, configured: _Configured) -> None:
        """Write the results of ``track`` in the new way; the last one to get here responds."""
        self.written_with[track] = configured.options
        configured.tracks -= 1
        if not configured.tracks:
            self.tell(configured.response)

    def _configure_problem(self, terms: object, features: object) -> tuple[str, str] | None:
        """Return the code and the description of why a ``Configure`` cannot be applied."""
        if terms is not None:
            if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
                return _INVALID_CONFIGURE, "keyterms is a list of strings"
            if not is_nova_3(self.options.model):
                problem = f"{self.choice.asked} takes no key terms in the stream: Nova-3 does"
                return "CONFIGURE_KEYTERMS_NOT_SUPPORTED", problem
            if problem := keyterm_problem(terms):
                is_limit = problem.startswith("Keyterm limit exceeded")
                code = "CONFIGURE_KEYTERM_LIMIT_EXCEEDED" if is_limit else _INVALID_CONFIGURE
                return code, problem
        if not isinstance(features, dict):
            return _INVALID_CONFIGURE, "features is an object of true and false"
        for name, value in features.items():
            if name not in _CONFIGURABLE:
                known = ", ".join(_CONFIGURABLE)
                return _INVALID_CONFIGURE, f"feature {name!r:.40} is none of {known}"
            if not isinstance(value, bool):
                return _INVALID_CONFIGURE, f"feature {name} is true or false"
        return None

    def _misspell(self, problem: str) -> None:
        # Only for what cannot be meant: SDKs before 7.13 have no class for an Error.
        self.tell({"type": "Error", "variant": "SchemaError", "description": problem})

    def _results(self, track: int, heard: Heard) -> dict[str, Any]:
        options = self.written_with[track]
        said = self._said(track, heard)
        words = write(said, _formatting(options), self.choice.language, self.replacements)
        alternative = {
            "transcript": transcript(words, options.is_punctuated),
            "confidence": round(fmean(w.confidence for w in words), 4) if words else 0.0,
            "words": [_word(word, options.is_punctuated) for word in words],
        }
        channel: dict[str, Any] = {"alternatives": [alternative]}
        if options.search:
            channel["search"] = searched(said, options.search)
        message: dict[str, Any] = {
            "type": "Results",
            "channel_index": [track, len(self.sessions)],
            "duration": heard.duration,
            "start": heard.start,
            "is_final": heard.is_final,
            "speech_final": heard.speech_final,
            "channel": channel,
            "metadata": self._metadata(),
            "from_finalize": heard.from_finalize,
        }
        if options.detect_entities and heard.is_final:
            message["entities"] = [asdict(entity) for entity in detect_entities(words)]
        return message

    def _said(self, track: int, heard: Heard) -> list[Word]:
        """Return the words of a result as they were said, redacted."""
        words = [Word.of(word.text, word.start, word.end, word.confidence) for word in heard.words]
        if self.diarizers and heard.is_final:
            words = self.diarizers[track].assign(words, heard.end)
        return redact_result(words, self.redactions) if self.is_english else words

    def _metadata(self) -> dict[str, Any]:
        metadata = {
            "request_id": self.request.request_id,
            "model_info": self._model_info,
            "model_uuid": self.model.uuid,
        }
        if self.diarizers:
            metadata["diarize_info"] = diarize_info(self.options.diarizer_version)
        return metadata

    @property
    def _model_info(self) -> dict[str, str]:
        model = self.model
        return {
            "name": model.canonical_name,
            "version": model.version,
            "arch": model.architecture,
        }

    def _finish_with_metadata(self, code: int, reason: str = "") -> None:
        message: dict[str, Any] = {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request.request_id,
            "sha256": "incomplete",
            "created": timestamp(self.request.created),
            "duration": round(self._seconds, 4),
            "channels": max(1, len(self.sessions)),
        }
        if self._seconds:
            message |= {
                "models": [self.model.uuid],
                "model_info": {self.model.uuid: self._model_info},
            }
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


def _word(word: Word, is_punctuated: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "word": word.word,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(min(1.0, max(0.0, word.confidence)), 4),
    }
    if is_punctuated:
        values["punctuated_word"] = word.punctuated_word
    if word.speaker is not None:
        values["speaker"] = word.speaker
    return values


def _formatting(options: LiveListenOptions) -> Formatting:
    return Formatting(**{field.name: getattr(options, field.name) for field in fields(Formatting)})


async def reraise(error: BaseException) -> None:
    """Fail inside a task of the socket, which ends it."""
    raise error
