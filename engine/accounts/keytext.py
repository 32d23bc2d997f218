"""API keys of the engine as text, in the format of ``network/keyformat.py``."""

from __future__ import annotations

from network import keyformat

_START = "ear_"


def make_key() -> str:
    return keyformat.make(_START)


def may_exist(key: str) -> bool:
    """False when ``key`` cannot be in the database, so that nobody need look.

    A key of another shape may be there: an operator can put any into ``engine.key``.
    """
    if not key.startswith(_START):
        return 16 <= len(key) <= 256
    return keyformat.is_whole(key, _START)
