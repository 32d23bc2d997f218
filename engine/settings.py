"""Django settings of the engine: an application of its own, with its own database."""

import os
from typing import Any

import dj_database_url

from engine.env import Misconfigured, read_environment

ENVIRONMENT = read_environment(os.environ)


def _database() -> dict[str, Any]:
    try:
        database = dict(dj_database_url.parse(ENVIRONMENT.database_url))
    except ValueError as error:
        raise Misconfigured(
            "ENGINE_DATABASE_URL cannot be read; set it to sqlite:///PATH or "
            "postgres://USER:PASSWORD@HOST:PORT/NAME."
        ) from error
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["OPTIONS"] = {
            # A deferred transaction that turns to writing ignores the timeout when it must wait.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        # A connection goes back after each piece of work; without a pool the next would log in.
        database["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 16, "timeout": 20}}
    return database


SECRET_KEY = ENVIRONMENT.secret_key  # `python -m engine` makes one where none is set
DEBUG = False
ALLOWED_HOSTS = ["*"]  # no cookies and no links are made here: every call carries its key
ROOT_URLCONF = "engine.urls"
INSTALLED_APPS = ["engine"]
MIDDLEWARE = ["engine.gateway.middleware.ErrorForms"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": _database()}
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
# Requests carry keys, not cookies, and no page has a form.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The gate has already counted the body.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
FILE_UPLOAD_MAX_MEMORY_SIZE = 4_000_000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # The gate logs every call once, with its request id.
        "uvicorn.access": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "faster_whisper": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
