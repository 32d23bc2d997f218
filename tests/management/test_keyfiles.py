"""Key files: written whole, private, and never replaced when they are damaged."""

import threading

import pytest
from cryptography.fernet import Fernet

from management.keyfiles import UnusableKeyFile, read_or_make
from management.servers import crypto

KEY = "k" * 50


@pytest.fixture
def encryption_key(settings, tmp_path):
    settings.ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    crypto.read_fernet.cache_clear()
    yield settings.ENCRYPTION_KEY_FILE
    crypto.read_fernet.cache_clear()


def test_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "new" / "django.key"
    assert read_or_make(path, lambda: KEY) == KEY
    assert read_or_make(path, lambda: "another" * 9) == KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_read_the_same_key(tmp_path):
    keys = []
    makers = [
        threading.Thread(
            target=lambda n=n: keys.append(read_or_make(tmp_path / "a.key", lambda: f"{n}" * 30))
        )
        for n in range(6)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(set(keys)) == 1


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\0" * 64, b"\xff" * 40, b"short"])
def test_empty_or_damaged_file_is_named_and_kept(tmp_path, content):
    path = tmp_path / "django.key"
    path.write_bytes(content)
    with pytest.raises(UnusableKeyFile, match=r"django\.key is (empty|damaged); restore it"):
        read_or_make(path, lambda: KEY)
    assert path.read_bytes() == content


def test_folder_in_place_of_the_file_is_named(tmp_path):
    with pytest.raises(UnusableKeyFile, match="cannot be read"):
        read_or_make(tmp_path, lambda: KEY)


@pytest.mark.parametrize("content", [b"", b"x" * 44, b"EuQzfBVClTD_msygK5Mn"])
def test_damaged_encryption_key_is_not_replaced(encryption_key, content):
    encryption_key.write_bytes(content)
    with pytest.raises(UnusableKeyFile):
        crypto.encrypt("secret")
    with pytest.raises(crypto.UnreadableKey):
        crypto.decrypt(b"anything")
    assert encryption_key.read_bytes() == content


def test_earlier_encryption_keys_still_decrypt(encryption_key):
    token = crypto.encrypt("secret")
    older = encryption_key.read_bytes()
    encryption_key.write_bytes(Fernet.generate_key() + b"\n" + older)
    crypto.read_fernet.cache_clear()
    assert crypto.decrypt(token) == "secret"
