"""`manage.py up --reload` restarts the processes whose files have changed."""

from pathlib import Path

import pytest

from webapp.env import ROOT
from webapp.management.commands.up import processes
from webapp.running.reloading import READERS, Changes, readers


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        ("templates/transcripts/library.html", {"web"}),
        ("static/css/page.css", {"web"}),
        ("webapp/settings.py", {"web", "worker", "beat"}),
        ("transcripts/tasks.py", {"web", "worker", "beat"}),
        ("engine/views/models.py", {"engine"}),
        ("network/addresses.py", {"web", "worker", "beat", "engine"}),
        ("sandbox/confinement.py", set()),
    ],
)
def test_a_change_restarts_what_has_read_the_file(changed, restarted):
    assert readers([ROOT / changed], ROOT) == restarted


def test_every_package_and_process_is_known(settings, tmp_path):
    settings.DATA = tmp_path
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert set(READERS) == packages | {"templates", "static"}
    assert set.union(*map(set, READERS.values())) == {each.name for each in processes(echo=False)}


def test_a_written_file_is_noticed(tmp_path: Path):
    for folder in READERS:
        (tmp_path / folder).mkdir()
    changes = Changes(tmp_path)
    assert changes.next() == set()
    (tmp_path / "templates" / "page.html").write_text("new")
    names: set[str] = set()
    while not names:
        names = changes.next()
    assert names == {"web"}
