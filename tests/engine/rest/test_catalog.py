"""Names of models and the models that serve them (docs/contract.md, 5.1 and choice 24)."""

from __future__ import annotations

import pytest

from engine.inference.catalog import Catalog
from engine.speech.errors import UnknownModel

LENIENT = Catalog("tiny.en", "base")


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("nova-3", "nova-3-general"),
        ("Nova-2-Meeting", "nova-2-meeting"),
        ("phonecall", "base-phonecall"),
        ("base-general", "base-general"),
        ("nova-3:nova-2", "nova-2-general"),
    ],
)
def test_every_way_to_name_a_model_is_known(name, canonical):
    assert LENIENT.choose(name, "en").requested == canonical


def test_a_newer_name_is_served_unless_the_engine_is_strict():
    assert LENIENT.choose("nova-9", "en-US").requested == "nova-9"
    with pytest.raises(UnknownModel):
        Catalog("tiny.en", "base", strict=True).choose("nova-9", "en-US")


@pytest.mark.parametrize("name", ["aura-2-thalia-en", "nova-x" * 2 + "/", "", "en"])
def test_what_is_no_name_of_a_recognition_model_is_rejected(name):
    with pytest.raises(UnknownModel):
        LENIENT.choose(name, "en")
