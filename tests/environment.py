"""The environment of a test run: state in a folder of its own, gone after the run.

A plugin, named in pyproject.toml: settings are read before any conftest is.
"""

import atexit
import os
import shutil
import tempfile

from django.conf import settings
from hypothesis import settings as hypothesis_settings

if os.environ.get("PYTEST_XDIST_WORKER") or "EARSHOT_DATA" not in os.environ:
    # Of several processes that share a run each has its own.
    os.environ["EARSHOT_DATA"] = tempfile.mkdtemp(prefix="earshot-tests-")
    atexit.register(shutil.rmtree, os.environ["EARSHOT_DATA"], ignore_errors=True)
for name in ("DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL", "DEEPGRAM_AGENT_URL"):
    os.environ.pop(name, None)

# The engine's models next to those of the web application, so that one process tests both.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "engine"]

# Once for the run: each change of CACHES leaves a context variable that every thread hop copies.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# No test may depend on the speed of the machine. EARSHOT_CASES=1000 looks longer.
CASES = int(os.environ.get("EARSHOT_CASES", "30"))
hypothesis_settings.register_profile("tests", max_examples=CASES, deadline=None)
hypothesis_settings.load_profile("tests")
