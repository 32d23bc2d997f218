"""The database of a test run: a file that threads share, begun as a copy of a migrated one."""

import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from django.db import connections, transaction
from django.test import TransactionTestCase

ROOT = Path(__file__).resolve().parent.parent
folder = tempfile.TemporaryDirectory(prefix="earshot-database-")
# All that decides how a migrated database looks, packages included.
SOURCES = ("*/migrations/*.py", "transcripts/search/*.py", "requirements/dev.txt")


def keep_in_a_file() -> None:
    """Put the test database into a file: one in memory locks whole tables between threads."""
    if connections["default"].vendor != "sqlite":
        return
    test_settings = connections["default"].settings_dict["TEST"]
    test_settings["NAME"] = test_settings["NAME"] or f"{folder.name}/tests.sqlite3"
    # No test loses its power supply, and emptying the tables after each is a hundred syncs.
    options = connections["default"].settings_dict["OPTIONS"]
    options["init_command"] = options["init_command"].replace("=FULL", "=OFF")


def template(kept: Path) -> Path:
    """Path in ``kept`` of a migrated database: its name tells the migrations and packages."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return kept / f"{digest.hexdigest()}.sqlite3"


def copy_template(kept: Path) -> bool:
    """Begin the test database as a copy of the template; False when there is none."""
    if connections["default"].vendor != "sqlite" or not template(kept).is_file():
        return False
    shutil.copyfile(template(kept), connections["default"].settings_dict["TEST"]["NAME"])
    return True


def keep_template(kept: Path) -> None:
    """Keep the test database, which no test has used yet, for later runs."""
    if connections["default"].vendor != "sqlite" or template(kept).is_file():
        return
    for outdated in {*kept.glob("*.sqlite3")} - {template(kept)}:
        outdated.unlink(missing_ok=True)
    copy = kept / f"{os.getpid()}.part"  # other processes of this run may keep theirs now
    with connections["default"].cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    copy.replace(template(kept))


def empty_quickly() -> None:
    """Empty the tables that have rows after a test: Django's `flush` takes 8 ms for all of them."""
    if connections["default"].vendor == "sqlite":
        TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[attr-defined]


def empty_tables(_: TransactionTestCase) -> None:
    with transaction.atomic(), connections["default"].cursor() as cursor:
        cursor.execute(filled_tables())
        for (name,) in cursor.fetchall():
            cursor.execute(f'DELETE FROM "{name}"')


@cache
def filled_tables() -> str:
    """A query for the names of the tables that have rows."""
    names = connections["default"].introspection.django_table_names(only_existing=True)
    return " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names
    )
