"""Tokens as text: the engine's format, found in logs and cut there."""

import pytest

from engine.accounts import keytext
from management import tokentext

KINDS = (tokentext.PERSON, tokentext.INVITATION)


@pytest.mark.parametrize("start", KINDS)
def test_a_token_has_the_format_of_the_engines_keys(start):
    token, key = tokentext.make_token(start), keytext.make_key()
    assert len(token) == len(key)
    assert len(tokentext.prefix(token)) == len(keytext.prefix(key))
    assert tokentext.digest(token) == keytext.digest(token)
    # The checksum is that of the engine's keys.
    assert keytext.may_exist(key)
    assert tokentext.checksum(key[:-6]) == key[-6:]


@pytest.mark.parametrize("start", KINDS)
def test_a_mistyped_token_is_rejected_without_the_database(start):
    token = tokentext.make_token(start)
    other = "x" if token[20] != "x" else "y"
    assert tokentext.may_exist(token, start)
    for wrong in (token[:-1], token + "x", token[:20] + other + token[21:], "", "é" * 50):
        assert not tokentext.may_exist(wrong, start)
    assert not tokentext.may_exist(token, next(kind for kind in KINDS if kind != start))


def test_a_token_in_a_text_is_cut_to_its_beginning():
    token = tokentext.make_token(tokentext.INVITATION)
    assert tokentext.without_tokens(f"Gone: /invitations/{token}/") == (
        f"Gone: /invitations/{token[:12]}…/"
    )
