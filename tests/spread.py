"""Plugin of the full lane: the tests are spread over the processes of xdist.

Each process takes one file after the other. A folder whose tests share a server of the session is
taken whole: the server would start, and load its models, in every process. The tests that take
longest come first, or one process would run them alone at the end.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

FOLDERS = ("tests/journey/", "tests/engine/rest/", "tests/engine/sockets/")
LONGEST = ("tests/test_profiles.py", *FOLDERS, "tests/pages/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))


def rank(nodeid: str) -> int:
    """Place of a test in the order of `LONGEST`; the others keep theirs behind it."""
    places = (place for place, start in enumerate(LONGEST) if nodeid.startswith(start))
    return min(places, default=len(LONGEST))


class Scheduling(LoadFileScheduling):
    """Files and `FOLDERS`, in the order of the collected tests."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return next((folder for folder in FOLDERS if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)
