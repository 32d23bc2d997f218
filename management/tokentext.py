"""Tokens of people and of invitations as text, in the format of ``network/keyformat.py``."""

import re

from network import keyformat

PERSON, INVITATION = "eap_", "eai_"
# Of any text, such as a line of a log.
IN_TEXT = re.compile(
    rf"\b(?:{PERSON}|{INVITATION})[0-9A-Za-z]{{{keyformat.LENGTH - keyformat.START_LENGTH}}}\b"
)


def without_tokens(text: str) -> str:
    """Return ``text`` with the public beginning of each token in it alone."""
    return IN_TEXT.sub(lambda found: f"{keyformat.prefix(found[0])}…", text)
