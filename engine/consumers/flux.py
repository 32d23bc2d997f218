"""``WS /v2/listen``: turns of a conversation (docs/contract.md, 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.consumers.audio import Pace, open_audio, steps
from engine.consumers.listen import DATA_REASON, reraise
from engine.consumers.recognition import Questions
from engine.consumers.sockets import Socket
from engine.consumers.wording import redact_result, write
from engine.exchange import Usage
from engine.inference.catalog import Choice, unknown_languages
from engine.inference.listen import check_hints, unsaid_warning
from engine.inference.models import catalog, end_of_turn, recognizer
from engine.sessions.turns import Event, NoTurn, Score, Step, Turn, TurnOptions, TurnSession
from engine.speech.audio.decode import RATE, Samples
from engine.speech.errors import AudioError
from engine.speech.recognition.track import Decode, Drop, Mark
from engine.speech.recognition.transcript import Word as HeardWord
from engine.text.formatting import Formatting
from engine.text.redaction import parse_redactions
from engine.text.search import hotwords
from engine.text.words import Word, joined
from engine.wire.live_options import LEAST_EAGER, MOST_EAGER, FluxOptions
from engine.wire.options import features_used, keyterm_problem, read_options, refuse_unknown

_MOST_SCORES = 8  # unanswered; then the client is read no further
_SILENT = "No audio was received for 60 seconds."


class FluxConsumer(Socket):
    """One stream of turns.

    Up: binary frames of audio; CloseStream, Configure and ForceEndTurn as JSON text. Down:
    Connected, TurnInfo, ConfigureSuccess, ConfigureFailure, Warning, Error, each with the next
    ``sequence_id``. Closes with 1000 (finished), 1008 (no audio), 1011 (60 s of nothing).
    """

    silence_seconds = 60.0
    pings_count = True

    async def open(self) -> None:
        refuse_unknown(FluxOptions, self.request.query)
        options = self.options = read_options(FluxOptions, self.request.query)
        check_hints(options.language_hint)
        self.is_english = options.is_english
        self.redactions = parse_redactions(options.redact)
        language = "en" if self.is_english else (options.language_hint or ("en",))[0]
        choice = Choice(options.model, None, language)
        if not self.is_english:
            choice = replace(choice, local=recognizer().model_for("multi"))
        self.model = catalog().local_model(choice.local or recognizer().model_for(language))
        self.audio = open_audio(options.encoding, options.sample_rate, 1)
        self.session = TurnSession(
            TurnOptions(
                options.eot_threshold, options.eager_eot_threshold or None, options.eot_timeout_ms
            ),
            _hotwords(options.keyterm),
        )
        # As last configured; what was said before may still be told as it was then.
        self.turn_options = self.session.options
        self.keyterms = options.keyterm
        self.hints = options.language_hint
        self.numerals, self.told_hints = options.numerals, options.language_hint
        self.questions = Questions(choice, self._answer, self._fail)
        self.pace = Pace()
        self.received_seconds = 0.0
        self.sequence = 0
        self.scoring: set[asyncio.Task[None]] = set()
        self.outcome.usage = Usage(
            models=[self.model.uuid],
            model=options.model,
            features=features_used(options),
            tags=list(options.tag),
            language=language,
        )

    async def greet(self) -> None:
        self._say({"type": "Connected", "request_id": self.request.request_id})
        self.listening = self.spawn(self._listen())

    async def hear(self, data: bytes) -> None:
        await self.audio.feed(data)

    async def read(self, message: Mapping[str, Any]) -> None:
        await self.audio.reach()
        match message.get("type"):
            case "CloseStream":
                await self._close_stream()
            case "ForceEndTurn":
                self._follow(self.session.force_end())
            case "Configure":
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
        self.questions.drop_all()
        await self.audio.close()
        usage = self.outcome.usage
        usage.seconds = usage.channel_seconds = self.received_seconds

    async def _listen(self) -> None:
        try:
            async for block in self.audio.blocks():
                await self._push(block)
        except AudioError:
            self._break_off("DATA-0000", DATA_REASON)

    async def _push(self, samples: Samples) -> None:
        for piece in steps(samples):
            mono = piece[0]  # one channel was asked for
            self.received_seconds += len(mono) / RATE
            self._follow(self.session.push(mono))
            await asyncio.sleep(0)
            await self.questions.wait_for_room()
            while len(self.scoring) > _MOST_SCORES:
                await asyncio.wait(self.scoring, return_when=asyncio.FIRST_COMPLETED)
        if wait := self.pace.wait_seconds(self.received_seconds):
            await asyncio.sleep(wait)

    def _follow(self, found: Sequence[Step]) -> None:
        for step in found:
            match step:
                case Decode():
                    self.questions.ask(0, step)
                case Drop(number):
                    self.questions.drop(0, number)
                case Score():
                    scoring = self.spawn(self._score(step))
                    self.scoring.add(scoring)
                    scoring.add_done_callback(self.scoring.discard)
                case Turn():
                    self._say(self._turn(step))
                case Mark(message):
                    self._acknowledge(message)
                case NoTurn():
                    self._warn("FORCE_END_TURN_NO_ACTIVE_TURN", "There is no active turn.")

    async def _score(self, question: Score) -> None:
        probability = await asyncio.to_thread(end_of_turn().score, question.samples)
        self._follow(self.session.scored(question.number, probability))

    def _answer(self, track: int, number: int, words: Sequence[HeardWord], seconds: float) -> None:
        self._follow(self.session.decoded(number, words, seconds))

    def _fail(self, error: BaseException) -> None:
        self.spawn(reraise(error))

    async def _close_stream(self) -> None:
        await self.audio.finish()
        await self.listening
        await self._settle()
        self.finish()

    async def _settle(self) -> None:
        """Send what is left. An open turn stays open (docs/contract.md, 10.5)."""
        self._follow(self.session.finish())
        while not self.session.is_settled:
            await asyncio.gather(*self.scoring)
            await self.questions.wait_for_all()
        if unsaid := self.session.unsaid:
            self._warn("LOW_CONFIDENCE", unsaid_warning(unsaid).message)

    async def _give_up_waiting(self) -> None:
        await self._settle()
        self.finish(1011, _SILENT)

    def _configure(self, message: Mapping[str, Any]) -> None:
        """Apply all or nothing, at its place in the audio (docs/contract.md, 10.4)."""
        try:
            options = self._configured(message.get("thresholds"))
            keyterms = _strings("keyterms", message.get("keyterms"), self.keyterms)
            hints = _strings("language_hints", message.get("language_hints"), self.hints)
            numerals = message.get("numerals")
            if numerals is not None and not isinstance(numerals, bool):
                raise ValueError("INVALID_NUMERALS", "numerals is true or false")
            if problem := keyterm_problem(keyterms):
                raise ValueError("INVALID_KEYTERMS", problem)
            if hints and self.is_english:
                problem = "language_hints needs model=flux-general-multi"
                raise ValueError("INVALID_LANGUAGE_HINTS", problem)
            if unknown := unknown_languages(hints):
                problem = f"language_hints: {unknown[0]!r:.50} is not a known language"
                raise ValueError("INVALID_LANGUAGE_HINTS", problem)
        except ValueError as error:
            code, description = error.args
            failure = {
                "type": "ConfigureFailure",
                "request_id": self.request.request_id,
                "code": code,
                "description": description,
            }
            self._follow(self.session.mark(failure))
            return
        self.turn_options, self.keyterms, self.hints = options, keyterms, hints
        self.session.set_keyterms(_hotwords(keyterms))
        success: dict[str, Any] = {
            "type": "ConfigureSuccess",
            "request_id": self.request.request_id,
            "thresholds": {
                "eot_threshold": options.eot_threshold,
                "eager_eot_threshold": options.eager_eot_threshold,
                "eot_timeout_ms": options.eot_timeout_ms,
            },
            "keyterms": list(keyterms),
        }
        if hints:
            success["language_hints"] = list(hints)
        if numerals is not None:
            success["numerals"] = numerals
        self._follow(self.session.configure(options, success))

    def _acknowledge(self, message: dict[str, Any]) -> None:
        """Tell what became of a Configure, at its place: words before it are as they were."""
        if message["type"] == "ConfigureSuccess":
            self.numerals = message.get("numerals", self.numerals)
            self.told_hints = message.get("language_hints", ())
        self._say(message)

    def _configured(self, thresholds: object) -> TurnOptions:
        now = self.turn_options
        if thresholds is None:
            return now
        if not isinstance(thresholds, dict):
            raise ValueError("INVALID_THRESHOLD", "thresholds is an object")
        end = _number(thresholds, "eot_threshold", 0.5, 1.0, now.eot_threshold)
        eager = now.eager_eot_threshold
        if thresholds.get("eager_eot_threshold") is not None:
            eager = _number(thresholds, "eager_eot_threshold", LEAST_EAGER, MOST_EAGER, 0.0)
        if eager is not None and eager > end:
            raise ValueError(
                "INVALID_THRESHOLD", f"eager_eot_threshold {eager:g} is greater than {end:g}"
            )
        timeout = _number(thresholds, "eot_timeout_ms", 500, 60_000, now.eot_timeout_ms)
        return TurnOptions(end, eager, round(timeout))

    def _turn(self, turn: Turn) -> dict[str, Any]:
        words = self._written(turn.words)
        message: dict[str, Any] = {
            "type": "TurnInfo",
            "request_id": self.request.request_id,
            "event": turn.event,
            "turn_index": turn.index,
            "audio_window_start": turn.window_start,
            "audio_window_end": turn.window_end,
            "transcript": joined(word.punctuated_word for word in words),
            "words": [
                {
                    "word": word.punctuated_word,
                    "confidence": round(min(1.0, max(0.0, word.confidence)), 4),
                    "start": round(word.start, 3),
                    "end": round(word.end, 3),
                }
                for word in words
            ],
            "end_of_turn_confidence": turn.confidence,
        }
        if turn.event is Event.END and turn.trigger is not None:
            message["trigger"] = turn.trigger
        if self.told_hints:
            message["languages_hinted"] = list(self.told_hints)
        return message

    def _written(self, heard: Sequence[HeardWord]) -> list[Word]:
        words = [Word.of(word.text, word.start, word.end, word.confidence) for word in heard]
        formatting = Formatting(
            numerals=self.numerals, profanity_filter=self.options.profanity_filter
        )
        if self.is_english:
            words = redact_result(words, self.redactions)
        return write(words, formatting, self._language())

    def _language(self) -> str | None:
        """Return the language of all turns; None when several are possible."""
        if self.is_english:
            return "en"
        return self.told_hints[0] if len(self.told_hints) == 1 else None

    def _say(self, message: dict[str, Any]) -> None:
        self.tell(message | {"sequence_id": self.sequence})
        self.sequence += 1

    def _warn(self, code: str, description: str) -> None:
        self._say(
            {
                "type": "Warning",
                "request_id": self.request.request_id,
                "code": code,
                "description": description,
            }
        )

    def _break_off(self, code: str, description: str) -> None:
        self._say({"type": "Error", "code": code, "description": description})
        self.finish(1008, description)


def _hotwords(keyterms: Sequence[str]) -> tuple[str, ...]:
    terms = hotwords(keyterms)
    return (terms,) if terms else ()


def _strings(name: str, given: object, now: tuple[str, ...]) -> tuple[str, ...]:
    """A list replaces what was there, an empty one too; nothing leaves it as it is."""
    if given is None:
        return now
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ValueError(f"INVALID_{name.upper()}", f"{name} is a list of strings")
    return tuple(item.strip() for item in given)


def _number(values: Mapping[str, Any], name: str, low: float, high: float, now: float) -> float:
    """A number, or one written as a string."""
    given = values.get(name)
    if given is None:
        return now
    try:
        found = float(given) if not isinstance(given, bool) else float("nan")
    except (TypeError, ValueError):
        found = float("nan")
    if not low <= found <= high:
        raise ValueError(
            "INVALID_THRESHOLD", f"{name} {given!r} is not between {low:g} and {high:g}"
        )
    return found
