"""Tests that use the database, on PostgreSQL, RabbitMQ and Redis.

The rest of a test run is on the embedded default. Settings are read once a process, so this
is another one; its failures are shown here in full.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.services import postgresql_url, rabbitmq_url, redis_url

pytestmark = pytest.mark.full

__all__ = ["postgresql_url", "rabbitmq_url", "redis_url"]

PYTEST = (sys.executable, "-m", "pytest", "-rs", "--create-db", "-p", "tests.postgresql")
ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("tests/transcripts", "tests/management")


def test_production_profile_passes_the_same_tests(
    postgresql_url: str, rabbitmq_url: str, redis_url: str, tmp_path: Path
):
    report = tmp_path / "report.xml"
    environ = os.environ | {
        "PYTEST_XDIST_WORKER": "",  # a run of its own
        "EARSHOT_DATA": str(tmp_path / "data"),
        "DATABASE_URL": postgresql_url,
        "CELERY_BROKER_URL": rabbitmq_url,
        "CHANNEL_LAYER_URL": redis_url,
    }
    done = subprocess.run(
        [*PYTEST, f"--junitxml={report}", *FOLDERS],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (suite,) = ElementTree.parse(report).getroot()
    ran, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    # A run that left most of it out would prove nothing.
    assert skipped * 10 < ran, done.stdout
