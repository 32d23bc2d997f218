"""Tokens as text: found in logs and cut there."""

import pytest

from management import tokentext
from network import keyformat

KINDS = (tokentext.PERSON, tokentext.INVITATION)


@pytest.mark.parametrize("start", KINDS)
def test_a_token_in_a_text_is_cut_to_its_beginning(start: str):
    token = keyformat.make(start)
    assert tokentext.without_tokens(f"Gone: /invitations/{token}/, {token}") == (
        f"Gone: /invitations/{token[:12]}…/, {token[:12]}…"
    )


def test_what_is_no_token_stays():
    key, token = keyformat.make("ear_"), keyformat.make(tokentext.PERSON)
    text = f"{key} {token[:-1]} {token}x x{token} eap_"
    assert tokentext.without_tokens(text) == text
