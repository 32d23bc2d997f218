"""Keys and tokens: made at random, recognised by their form, found by their prefix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.accounts.keytext import make_key, may_exist
from network.keyformat import LENGTH, checksum, digest, is_whole, make, prefix

STARTS = ("ear_", "eap_", "eai_")


@pytest.mark.parametrize("start", STARTS)
def test_a_secret_has_its_start_its_length_and_its_checksum(start: str):
    secret = make(start)
    assert (len(secret), secret[:4]) == (LENGTH, start)
    assert secret[4:].isalnum()
    assert checksum(secret[:-6]) == secret[-6:]
    assert is_whole(secret, start)
    assert not any(is_whole(secret, other) for other in STARTS if other != start)


def test_no_two_secrets_are_alike():
    secrets = {make("eap_") for _ in range(200)}
    assert len(secrets) == len({prefix(secret) for secret in secrets}) == 200


@given(some.integers(0, LENGTH - 1), some.sampled_from("0aZ_-é "))
def test_a_mistyped_secret_is_rejected_without_the_database(place: int, letter: str):
    secret = make("ear_")
    wrong = secret[:place] + letter + secret[place + 1 :]
    assert is_whole(wrong, "ear_") is (wrong == secret)


@given(some.text(max_size=60))
def test_any_other_text_is_none(text: str):
    assert not is_whole(text, "ear_")
    assert not is_whole("ear_" + text, "ear_")


def test_a_cut_or_lengthened_secret_is_none():
    secret = make("eap_")
    for wrong in ("", secret[:-1], secret + "x", f" {secret}", secret.upper(), "é" * LENGTH):
        assert not is_whole(wrong, "eap_")


def test_the_prefix_tells_nothing_of_the_secret_and_the_digest_all_of_it():
    secret = make("eap_")
    assert prefix(secret) == secret[:12]
    assert len(digest(secret)) == 64
    assert digest(secret) != digest(secret[:-1])
    # As others compute it: a row of another program can be compared.
    assert digest("abc").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("x" * 15, False),
        ("x" * 16, True),
        ("x" * 256, True),
        ("x" * 257, False),
        ("ear_" + "x" * 46, False),
    ],
)
def test_a_key_of_an_operator_may_have_another_form(key: str, expected: bool):
    assert may_exist(key) is expected
    assert may_exist(make_key())
