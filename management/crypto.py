"""Keys of other servers, encrypted at rest."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableKey(Exception):
    """The stored key was encrypted with a secret that is no longer here."""


@lru_cache(maxsize=1)
def fernet() -> MultiFernet:
    """The keys of ENCRYPTION_KEY_FILE, newest first: one a line, made on first use."""
    path = settings.ENCRYPTION_KEY_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(Fernet.generate_key())
    return MultiFernet([Fernet(line) for line in path.read_bytes().split()])


def encrypt(secret: str) -> bytes:
    return fernet().encrypt(secret.encode())


def decrypt(token: bytes | memoryview) -> str:
    """The secret again; ``UnreadableKey`` when no key at hand opens it."""
    try:
        return fernet().decrypt(bytes(token)).decode()
    except InvalidToken as error:
        raise UnreadableKey(
            "The stored key cannot be read: secrets/encryption.key is not the one it was "
            "encrypted with. Enter the key again."
        ) from error
