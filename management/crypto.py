"""Keys of other servers, encrypted at rest."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from management.keyfiles import UnusableKeyFile, read_or_make


class UnreadableKey(Exception):
    """The stored key was encrypted with a secret that is no longer here."""


@lru_cache(maxsize=1)
def fernet() -> MultiFernet:
    """The keys of ENCRYPTION_KEY_FILE, newest first: one a line, made on first use."""
    path = settings.ENCRYPTION_KEY_FILE
    text = read_or_make(path, lambda: Fernet.generate_key().decode())
    try:
        return MultiFernet([Fernet(line) for line in text.split()])
    except ValueError as error:
        raise UnusableKeyFile(
            f"{path} is damaged; restore it from a backup. Only if there is none, delete it: a "
            "new one is made, and the keys of speech servers have to be entered again."
        ) from error


def encrypt(secret: str) -> bytes:
    return fernet().encrypt(secret.encode())


def decrypt(token: bytes | memoryview) -> str:
    """The secret again; ``UnreadableKey`` when no key at hand opens it."""
    try:
        return fernet().decrypt(bytes(token)).decode()
    except UnusableKeyFile as error:
        raise UnreadableKey(str(error)) from error
    except InvalidToken as error:
        raise UnreadableKey(
            "The stored key cannot be read: secrets/encryption.key is not the one it was "
            "encrypted with. Enter the key again."
        ) from error
