"""The history of a conversation: what was heard is in it, once and in order.

Any order of events goes to the session of an agent, whose voice and whose client are simulated:
audio is made and sent in pieces, and the client plays what it has until it is told to drop it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as some

from engine.sessions.agent import steps
from engine.sessions.agent.session import AgentSession
from engine.sessions.agent.thoughts import Call, Done, Text
from engine.sessions.live_flux_speak import CHARACTERS_A_SECOND, word_end
from engine.sessions.turns import Event
from tests.engine.sessions.test_agent import LOOKUP, WEBHOOK, settings, thinking

# In characters, 1.2 and 6: what was played is never half a character.
TICK_SECONDS, PIECE_SECONDS = 0.08, 0.4
BACKCHANNEL = "Mhm."


@dataclass
class Spoken:
    """A sentence of the agent: its audio is made in two halves, and played by the client."""

    text: str
    seconds: float
    made: float = 0.0
    played: float = 0.0  # of its beginning


@dataclass
class ReplyVoice:
    """Audio of one reply, as the owner of the socket makes and sends it."""

    sentences: list[Spoken] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of the sentences that are to be made
    position: float | None = None  # up to which it was sent; None while it is held
    is_finished = is_restarted = is_all_sent = False

    @property
    def made(self) -> float:
        return sum(one.made for one in self.sentences)


class World:
    """A session, its voice, its language model, a user and a client that plays."""

    def __init__(self) -> None:
        self.now = 0.0
        ids = (f"call-{number}" for number in itertools.count(1))
        self.session = AgentSession("c0ffee00-1111-4222-8333-444455556666", 0.0, ids)
        self.texts = (f"{n:04} is the number of this sentence." for n in itertools.count(1))
        self.reply: ReplyVoice | None = None
        self.thought: int | None = None
        self.asked: list[tuple[str, str, bool]] = []  # calls: id, name, whether the client has it
        self.sounds: list[tuple[Spoken, float]] = []  # that the client has not played: seconds
        self.heard: list[Spoken] = []
        self.history: list[dict[str, Any]] = []
        self.user: str | None = None  # words of the open turn
        self.is_probably_over = False
        self.said: list[str] = []  # by the user
        voices = [{"provider": {"model": name}} for name in ("aura-2-thalia-en", "aura-2-luna-en")]
        self.read(
            settings(think=thinking(LOOKUP, WEBHOOK), greeting=next(self.texts), speak=voices)
        )
        self.follow(self.session.applied(self.now))

    def follow(self, taken: Sequence[steps.Step]) -> None:
        for step in taken:
            match step:
                case steps.Tell(message):
                    self.hear(msgspec.to_builtins(message))
                case steps.Think(thought):
                    self.thought = thought.number
                case steps.StopThinking():
                    self.thought = None
                case steps.Run(call_id, function):
                    assert (call_id, function.name, False) in self.asked
                case steps.Say(number, text):
                    self.say(number, text)
                case steps.Silence():
                    self.reply = None
                case steps.Respeak() if self.reply is not None:
                    self.reply.numbers, self.reply.is_restarted = [], True
                case _ if self.reply is None:
                    pass
                case steps.Finish():
                    self.reply.is_finished = True
                case steps.Release(position):
                    self.reply.position, self.reply.is_all_sent = position, False
                case steps.Hold():
                    self.reply.position = None

    def hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "UserStartedSpeaking"}:
                self.sounds = []
            case {"type": "History"}:
                self.history.append(message)
            case {"type": "FunctionCallRequest", "functions": functions}:
                self.asked += [(one["id"], one["name"], one["client_side"]) for one in functions]
            case {"type": "FunctionCallCancelled", "functions": functions}:
                gone = {one["id"] for one in functions}
                self.asked = [one for one in self.asked if one[0] not in gone]

    # The voice.

    def say(self, number: int, text: str) -> None:
        if self.reply is None or (number == 0 and not self.reply.is_restarted):
            self.reply = ReplyVoice()
        self.reply.is_restarted = False
        if number == len(self.reply.sentences):
            self.reply.sentences.append(Spoken(text, len(text) / CHARACTERS_A_SECOND))
        self.reply.numbers.append(number)

    def make(self) -> None:
        """Make the next half of a sentence."""
        if self.reply is None or not self.reply.numbers:
            return
        number = self.reply.numbers[0]
        sentence = self.reply.sentences[number]
        half = sentence.seconds / 2
        is_last = sentence.made + half > sentence.seconds * 0.75
        sentence.made = sentence.seconds if is_last else half
        if is_last:
            self.reply.numbers.pop(0)
        self.follow(self.session.made(number, half, self.now, is_last=is_last))

    def fail(self) -> None:
        """The next sentence has no audio."""
        if self.reply is not None and self.reply.numbers:
            number, self.reply.numbers = self.reply.numbers[0], []
            if not self.reply.sentences[number].made:
                self.follow(self.session.speak_failed(number, self.now))
            else:
                self.reply.numbers = [number]

    def send(self) -> None:
        """Send the next piece of the audio that was made, while it is released."""
        reply = self.reply
        if reply is None or reply.position is None:
            return
        seconds = min(PIECE_SECONDS, reply.made - reply.position)
        if seconds > 1e-9:
            self.take(reply, reply.position, seconds)
            reply.position += seconds
            self.follow(self.session.sent(seconds, self.now))
        elif reply.is_finished and not reply.numbers and not reply.is_all_sent:
            reply.is_all_sent = True
            self.follow(self.session.all_sent(self.now))

    def take(self, reply: ReplyVoice, position: float, seconds: float) -> None:
        """The client gets audio: parts of one sentence or of several."""
        start = 0.0
        for sentence in reply.sentences:
            first, last = max(start, position), min(start + sentence.made, position + seconds)
            if last > first:
                self.sounds.append((sentence, last - first))
            start += sentence.made

    # Time.

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            self.play(TICK_SECONDS)
            self.follow(self.session.tick(self.now))

    def play(self, seconds: float) -> None:
        while self.sounds and seconds > 1e-9:
            sentence, left = self.sounds.pop(0)
            played = min(left, seconds)
            sentence.played += played
            if sentence not in self.heard:
                self.heard.append(sentence)
            seconds -= played
            if left > played:
                self.sounds.insert(0, (sentence, left - played))

    # The model, the functions and the user.

    def read(self, message: dict[str, Any]) -> None:
        self.follow(self.session.read(message, self.now))

    def think(self, part: Any) -> None:
        if self.thought is not None:
            number = self.thought
            if isinstance(part, Done):
                self.thought = None
            self.follow(self.session.thought(number, part, self.now))

    def respond(self) -> None:
        """Respond to the oldest function call."""
        if self.asked:
            call_id, name, is_client_side = self.asked.pop(0)
            if is_client_side:
                response = {"type": "FunctionCallResponse", "id": call_id, "name": name}
                self.read(response | {"content": "1"})
            else:
                self.follow(self.session.called(call_id, "1", self.now))

    def write(self, text: str) -> None:
        self.said.append(text)
        self.read({"type": "InjectUserMessage", "content": text})

    def turn(self, event: Event, text: str) -> None:
        """An event of the user's turn, in an order that recognition has."""
        is_open = self.user is not None
        match event:
            case Event.START if is_open:
                return
            case Event.RESUMED if not self.is_probably_over:
                return
            case Event.UPDATE | Event.EAGER | Event.END if not is_open:
                return
            case Event.UPDATE | Event.EAGER if self.is_probably_over:
                return
        self.is_probably_over = event is Event.EAGER
        self.user = None if event is Event.END else text
        if event is Event.END:
            self.said.append(text)
        self.follow(self.session.hear_turn(event, text, self.now))

    def voice(self, seconds: float) -> None:
        self.follow(self.session.hear_voice(seconds, self.now))

    def quiet(self) -> None:
        if self.user is None:
            self.follow(self.session.hear_quiet(self.now))

    def end(self) -> None:
        """Bring everything that is under way to its end."""
        if self.user is not None:
            self.turn(Event.END, "That is all that I have to say.")
        idle = 0
        while idle < 10:
            idle = 0 if self.session.is_responding or self.sounds else idle + 1
            self.quiet()
            self.think(Done())
            self.respond()
            self.make()
            self.send()
            self.wait(TICK_SECONDS)


MORE = "I did not ask about any of this."
USER = some.sampled_from([BACKCHANNEL, MORE])
EVENTS = some.one_of(
    some.tuples(some.just("turn"), some.sampled_from(Event), USER),
    some.tuples(some.just("voice"), some.sampled_from([0.1, 0.2])),
    some.tuples(some.just("wait"), some.sampled_from([0.1, 0.3, 1.0, 3.0])),
    some.sampled_from(
        [
            *[(name,) for name in ("text", "call", "webhook", "done", "respond", "quiet")],
            *[(name,) for name in ("make", "send", "made and sent", "fail", "write", "prompt")],
            *[("inject", behavior) for behavior in ("default", "queue", "interrupt")],
            *[("exchange", sentences) for sentences in (1, 2, 3)],
        ]
    ),
)


def happen(world: World, event: tuple[Any, ...]) -> None:
    match event:
        case ("turn", kind, text):
            world.turn(kind, text)
        case ("voice", seconds):
            world.voice(seconds)
        case ("wait", seconds):
            world.wait(seconds)
        case ("text",):
            world.think(Text(f" {next(world.texts)} "))
        case ("call",):
            world.think(Call("lookup_order", "{}"))
        case ("webhook",):
            world.think(Call("book", "{}"))
        case ("done",):
            world.think(Done())
        case ("made and sent",):
            for _ in range(8):
                world.make()
                world.send()
        case ("exchange", sentences):
            world.turn(Event.START, "I want to know something else.")
            world.turn(Event.END, "I want to know something else.")
            for _ in range(sentences):
                happen(world, ("text",))
                world.make()
                world.make()
                world.send()
            world.wait(0.3)
        case ("write",):
            world.write("I have written this.")
        case ("prompt",):
            world.read({"type": "UpdatePrompt", "prompt": "Be brief."})
        case ("inject", behavior):
            message = {"type": "InjectAgentMessage", "message": next(world.texts)}
            world.read(message | {"behavior": behavior})
        case (name,):
            getattr(world, name)()


# A sentence whose audio is not made when the user interrupts.
@example([("exchange", 1), ("text",), ("turn", Event.START, MORE)])
# An interruption that is long only at its end, and the next one.
@example([("turn", Event.START, BACKCHANNEL), ("exchange", 2), ("exchange", 1)])
# A message that is said while the user speaks.
@example([("turn", Event.START, MORE), ("inject", "interrupt"), ("made and sent",)])
# Both voices fail in the second sentence.
@example([("exchange", 1), ("text",), ("fail",), ("fail",)])
# A turn in writing during the pause for a cough, and an interruption of its reply.
@example(
    [
        *[("exchange", 1), ("voice", 0.2), ("write",), ("quiet",), ("text",), ("made and sent",)],
        *[("wait", 0.3), ("exchange", 1)],
    ]
)
@given(some.lists(EVENTS, max_size=60))
def test_what_was_heard_is_in_the_history_once_and_in_order(events: list[tuple[Any, ...]]):
    world = World()
    for event in events:
        happen(world, event)
    world.end()
    heard = [
        one.text[: word_end(one.text, one.played / one.seconds)].rstrip() for one in world.heard
    ]
    assert spoken_by(world, "assistant") == [text for text in heard if text]
    assert spoken_by(world, "user") == world.said


def spoken_by(world: World, role: str) -> list[str]:
    return [one["content"] for one in world.history if one.get("role") == role]
