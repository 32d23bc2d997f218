"""Fixtures of every test."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.contenttypes.management import create_contenttypes
from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_migrate
from pytest_django import DjangoDbBlocker

from tests import databases

UNUSED_FIXTURES = {
    "_django_clear_site_cache",
    "_django_isolate_apps",
    "_django_set_urlconf",
    "_django_setup_unittest",
    "_fail_for_invalid_template_variable",
    "_live_server_helper",
    "_template_string_if_invalid_marker",
}
STATIC_FILES = "servestatic.middleware.ServeStaticMiddleware"

databases.keep_in_a_file()
databases.empty_quickly()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: the other process of a run has the rest meanwhile."""
    items.sort(key=lambda item: item.path.name != "test_profiles.py")


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave out fixtures of pytest-django for marks and options that no test has.

    Seven fixtures took as long as most of the tests that they surround.
    """
    names = getattr(item, "fixturenames", [])
    names[:] = [name for name in names if name not in UNUSED_FIXTURES]


def pytest_collection_finish() -> None:
    """Keep what was imported out of every later garbage collection: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True, scope="session")
def cheap_clients() -> None:
    """Leave static files out of each new client: they cost a thread and an event loop a request.

    Browsers use the application of `webapp.asgi`, which was made with them when it was imported.
    """
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != STATIC_FILES]


@pytest.fixture(scope="session")
def kept_databases(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    """A folder that the next run finds again, unless pytest keeps no cache."""
    cache = getattr(request.config, "cache", None)
    return cache.mkdir("databases") if cache else tmp_path_factory.mktemp("databases")


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None, kept_databases: Path) -> bool:
    """Migrate a copy of a migrated database, if one is kept: 74 migrations take 4 s."""
    return databases.copy_template(kept_databases)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, kept_databases: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    """Leave out what Django creates after each emptying of the tables; Earshot reads none of it."""
    with django_db_blocker.unblock():
        databases.keep_template(kept_databases)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="module")
def shared_rows(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Let a fixture of a module make rows, once for all its tests: ``with shared_rows(): ...``.

    A test that uses `db` undoes its own changes alone. Not for tests that use `transactional_db`.
    """
    block = transaction.atomic()
    with django_db_blocker.unblock():
        block.__enter__()
    yield django_db_blocker.unblock
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


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
def own_cache() -> None:
    """Limits of one test are not those of the next."""
    cache.clear()
