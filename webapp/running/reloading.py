"""Processes to restart when a source file changes: `manage.py up --reload`."""

from collections.abc import Iterable
from pathlib import Path

from webapp.env import ROOT

EVERY_MS = 300
# Folders of the repository, and the processes that have read their files.
READERS: dict[str, frozenset[str]] = {
    "engine": frozenset({"engine"}),
    "network": frozenset({"engine", "web", "worker", "beat"}),
    "sandbox": frozenset(),  # processes that decode start for each file
    "speechclient": frozenset({"web", "worker", "beat"}),
    "management": frozenset({"web", "worker", "beat"}),
    "transcripts": frozenset({"web", "worker", "beat"}),
    "webapp": frozenset({"web", "worker", "beat"}),
    "templates": frozenset({"web"}),
    # The address of every static file contains a hash of all of them, computed at the start.
    "static": frozenset({"web"}),
}


class Changes:
    """Changes of the source files since the previous look."""

    def __init__(self, root: Path = ROOT) -> None:
        # A tool of developers, which the product does not install.
        from watchfiles import watch

        self.root = root
        self._sets = watch(
            *(root / folder for folder in READERS),
            rust_timeout=EVERY_MS,
            yield_on_timeout=True,
        )
        next(self._sets)  # the first look starts the watch

    def next(self) -> set[str]:
        """Return the names of the processes to restart, after 0.3 s at most without a change."""
        return readers((Path(path) for _, path in next(self._sets)), self.root)


def readers(paths: Iterable[Path], root: Path) -> set[str]:
    """Return the names of the processes that have read one of ``paths``."""
    folders = {path.relative_to(root).parts[0] for path in paths}
    return {name for folder in folders for name in READERS[folder]}
