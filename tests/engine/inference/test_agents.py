"""Settings of an agent and the local models behind them, without a session."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.env import Environment
from engine.inference.agent_models import UnusableSettings, fill, turn_options, voice_of
from engine.wire.agent_messages import ListenProvider, Output, Speak

VARIABLES = {"DG_NAME": "Ada", "DG_LIMIT": 0.8, "DG_LIST": ["one", "two"], "DG_NONE": None}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("DG_NAME", "Ada"),
        ("DG_LIMIT", 0.8),
        ("DG_LIST", ["one", "two"]),
        ("DG_NONE", None),
        ("Hello {{DG_NAME}}.", "Hello Ada."),
        ("{{DG_NAME}} and {{DG_NAME}}", "Ada and Ada"),
        ("At most {{DG_LIMIT}}", "At most 0.8"),
        ("{{DG_UNKNOWN}} {DG_NAME} DG_NAME", "{{DG_UNKNOWN}} {DG_NAME} DG_NAME"),
        ({"greeting": "DG_NAME", "DG_NAME": 1}, {"greeting": "Ada", "DG_NAME": 1}),
        ([["DG_NAME"], 5, True, None], [["Ada"], 5, True, None]),
        ({"a": {"b": ["{{DG_NAME}}!"]}}, {"a": {"b": ["Ada!"]}}),
    ],
)
def test_variables_are_filled_in_wherever_they_are_named(value: Any, filled: Any):
    assert fill(value, VARIABLES) == filled


json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=12),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner),
    max_leaves=12,
)


@given(json)
def test_a_configuration_without_variables_stays_as_it_is(value: Any):
    assert fill(value, {}) == value


@given(some.text(), some.dictionaries(some.text(min_size=1), some.text()))
def test_any_text_can_be_filled(text: str, variables: dict[str, str]):
    assert isinstance(fill(text, variables), str)


@pytest.mark.parametrize(
    ("given", "certain", "eager"),
    [
        ({}, 0.7, 0.4),
        ({"eot_threshold": 0.9}, 0.9, 0.4),
        ({"eot_threshold": 0.5, "eager_eot_threshold": 0.3}, 0.5, 0.3),
        ({"eager_eot_threshold": 0.6}, 0.7, 0.6),
    ],
)
def test_a_turn_has_a_probable_end_before_the_certain_one(
    given: dict[str, Any], certain: float, eager: float
):
    options = turn_options(ListenProvider(version="v2", model="flux-general-en", **given))
    assert (options.eot_threshold, options.eager_eot_threshold) == (certain, eager)
    assert options.eager_eot_threshold <= options.eot_threshold


def speak(**provider: Any) -> Speak:
    return msgspec.convert({"provider": {"type": "deepgram"} | provider}, Speak)


@pytest.mark.parametrize("model", ["aura-2-thalia-en", "flux-jack-en", "aura-asteria-en"])
def test_a_voice_speaks_raw_audio_at_its_usual_speed(environment: Environment, model: str):
    voice = voice_of(speak(model=model), Output(encoding="linear16", sample_rate=16_000))
    assert voice.model.canonical_name == model
    assert voice.speed == 1.0


@pytest.mark.parametrize(
    ("provider", "output", "code"),
    [
        ({"model": "aura-9-nobody-xx"}, {}, "INVALID_SETTINGS"),
        ({"model": "flux-jack-en"}, {"encoding": "mp3"}, "INVALID_SETTINGS"),
        ({"model": "flux-jack-en"}, {"encoding": "opus"}, "INVALID_SETTINGS"),
        ({"model": "aura-2-thalia-en"}, {"sample_rate": 12_345}, "INVALID_SETTINGS"),
        ({"model": "aura-2-thalia-en", "speed": 9}, {}, "FAILED_TO_SPEAK"),
        ({"model": "aura-2-thalia-en", "speed": 0.1}, {}, "FAILED_TO_SPEAK"),
    ],
)
def test_a_voice_that_cannot_speak_so_names_its_error(
    environment: Environment, provider: Any, output: Any, code: str
):
    with pytest.raises(UnusableSettings) as raised:
        voice_of(speak(**provider), Output(**output))
    assert raised.value.code == code
