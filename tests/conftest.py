"""Fixtures of every test."""

from pathlib import Path

import pytest
from django.core.cache import cache


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: the other process of a run has the rest meanwhile."""
    items.sort(key=lambda item: item.path.name != "test_profiles.py")


@pytest.fixture(autouse=True)
def cheap_passwords(settings) -> None:
    """Hash passwords quickly: a slow hash is for real ones."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def media(settings, tmp_path: Path) -> Path:
    """A media folder for one test."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media"},
        }
    }
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def own_cache(settings) -> None:
    """Limits of one test are not those of the next."""
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "one test"}}
    cache.clear()
