"""Format of secret keys and tokens: how one is made, recognised and reduced to what is stored.

A start of 4 characters that names the kind, 8 that find the row, 32 secret ones (190 bits) and 6
of CRC-32, so that a mistyped one is rejected without asking the database. Only the SHA-256 of the
whole is stored: the secret is random and long, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

START_LENGTH = 4
LENGTH = 50
_ALPHABET = string.digits + string.ascii_letters
_PREFIX_LENGTH = START_LENGTH + 8
_CHECKED_LENGTH = _PREFIX_LENGTH + 32


def make(start: str) -> str:
    """Return a new secret that begins with ``start``, of 4 characters."""
    text = start + "".join(secrets.choice(_ALPHABET) for _ in range(_CHECKED_LENGTH - START_LENGTH))
    return text + checksum(text)


def is_whole(text: str, start: str) -> bool:
    """Return whether ``text`` has the form of a secret that begins with ``start``."""
    has_form = len(text) == LENGTH and text.isascii() and text.startswith(start)
    return has_form and checksum(text[:_CHECKED_LENGTH]) == text[_CHECKED_LENGTH:]


def prefix(text: str) -> str:
    """Return the public beginning, by which the row is found and people tell theirs apart."""
    return text[:_PREFIX_LENGTH]


def digest(text: str) -> str:
    """Return the SHA-256 that is stored, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
