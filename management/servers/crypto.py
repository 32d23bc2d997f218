"""Keys of other servers, encrypted at rest."""

from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from management.keyfiles import UnusableKeyFile, prepend, read_or_make, replace


class UnreadableKey(Exception):
    """The stored key was encrypted with a secret that is no longer here."""


def fernet() -> MultiFernet:
    """The keys of ENCRYPTION_KEY_FILE, newest first: one a line, made on first use.

    Read again when the file has changed: other processes notice a rotation.
    """
    path = settings.ENCRYPTION_KEY_FILE
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return read_fernet(path, changed)


@lru_cache(maxsize=1)
def read_fernet(path: Path, changed: int) -> MultiFernet:
    text = read_or_make(path, lambda: Fernet.generate_key().decode())
    try:
        return MultiFernet([Fernet(line) for line in text.split()])
    except ValueError as error:
        raise UnusableKeyFile(
            f"{path} is damaged; restore it from a backup. Only if there is none, delete it: a "
            "new one is made, and the keys of speech servers have to be entered again."
        ) from error


def add_key() -> None:
    """Put a new key before those of the file; what they encrypted stays readable."""
    fernet()  # makes the file where there is none
    path = settings.ENCRYPTION_KEY_FILE
    prepend(path, Fernet.generate_key().decode())


def drop_old_keys() -> None:
    """Keep the newest key alone; call it once everything is encrypted with that."""
    path = settings.ENCRYPTION_KEY_FILE
    replace(path, path.read_text().split()[0])


def rotated(token: bytes | memoryview) -> bytes:
    """Encrypt with the newest key what an older one has encrypted."""
    try:
        return fernet().rotate(bytes(token))
    except InvalidToken as error:
        raise UnreadableKey("The stored key cannot be read; enter it again.") from error


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
