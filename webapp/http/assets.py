"""Static files: compressed, at addresses that change with their content.

Modules import each other by relative addresses, so that the hash is in the path of all files
rather than in the name of each.
"""

import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping
from importlib.util import find_spec
from pathlib import Path

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from webapp.env import ROOT

FOLDER = ROOT / "static"
TEXT_SUFFIXES = {".css", ".js", ".svg"}
TEXT_TYPES = ("text/", "application/json", "application/x-subrip")


def files() -> Iterator[tuple[str, Path]]:
    """Every static file: its name below the static address, and where it is."""
    htmx = find_spec("django_htmx")
    installed = [Path(htmx.origin).parent / "static"] if htmx and htmx.origin else []
    for folder in (FOLDER, *installed):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path


def digest() -> str:
    """Twelve hexadecimal digits of the names and contents of all files."""
    sha256 = hashlib.sha256()
    for name, path in files():
        sha256.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return sha256.hexdigest()[:12]


def prepare(root: Path) -> None:
    """Have all files in ``root``, text also compressed; folders of other versions are removed."""
    if root.is_dir():
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as aside:
        target = Path(aside, "files")
        for name, path in files():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            if path.suffix in TEXT_SUFFIXES:
                compressed = gzip.compress(path.read_bytes(), mtime=0)
                copy.with_name(f"{copy.name}.gz").write_bytes(compressed)
        try:
            target.rename(root)
        except OSError:
            if not root.is_dir():  # else another process was first
                raise
    for other in root.parent.iterdir():
        if other != root:
            shutil.rmtree(other, ignore_errors=True)


def cache_for_ever(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """Let browsers keep a file without asking again: its address holds the hash."""
    headers["Cache-Control"] = f"public, max-age={365 * 24 * 3600}, immutable"


class CompressText(GZipMiddleware):
    """Compress what is rendered. Streams, which are audio, are sent in the parts asked for."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").lower()
        if response.streaming or not kind.startswith(TEXT_TYPES):
            return response
        return super().process_response(request, response)
