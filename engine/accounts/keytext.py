"""API keys as text: how one is made, recognised and reduced to what may be stored.

``ear_`` + 8 characters that find the row + 32 secret ones (190 bits) + 6 of CRC-32, so that a
mistyped key is rejected without asking the database. Only the SHA-256 of the whole is stored:
the secret is random and long, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_letters
_START = "ear_"
_PREFIX_LENGTH = len(_START) + 8
_CHECKED_LENGTH = _PREFIX_LENGTH + 32
_LENGTH = _CHECKED_LENGTH + 6


def make_key() -> str:
    text = _START + "".join(secrets.choice(_ALPHABET) for _ in range(_CHECKED_LENGTH - len(_START)))
    return text + _checksum(text)


def may_exist(key: str) -> bool:
    """False when ``key`` cannot be in the database, so that nobody need look.

    A key of another shape may be there: an operator can put any into ``engine.key``.
    """
    if not key.startswith(_START):
        return 16 <= len(key) <= 256
    return len(key) == _LENGTH and _checksum(key[:_CHECKED_LENGTH]) == key[_CHECKED_LENGTH:]


def prefix(key: str) -> str:
    """Return the public prefix by which the row of a key is found."""
    return key[:_PREFIX_LENGTH]


def digest(key: str) -> str:
    """The SHA-256 that is stored, 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
