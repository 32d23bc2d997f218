"""One declaration of each shape: how it is encoded, and the same word on every surface."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from engine.text.words import Word
from engine.wire.findings import live_alternative, recorded_words
from engine.wire.live_options import LiveListenOptions
from engine.wire.options import ListenOptions
from engine.wire.query import read_options
from engine.wire.shapes import UNSET, Omittable, Shape, encode, schemas


class Leaf(Shape):
    text: str
    note: Omittable[str] = UNSET


class Branch(Shape):
    leaves: list[Leaf]
    name: str | None = None


class Tree(Shape):
    branches: list[Branch]
    by_name: dict[str, Leaf]
    first: Omittable[Branch] = UNSET


def leaves(count: int) -> list[Leaf]:
    return [Leaf(text=f"café \0{number}") for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_001, 2_500])
@pytest.mark.parametrize("branches", [1, 1_100])
def test_long_lists_are_encoded_as_short_ones(count: int, branches: int):
    tree = Tree(
        branches=[Branch(leaves=leaves(count if branches == 1 else 2))] * branches,
        by_name={"a": Leaf(text="a", note="b")},
        first=Branch(leaves=leaves(count), name="first"),
    )
    assert encode(tree) == msgspec.json.encode(tree)


def test_an_absent_member_is_left_out_and_null_is_not():
    assert json.loads(encode(Branch(leaves=[Leaf(text="a")]))) == {
        "leaves": [{"text": "a"}],
        "name": None,
    }


def test_the_schema_requires_what_is_always_present():
    (branch,), named = schemas([Branch], "#/{name}")
    assert branch == {"$ref": "#/Branch"}
    assert named["Leaf"]["required"] == ["text"]
    assert named["Branch"]["properties"]["leaves"]["items"] == {"$ref": "#/Leaf"}


WORDS = [
    Word("hello", "Hello,", 0.12345, 0.5, 0.98765, 0, 0.91234, "en"),
    Word("there", "there.", 0.5, 0.9, 1.2, 1, 0.5, "en"),
]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "punctuate=true",
        "smart_format=true",
        "language=multi",
        "language=multi&language_hint=es",
    ],
)
@pytest.mark.parametrize("words", [WORDS, [replace(word, speaker=None) for word in WORDS], []])
def test_live_and_recorded_words_have_the_same_form(query: str, words: list[Word]):
    live = live_alternative(words, read_options(LiveListenOptions, query), ["en"])
    recorded = recorded_words(words, read_options(ListenOptions, query))
    without_confidence = [
        msgspec.structs.replace(word, speaker_confidence=UNSET) for word in recorded
    ]
    assert encode(live.words) == encode(without_confidence)
