"""Markup inside the text to speak."""

import pytest

from engine.speech.synthesis.markup import read_markup


@pytest.mark.parametrize("depth", [101, 990, 100_000])
def test_a_pronunciation_of_any_depth_is_left_out_with_a_warning(depth):
    deep = "[" * depth + "]" * depth
    script = read_markup(f'Say \\{{"word": {deep}, "pronounce": "a"\\}} twice.')
    assert script.parts == ("Say  twice.",)
    assert ["not valid JSON" in warning for warning in script.warnings] == [True]
