"""The database of a test run that several threads use."""

import tempfile

from django.db import connections

folder = tempfile.TemporaryDirectory(prefix="earshot-database-")


def keep_in_a_file() -> None:
    """Put the test database into a file: one in memory locks whole tables between threads."""
    if connections["default"].vendor != "sqlite":
        return
    test_settings = connections["default"].settings_dict["TEST"]
    test_settings["NAME"] = test_settings["NAME"] or f"{folder.name}/tests.sqlite3"
    # No test loses its power supply, and emptying the tables after each is a hundred syncs.
    options = connections["default"].settings_dict["OPTIONS"]
    options["init_command"] = options["init_command"].replace("=FULL", "=OFF")
