"""``WS /v2/listen``: turns of a conversation (docs/contract.md, 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import UNSET, structs, to_builtins

from engine.consumers.audio import open_audio
from engine.consumers.listen import DATA_REASON
from engine.consumers.sockets import Socket
from engine.consumers.turns import Told, Turns
from engine.exchange import Usage
from engine.gateway.operations import socket
from engine.inference.catalog import Choice, unknown_languages
from engine.inference.listen import check_hints, unsaid_warning
from engine.inference.models import catalog, recognizer
from engine.inference.wording import Wording
from engine.sessions.turns import NoTurn, Turn, TurnOptions
from engine.speech.errors import AudioError
from engine.speech.recognition.track import Mark
from engine.speech.recognition.transcript import Word as HeardWord
from engine.text.formatting import Formatting
from engine.text.redaction import parse_redactions
from engine.text.words import Word
from engine.wire import flux_messages as messages
from engine.wire.findings import flux_transcript, flux_words
from engine.wire.live_options import FluxOptions
from engine.wire.options import features_used, keyterm_problem
from engine.wire.query import read_options, reject_unknown
from engine.wire.reading import Invalid, read_message
from engine.wire.shapes import Omittable

_SILENT = "No audio was received for 60 seconds."


@socket(
    "usage:write",
    kind="listen",
    admitted_as="live",
    query=FluxOptions,
    receives=messages.ClientMessage,
    sends=messages.ServerMessage,
)
class FluxConsumer(Socket):
    """Follow the turns of a conversation

    Send audio as binary frames. Messages of an unknown type are ignored.

    Close codes: 1000 at the end, 1008 for data that is not audio or a frame that is not a message,
    1011 after 60 s without a frame or a ping, 1013 for a client that does not read.
    """

    silence_seconds = 60.0
    pings_count = True

    async def open(self) -> None:
        reject_unknown(FluxOptions, self.request.query)
        options = self.options = read_options(FluxOptions, self.request.query)
        check_hints(options.language_hint)
        self.is_english = options.is_english
        self.requested = options.model or ""
        self.redactions = parse_redactions(options.redact)
        language = "en" if self.is_english else (options.language_hint or ("en",))[0]
        choice = Choice(self.requested, None, language)
        if not self.is_english:
            choice = replace(choice, local=recognizer().model_for("multi"))
        self.model = catalog().local_model(choice.local or recognizer().model_for(language))
        self.audio = open_audio(options.encoding, options.sample_rate, 1)
        # As last configured; what was said before may still be told as it was then.
        self.turn_options = TurnOptions(
            options.eot_threshold, options.eager_eot_threshold, options.eot_timeout_ms
        )
        self.turns = Turns(self, choice, self.turn_options, options.keyterm, self._tell_turn)
        self.keyterms = options.keyterm
        self.hints = options.language_hint
        self.numerals, self.told_hints = options.numerals, options.language_hint
        self.sequence = 0
        self.outcome.usage = Usage(
            models=[self.model.uuid],
            model=self.requested,
            features=features_used(options),
            tags=list(options.tag),
            language=language,
        )

    async def greet(self) -> None:
        self._say(messages.Connected(request_id=self.request.request_id))
        self.listening = self.spawn(self._listen())

    async def hear(self, data: bytes) -> None:
        await self.audio.feed(data)

    async def read(self, given: Mapping[str, Any]) -> None:
        await self.audio.reach()
        try:
            message = read_message(messages.ClientMessage, given)
        except Invalid as error:
            self._fail_configure(_code(error.place), str(error))
            return
        match message:
            case messages.CloseStream():
                await self._close_stream()
            case messages.ForceEndTurn():
                self.turns.follow(self.turns.session.force_end())
            case messages.Configure():
                self._configure(message)
            case _:
                pass  # KeepAlive and unknown messages: docs/contract.md, choice 13

    async def misread(self, problem: str) -> None:
        await self.audio.reach()
        await self._settle()
        self._break_off("MESSAGE-0000", problem)

    def fall_silent(self) -> None:
        if not self.audio.is_understood:
            self._break_off("DATA-0000", DATA_REASON)
        self.spawn(self._give_up_waiting())

    async def leave(self) -> None:
        self.turns.drop_all()
        await self.audio.close()
        usage = self.outcome.usage
        usage.seconds = usage.channel_seconds = self.turns.received_seconds

    async def _listen(self) -> None:
        try:
            async for block in self.audio.blocks():
                await self.turns.push(block)
        except AudioError:
            self._break_off("DATA-0000", DATA_REASON)

    def _tell_turn(self, event: Told) -> None:
        match event:
            case Turn():
                self._say(self._turn(event))
            case Mark(message):
                self._acknowledge(message)
            case NoTurn():
                self._warn("FORCE_END_TURN_NO_ACTIVE_TURN", "There is no active turn.")

    async def _close_stream(self) -> None:
        await self.audio.finish()
        await self.listening
        await self._settle()
        self.finish()

    async def _settle(self) -> None:
        """Send what is left. An open turn stays open (docs/contract.md, 10.5)."""
        await self.turns.settle()
        if unsaid := self.turns.session.unsaid:
            self._warn("LOW_CONFIDENCE", unsaid_warning(unsaid).message)

    async def _give_up_waiting(self) -> None:
        await self._settle()
        self.finish(1011, _SILENT)

    def _configure(self, message: messages.Configure) -> None:
        """Apply all or nothing, at its place in the audio (docs/contract.md, 10.4)."""
        options = self._with(message.thresholds)
        keyterms = _given(message.keyterms, self.keyterms)
        hints = _given(message.language_hints, self.hints)
        if problem := self._problem(options, keyterms, hints):
            self._fail_configure(*problem)
            return
        self.turn_options, self.keyterms, self.hints = options, keyterms, hints
        self.turns.set_keyterms(keyterms)
        success = messages.ConfigureSuccess(
            request_id=self.request.request_id,
            thresholds=messages.Thresholds(**vars(options)),
            keyterms=list(keyterms),
            language_hints=list(hints) or UNSET,
            numerals=message.numerals,
        )
        self.turns.follow(self.turns.session.configure(options, success))

    def _problem(
        self, options: TurnOptions, keyterms: Sequence[str], hints: Sequence[str]
    ) -> tuple[str, str] | None:
        """Return the code and the description of settings that do not go together."""
        eager = options.eager_eot_threshold
        if eager is not None and eager > options.eot_threshold:
            problem = f"eager_eot_threshold {eager:g} is greater than {options.eot_threshold:g}"
            return _code("thresholds"), problem
        if problem := keyterm_problem(keyterms):
            return _code("keyterms"), problem
        if hints and self.is_english:
            return _code("language_hints"), "language_hints needs model=flux-general-multi"
        if unknown := unknown_languages(hints):
            problem = f"language_hints: {unknown[0]!r:.50} is not a known language"
            return _code("language_hints"), problem
        return None

    def _fail_configure(self, code: str, description: str) -> None:
        failure = messages.ConfigureFailure(
            request_id=self.request.request_id, code=code, description=description
        )
        self.turns.follow(self.turns.session.mark(failure))

    def _acknowledge(self, message: messages.Numbered) -> None:
        """Tell what became of a Configure, at its place: words before it are as they were."""
        if isinstance(message, messages.ConfigureSuccess):
            if message.numerals is not UNSET:
                self.numerals = message.numerals
            hints = message.language_hints
            self.told_hints = () if hints is UNSET else tuple(hints)
        self._say(message)

    def _with(self, thresholds: Omittable[messages.NewThresholds]) -> TurnOptions:
        """Return the present thresholds with the new ones."""
        if thresholds is UNSET:
            return self.turn_options
        changes = to_builtins(thresholds)
        if "eot_timeout_ms" in changes:
            changes["eot_timeout_ms"] = round(changes["eot_timeout_ms"])
        return replace(self.turn_options, **changes)

    def _turn(self, turn: Turn) -> messages.TurnInfo:
        words = self._written(turn.words)
        return messages.TurnInfo(
            request_id=self.request.request_id,
            event=turn.event.value,
            turn_index=turn.index,
            audio_window_start=turn.window_start,
            audio_window_end=turn.window_end,
            transcript=flux_transcript(words),
            words=flux_words(words),
            end_of_turn_confidence=turn.confidence,
            trigger=UNSET if turn.trigger is None else turn.trigger.value,
            languages_hinted=list(self.told_hints) or UNSET,
        )

    def _written(self, heard: Sequence[HeardWord]) -> list[Word]:
        words = [Word.of(word.text, word.start, word.end, word.confidence) for word in heard]
        formatting = Formatting(
            numerals=self.numerals, profanity_filter=self.options.profanity_filter
        )
        wording, language = Wording(self.redactions, formatting), self._language()
        return wording.written(wording.spoken(words, language, is_part=True), language)

    def _language(self) -> str | None:
        """Return the language of all turns; None when several are possible."""
        if self.is_english:
            return "en"
        return self.told_hints[0] if len(self.told_hints) == 1 else None

    def _say(self, message: messages.Numbered) -> None:
        self.tell(structs.replace(message, sequence_id=self.sequence))
        self.sequence += 1

    def _warn(self, code: str, description: str) -> None:
        self._say(
            messages.Warning(request_id=self.request.request_id, code=code, description=description)
        )

    def _break_off(self, code: str, description: str) -> None:
        self._say(messages.Error(code=code, description=description))
        self.finish(1008, description)


def _given(values: Omittable[list[str]], now: tuple[str, ...]) -> tuple[str, ...]:
    """A list replaces what was there, an empty one too; without one it stays."""
    return now if values is UNSET else tuple(values)


def _code(place: str) -> str:
    """Return the code of a failure for a member of ``Configure``."""
    member = place.partition(".")[0].partition("[")[0]
    return "INVALID_THRESHOLD" if member == "thresholds" else f"INVALID_{member.upper()}"
