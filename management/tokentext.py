"""Tokens of people and of invitations as text, in the format of the engine's keys.

A start of 4 characters that names the kind, 8 that find the row, 32 secret ones (190 bits) and 6
of CRC-32, so that a mistyped token is rejected without asking the database. Only the SHA-256 of
the whole is stored: the secret is random and long, so a slow hash would add nothing.
"""

import hashlib
import re
import secrets
import string
import zlib

PERSON, INVITATION = "eap_", "eai_"
_ALPHABET = string.digits + string.ascii_letters
_PREFIX_LENGTH = 4 + 8
_CHECKED_LENGTH = _PREFIX_LENGTH + 32
LENGTH = _CHECKED_LENGTH + 6
# Of any text, such as a line of a log.
IN_TEXT = re.compile(rf"\b(?:{PERSON}|{INVITATION})[0-9A-Za-z]{{{LENGTH - 4}}}\b")


def make_token(start: str) -> str:
    """Return a new token of this kind: ``PERSON`` or ``INVITATION``."""
    text = start + "".join(secrets.choice(_ALPHABET) for _ in range(_CHECKED_LENGTH - len(start)))
    return text + checksum(text)


def may_exist(token: str, start: str) -> bool:
    """Return whether ``token`` has the form of this kind: others are not looked for."""
    is_whole = len(token) == LENGTH and token.isascii() and token.startswith(start)
    return is_whole and checksum(token[:_CHECKED_LENGTH]) == token[_CHECKED_LENGTH:]


def prefix(token: str) -> str:
    """Return the public beginning of a token, by which people tell theirs apart."""
    return token[:_PREFIX_LENGTH]


def digest(token: str) -> str:
    """Return the SHA-256 that is stored, 64 hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def without_tokens(text: str) -> str:
    """Return ``text`` with the public beginning of each token in it alone."""
    return IN_TEXT.sub(lambda found: f"{prefix(found[0])}…", text)


def checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
