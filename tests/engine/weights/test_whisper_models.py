"""From a Whisper model's name to checked weights on this machine."""

from __future__ import annotations

import pytest

from engine.weights.errors import MissingWeights
from engine.weights.whisper_models import find_weights, is_at_hand


def test_a_path_is_taken_as_it_is(tmp_path):
    (tmp_path / "model.bin").touch()
    assert find_weights(str(tmp_path)) == tmp_path


def test_a_path_without_a_model_is_named(tmp_path):
    with pytest.raises(MissingWeights, match=r"no model\.bin"):
        find_weights(str(tmp_path))


def test_a_model_that_is_nowhere_says_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingWeights, match="allow downloads"):
        find_weights("large-v2")
    assert not is_at_hand("large-v2")


@pytest.mark.full
@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_the_installed_models_are_at_hand(name):
    assert is_at_hand(name)
    files = {path.name for path in find_weights(name).iterdir()}
    assert files >= {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"}
