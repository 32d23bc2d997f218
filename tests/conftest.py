"""What every test may use. State lives in a folder of its own, gone after the run."""

import os
import tempfile
from pathlib import Path

import pytest

_data = tempfile.TemporaryDirectory(prefix="earshot-tests-")
# Settings are read when Django is first imported, before any fixture runs.
os.environ.setdefault("EARSHOT_DATA", _data.name)
for name in ("DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", "DEEPGRAM_AGENT_URL"):
    os.environ.pop(name, None)


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
