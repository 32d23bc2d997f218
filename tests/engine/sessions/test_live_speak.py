"""The sessions of the speaking sockets, by calling them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec import to_builtins

from engine.sessions.live_flux_speak import FluxSession
from engine.sessions.live_speak import AuraSession
from engine.sessions.speak_steps import Close, Identity, Say, Step, Stop, Tell
from engine.wire import speak_messages as speak

WHO = Identity("r-1", "aura-2-thalia-en", "2026", "u-1")


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def texts(steps: list[Step]) -> list[str]:
    return ["".join(map(str, step.script.parts)) for step in steps if isinstance(step, Say)]


def told(steps: list[Step]) -> list[dict[str, Any]]:
    return [to_builtins(step.message) for step in steps if isinstance(step, Tell)]


class Aura:
    """A session whose speech is made at once, a second of it, unless it is ``held``."""

    session: Any

    def __init__(self, most_a_minute: int | None = None) -> None:
        self.session = AuraSession(WHO, most_a_minute=most_a_minute)
        self.now = 0.0

    def send(self, kind: str, **fields: Any) -> list[Step]:
        return self.settle(self.hold(kind, **fields))

    def hold(self, kind: str, **fields: Any) -> list[Step]:
        return self.session.read(message(kind, **fields), self.now)

    def settle(self, steps: list[Step]) -> list[Step]:
        done = list(steps)
        while any(isinstance(step, Say) for step in steps):
            steps = self.make(1.0)
            done += steps
        return done

    def make(self, seconds: float) -> list[Step]:
        self.session.sent(seconds)
        return self.session.made()


class Flux(Aura):
    def __init__(self) -> None:
        ids = (f"dg_sp_{number:012x}" for number in itertools.count())
        self.session = FluxSession(WHO, ids)
        self.now = 0.0


def test_metadata_comes_first():
    (first,) = told(AuraSession(WHO).start())
    assert first["type"] == "Metadata"
    assert first["request_id"] == "r-1"


def test_a_whole_sentence_is_spoken_before_the_flush():
    aura = Aura()
    assert texts(aura.send("Speak", text="Hello there. How are")) == ["Hello there."]
    assert texts(aura.send("Flush")) == [" How are"]


def test_text_may_come_in_pieces_of_any_size():
    aura = Aura()
    said: list[str] = []
    for piece in ("One", ". Tw", "o. Th", "ree"):
        said += texts(aura.send("Speak", text=piece))
    said += texts(aura.send("Flush"))
    assert "".join(said) == "One. Two. Three"


def test_the_first_clause_is_spoken_before_its_sentence_has_ended():
    aura = Aura()
    assert texts(aura.send("Speak", text="Good morning, I have")) == ["Good morning,"]
    assert texts(aura.send("Speak", text=" a table, a chair")) == []
    assert texts(aura.send("Speak", text=" and a bed. ")) == [" I have a table, a chair and a bed."]


def test_a_piece_may_be_white_space():
    aura = Aura()
    said = [texts(aura.send("Speak", text=piece)) for piece in ("Good day.", " ", "\n", "Bye. ")]
    assert said == [[], ["Good day."], [], [" \nBye."]]


@pytest.mark.parametrize("pieces", [[" "], ["\n", "\t"], ["<speak> ", "</speak>"]])
@pytest.mark.parametrize("last", ["Flush", "Close"])
def test_text_of_which_nothing_can_be_spoken_is_a_warning_at_its_end(pieces, last):
    for session in (AuraSession(WHO), FluxSession(WHO, iter(["s-1"]))):
        for piece in pieces:
            session.read(message("Speak", text=piece), 0.0)
        steps = [*session.read(message(last), 0.0), *session.read(message("Close"), 0.0)]
        codes = [one["code"] for one in told(steps) if one["type"] == "Warning"]
        assert codes.count("NO_AUDIO_GENERATED") == 1


def test_white_space_after_speech_is_no_warning():
    aura = Aura()
    aura.send("Speak", text="Good day. ")
    aura.send("Speak", text=" \n")
    assert [one["type"] for one in told(aura.send("Flush"))] == ["Flushed"]
    assert [one["type"] for one in told(aura.send("Flush"))] == ["Flushed"]


def test_a_title_ends_no_sentence():
    aura = Aura()
    assert texts(aura.send("Speak", text="Ask Dr. ")) == []
    assert texts(aura.send("Speak", text="J. Smith. ")) == ["Ask Dr. J. Smith."]


def test_what_is_left_out_is_a_warning_before_the_sound():
    aura, flux = AuraSession(WHO), FluxSession(WHO, iter(["s-1"]))
    for session in (aura, flux):
        session.read(message("Speak", text="Hello мир, hello."), 0.0)
        session.read(message("Flush"), 0.0)
        (warning,) = told(session.covered("left out: мир", has_sound=True))
        assert (warning["type"], warning["code"]) == ("Warning", "TEXT_LEFT_OUT")
        assert warning["description"] == "left out: мир"
        assert session.covered("", has_sound=True) == []


def test_text_without_sound_is_a_warning_and_the_session_continues():
    aura = AuraSession(WHO)
    aura.read(message("Speak", text="..."), 0.0)
    aura.read(message("Flush"), 0.0)
    assert told(aura.covered("", has_sound=False))[0]["code"] == "NO_AUDIO_GENERATED"
    assert told(aura.made())[0]["type"] == "Flushed"


def test_flushed_waits_for_the_sound():
    aura = Aura()
    aura.hold("Speak", text="Hello. ")
    assert told(aura.hold("Flush")) == []
    assert told(aura.session.made()) == [{"type": "Flushed", "sequence_id": 0}]


def test_clear_stops_at_once_and_drops_what_waits():
    aura = Aura()
    aura.hold("Speak", text="One. Two. ")
    aura.hold("Speak", text="Three.")
    aura.hold("Flush")
    steps = aura.hold("Clear")
    assert steps == [Stop(), Tell(speak.Cleared(sequence_id=0))]
    assert aura.send("Flush") == [Tell(speak.Flushed(sequence_id=1))]


def test_close_speaks_what_is_left_and_then_closes():
    aura = Aura()
    steps = aura.send("Speak", text="Good bye") + aura.send("Close")
    assert texts(steps) == ["Good bye"]
    assert steps[-1] == Close(1000)
    assert aura.send("Speak", text="more") == []


def test_more_than_twenty_flushes_in_a_minute_are_ignored_with_a_warning():
    aura = Aura()
    for _ in range(20):
        assert told(aura.send("Flush"))[0]["type"] == "Flushed"
    assert told(aura.send("Flush"))[0]["type"] == "Warning"
    aura.now = 61.0
    assert told(aura.send("Flush")) == [{"type": "Flushed", "sequence_id": 20}]


@pytest.mark.parametrize(
    "wrong",
    [message("Sing"), message("Speak", text=""), message("Speak"), message("Speak", text=["a"])],
)
def test_a_wrong_message_is_warned_of_before_the_close(wrong: dict[str, Any]):
    steps = AuraSession(WHO).read(wrong, 0.0)
    assert told(steps)[0]["code"] == "DATA-0000"
    assert steps[-1] == Close(1008, "DATA-0000")


def test_what_is_no_message_closes():
    assert AuraSession(WHO).misread() == [Close(1003, "MESSAGE-0000")]


def test_a_text_of_more_than_two_thousand_characters_closes():
    assert AuraSession(WHO).read(message("Speak", text="a" * 2001), 0.0) == [
        Close(1009, "BIG-0001")
    ]


def test_a_minutes_text_is_limited_for_those_who_are_held_to_it():
    aura = Aura(most_a_minute=2_400)
    assert aura.send("Speak", text="a" * 2_000) == []
    aura.now = 59.0
    assert aura.send("Speak", text="a" * 401) == [Close(1008, "DATA-0001")]
    patient = Aura(most_a_minute=2_400)
    patient.send("Speak", text="a" * 2_000)
    patient.now = 60.0
    assert patient.send("Speak", text="a" * 2_000) == []


def test_text_that_is_never_waited_for_is_bounded():
    aura = Aura()
    steps: list[Step] = []
    for _ in range(20):
        steps += aura.hold("Speak", text="word " * 400)
    assert steps[-1] == Close(1008, "DATA-0001")


def test_a_turn_is_told_from_start_to_metadata():
    flux = Flux()
    steps = flux.send("Speak", text="Hello there.") + flux.send("Flush")
    kinds = [told_one["type"] for told_one in told(steps)]
    assert kinds == ["SpeechStarted", "Flushed", "SpeechMetadata"]
    metadata = told(steps)[-1]
    assert metadata["speech_id"] == "dg_sp_000000000000"
    assert metadata["audio_duration_ms"] == 1000
    assert metadata["input_character_count"] == metadata["billable_character_count"] == 12


def test_flushed_comes_at_once_and_the_metadata_after_the_sound():
    flux = Flux()
    flux.hold("Speak", text="Hello there.")
    assert [one["type"] for one in told(flux.hold("Flush"))] == ["Flushed"]
    assert told(flux.make(2.5))[0]["audio_duration_ms"] == 2500


def test_a_speak_after_the_flush_waits_for_the_turn_before():
    flux = Flux()
    flux.hold("Speak", text="One.")
    flux.hold("Flush")
    assert flux.hold("Speak", text="Two. ") == []
    kinds = [one["type"] for one in told(flux.make(1.0))]
    assert kinds == ["SpeechMetadata", "SpeechStarted"]


def test_flushed_of_a_turn_that_waits_comes_after_its_start():
    flux = Flux()
    flux.hold("Speak", text="One.")
    flux.hold("Flush")
    flux.hold("Speak", text="Two. ")
    assert flux.hold("Flush") == []
    kinds = [(one["type"], one["speech_id"][-1]) for one in told(flux.make(1.0))]
    assert kinds == [("SpeechMetadata", "0"), ("SpeechStarted", "1"), ("Flushed", "1")]


@pytest.mark.parametrize(
    "rest", [("Flush",), ("Close",), ("Interrupt", "Flush"), ("Flush", "Interrupt", "Close")]
)
def test_flushed_never_comes_before_the_start_of_its_turn(rest: tuple[str, ...]):
    flux = Flux()
    steps = []
    for text in ("One. ", "Two. ", "Three. "):
        steps += flux.hold("Speak", text=text)
        steps += flux.hold("Flush")
    for kind in rest:
        steps += flux.hold(kind)
    while flux.session.is_speaking:
        steps += flux.make(1.0)
    started: set[str] = set()
    for one in told(steps):
        if one["type"] == "SpeechStarted":
            started.add(one["speech_id"])
        if one["type"] in ("Flushed", "SpeechMetadata", "SpeechInterrupted"):
            assert one["speech_id"] in started
    assert sum(one["type"] == "Flushed" for one in told(steps)) == 3


def test_a_flush_without_text_is_a_warning():
    assert told(Flux().send("Flush"))[0]["code"] == "NO_ACTIVE_SPEECH"


def test_an_interrupt_stops_the_turn_and_says_what_was_heard():
    flux = Flux()
    flux.hold("Speak", text="One two three four. ")
    flux.make(2.0)
    flux.hold("Speak", text="Five six. Seven")
    steps = flux.hold("Interrupt", playback_offset={"type": "time_ms", "value": 1000})
    assert steps[0] == Stop()
    (interrupted,) = told(steps)
    assert interrupted["audio_played_ms"] == 1000
    assert interrupted["text_spoken"] == "One two three"
    assert interrupted["text_remaining"].endswith("Five six. Seven")
    assert told(flux.hold("Interrupt"))[0]["code"] == "NO_ACTIVE_SPEECH"


def test_an_interrupt_within_the_first_sentence_says_about_what_was_heard():
    flux = Flux()
    flux.hold("Speak", text="One two three four five six seven eight.")
    flux.hold("Flush")
    flux.session.sent(4.0)
    steps = flux.hold("Interrupt", playback_offset={"type": "time_ms", "value": 2000})
    (interrupted,) = told(steps)
    assert interrupted["audio_played_ms"] == 2000
    assert interrupted["metadata"]["audio_duration_ms"] == 4000
    assert interrupted["text_spoken"] == "One two three four five"
    assert interrupted["text_remaining"] == " six seven eight."


def test_close_finishes_every_turn():
    flux = Flux()
    flux.hold("Speak", text="One.")
    flux.hold("Flush")
    flux.hold("Speak", text="Two")
    steps = flux.hold("Close")
    steps += flux.settle([*flux.make(1.0)])
    assert told(steps)[-1] == {
        "type": "SessionMetadata",
        "total_audio_duration_ms": 2000,
        "total_input_character_count": 7,
        "total_billable_character_count": 7,
    }
    assert steps[-1] == Close(1000)


@pytest.mark.parametrize(
    ("speed", "code"),
    [(2, "SPEED_OUT_OF_RANGE"), ("fast", "SPEED_OUT_OF_RANGE"), (1.03, "SPEED_INCREMENT_INVALID")],
)
def test_a_speed_that_cannot_be_is_rejected(speed: Any, code: str):
    (response,) = told(Flux().send("Configure", speed=speed))
    assert (response["type"], response["code"]) == ("ConfigureFailure", code)


def test_a_new_speed_is_for_coming_speech():
    flux = Flux()
    assert told(flux.send("Configure", speed=1.1)) == [
        {"type": "ConfigureSuccess", "applied": {"speed": 1.1}}
    ]
    steps = flux.hold("Speak", text="Hi. ")
    assert [step.speed for step in steps if isinstance(step, Say)] == [1.1]


def test_text_before_a_new_speed_keeps_its_own():
    flux = Flux()
    flux.hold("Speak", text="One. ")
    flux.hold("Speak", text="Two. And thr")
    flux.hold("Configure", speed=1.5)
    flux.hold("Speak", text="ee.")
    steps = [*flux.hold("Flush"), *flux.settle(flux.make(1.0))]
    spoken = [(texts([step])[0], step.speed) for step in steps if isinstance(step, Say)]
    assert spoken == [(" Two.", 1.0), (" And ", 1.0), ("three.", 1.5)]


@pytest.mark.parametrize(
    "pieces",
    [
        [r"One \{pause:500ms\} two."],
        [r"One \{pau", "se:5", r"00ms\} two."],
        [r"One \{pause:50ms\} two."],
        [r"\{ pause : long \}"],
    ],
)
def test_a_pause_in_the_text_is_a_data_0002(pieces: list[str]):
    for session in (Aura(), Flux()):
        steps = [step for piece in pieces for step in session.send("Speak", text=piece)]
        assert told(steps)[-1]["code"] == "DATA-0002"
        assert steps[-1] == Close(1008, "DATA-0002")


def test_the_oldest_voices_read_markup_as_text():
    who = Identity("r-1", "aura-zeus-en", "2026", "u-1", markup=False)
    session = AuraSession(who)
    steps = session.read(message("Speak", text=r"One \{pause:500ms\} <break/> two. "), 0.0)
    assert texts(steps) == [r"One \{pause:500ms\} <break/> two."]


SSML = (
    '<?xml version="1.0"?><speak>One <break time="1. 5s"/>two. ',
    '<prosody rate="fast">Three</prosody> is &lt; four, '
    '<say-as interpret-as="x">5</say-as></speak>',
    " and 1 <2 <p>6.</p> <b>7</b>",
)


def test_ssml_is_stripped_with_one_warning_a_turn():
    for session in (Aura(), Flux()):
        for _ in range(2):
            steps = [step for piece in SSML for step in session.send("Speak", text=piece)]
            steps += session.send("Flush")
            codes = [one["code"] for one in told(steps) if one["type"] == "Warning"]
            assert codes == ["INPUT_MARKUP_STRIPPED"]
            said = "".join(texts(steps))
            assert said == "One two. Three is &lt; four, 5 and 1 <2 6. <b>7</b>"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_tag_of_ssml_may_come_in_pieces(size: int):
    text = "".join(SSML)
    for session in (Aura(), Flux()):
        steps: list[Step] = []
        for start in range(0, len(text), size):
            steps += session.send("Speak", text=text[start : start + size])
        steps += session.send("Flush")
        assert "".join(texts(steps)) == "One two. Three is &lt; four, 5 and 1 <2 6. <b>7</b>"


def test_a_text_of_tags_alone_has_no_sound_and_ends_its_turn():
    flux = Flux()
    steps = flux.send("Speak", text="<speak> <break/> </speak>") + flux.send("Flush")
    assert [one.get("code") for one in told(steps) if one["type"] == "Warning"] == [
        "INPUT_MARKUP_STRIPPED",
        "NO_AUDIO_GENERATED",
    ]
    assert told(steps)[-1]["type"] == "SpeechMetadata"
    aura = Aura()
    aura.send("Speak", text="<speak> <break/> </speak>")
    assert told(aura.send("Flush"))[-1] == {"type": "Flushed", "sequence_id": 0}


def test_a_pronunciation_at_another_speed_is_left_out_with_a_warning():
    flux = Flux()
    flux.send("Configure", speed=1.1)
    text = r'Ask \{"word": "Nguyen", "pronounce": "wiən"\} now.'
    steps = flux.send("Speak", text=text) + flux.send("Flush")
    assert "".join(texts(steps)) == "Ask Nguyen now."
    assert [one["code"] for one in told(steps) if one["type"] == "Warning"] == [
        "PRONUNCIATION_WARNINGS"
    ]
    assert told(steps)[-1]["controls_applied"]["pronunciations_applied"] == 0


def test_an_offset_counts_from_the_start_of_the_session_and_must_grow():
    flux = Flux()

    def interrupt(value: int) -> list[dict[str, Any]]:
        return told(flux.hold("Interrupt", playback_offset={"type": "time_ms", "value": value}))

    def begin() -> None:
        flux.hold("Speak", text="One two three four. Five")
        flux.session.sent(4.0)

    flux.send("Speak", text="Hello.")
    flux.send("Flush")  # one second
    begin()
    (interrupted,) = interrupt(3000)
    assert interrupted["audio_played_ms"] == 2000
    begin()  # where the first was cut
    (interrupted,) = interrupt(4000)
    assert interrupted["audio_played_ms"] == 1000
    begin()
    warning, interrupted = interrupt(4000)
    assert warning["code"] == "INVALID_INTERRUPT_OFFSET"
    assert interrupted["audio_played_ms"] == 4000


def test_markup_is_never_cut_in_two():
    flux = Flux()
    steps = flux.send("Speak", text=r'Hi. Ask \{"word": "Mr. ')
    steps += flux.send("Speak", text=r'Li", "pronounce": "li"\} now.') + flux.send("Flush")
    assert told(steps)[-1]["controls_applied"]["pronunciations_applied"] == 1


def test_pronunciations_are_counted():
    flux = Flux()
    text = r'Ask \{"word": "Nguyen", "pronounce": "wiən"\} now.'
    metadata = told(flux.send("Speak", text=text) + flux.send("Flush"))[-1]
    assert metadata["controls_applied"]["pronunciations_applied"] == 1
    assert metadata["controls_applied"]["breaks_applied"] == 0
    assert metadata["billable_character_count"] < metadata["input_character_count"]


def test_an_error_is_told_before_the_close():
    steps = Flux().send("Sing")
    assert told(steps)[0]["type"] == "Error"
    assert steps[-1] == Close(1008, "DATA-0000")
