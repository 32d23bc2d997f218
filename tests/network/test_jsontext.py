"""JSON from outside is read within limits."""

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from network.jsontext import MAX_DEPTH, read_json, read_storable_json
from tests.test_imports import PACKAGES, ROOT

values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text("ab\n\"'é日", max_size=5),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text("xy"), inner),
)


@given(values)
def test_what_is_written_is_read(value):
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, 990, 5_000, 200_000])
@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('{"a":', "}")])
def test_depth_has_a_limit(depth, before, after):
    with pytest.raises(ValueError, match="levels"):
        read_json(before * depth + "1" + after * depth)


@pytest.mark.parametrize("number", [2**63, -(2**64), 10**308])
def test_a_large_number_that_a_float_holds_is_read(number):
    assert read_json(json.dumps([number])) == [number]


def test_a_depth_within_the_limit_is_read():
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(read_json(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[Infinity]",
        "1e999",
        "-1e999",
        b"\xff",
        "1" * 400,
        "-" + "9" * 309,
        "1" * 5_000,
    ],
)
def test_what_is_no_json_is_rejected(text):
    with pytest.raises(ValueError, match=r"."):
        read_json(text)


@pytest.mark.parametrize("text", ['"\\u0000"', '{"\\u0000": 1}', '"\\ud800"', '["a\\udfff"]'])
def test_what_no_database_can_store_is_rejected(text):
    assert read_json(text)
    with pytest.raises(ValueError, match=r"."):
        read_storable_json(text)


@given(some.lists(some.sampled_from(["\\", "u0000", "\0", '"', "a", "\\u0000"])).map("".join))
def test_only_a_nul_itself_is_rejected(text: str):
    """A text that describes it, as documentation of a format does, is stored as it is."""
    for value in (text, [{text: 1}]):
        if "\0" in text:
            with pytest.raises(ValueError, match="U\\+0000"):
                read_storable_json(json.dumps(value))
        else:
            assert read_storable_json(json.dumps(value)) == value


# These read what we, the operator or a package wrote, or have a limit of their own.
TRUSTED = {
    "engine/accounts/ledger.py",
    "engine/speech/audio/decode_child.py",
    "engine/speech/synthesis/english.py",
    "engine/speech/synthesis/kokoro.py",
    "engine/speech/synthesis/synthesizer.py",
    "engine/thinking/localserver.py",
    "management/models/sums.py",
    "network/jsontext.py",
    "speechclient/errors.py",
    "transcripts/agents/models.py",
    "transcripts/calls/record.py",
    "transcripts/models.py",
    "transcripts/media/sound_child.py",
}


def test_nothing_else_reads_json_without_a_limit():
    reading = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text()
            if "json" not in source:
                continue
            for node in ast.walk(ast.parse(source)):
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(called, ast.Attribute) and (
                    called.attr == "json" or ast.unparse(called) in ("json.loads", "json.load")
                ):
                    reading.add(path.relative_to(ROOT).as_posix())
    assert reading == TRUSTED
