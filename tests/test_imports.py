"""The import arrows of docs/architecture.md, read out of every file's syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("network", "speechclient", "engine", "management", "transcripts", "webapp")

# Who may import whom; a package may always import itself. The longest name that fits decides.
ARROWS = {
    "network": (),
    "speechclient": (),
    "engine": ("network",),
    "engine.speech": ("engine.text", "network"),
    "engine.text": ("engine.speech", "network"),
    "management": ("speechclient",),
    "transcripts": ("network", "speechclient", "management"),
    "webapp": ("network", "transcripts", "management"),
}
FRAMEWORKS = {"django", "channels", "asgiref", "daphne", "celery"}
WITHOUT_FRAMEWORK = ("network", "speechclient", "engine.speech", "engine.text")
NAMES_WITHOUT_MEANING = {"utils", "helpers", "common", "core", "base", "manager"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports(source: str, module: str, is_package: bool = False) -> Iterator[str]:
    """Absolute names of everything that ``module`` imports, also inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                # One dot is the package of the module, which is itself for an __init__.
                parts = module.split(".")
                kept = len(parts) - node.level + is_package
                origin = ".".join([*parts[:kept], *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def broken_arrows(module: str, imported: str) -> Iterator[str]:
    owner = max((name for name in ARROWS if inside(module, name)), key=len)
    ours = imported.split(".")[0] in PACKAGES
    if ours and not any(inside(imported, name) for name in (owner, *ARROWS[owner])):
        yield f"{module} imports {imported}"
    framework = imported.split(".")[0] in FRAMEWORKS
    if framework and any(inside(module, name) for name in WITHOUT_FRAMEWORK):
        yield f"{module} imports {imported}"


def python_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_package_is_there():
    assert {path.relative_to(ROOT).parts[0] for path in python_files()} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package):
    broken = []
    for path in sorted((ROOT / package).rglob("*.py")):
        module = module_name(path)
        is_package = path.name == "__init__.py"
        for imported in imports(path.read_text(), module, is_package):
            broken += broken_arrows(module, imported)
    assert broken == []


def test_names_say_what_is_inside():
    folders = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*")]
    names = [path for path in folders if path.suffix == ".py" or path.is_dir()]
    assert [path for path in names if path.stem in NAMES_WITHOUT_MEANING] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("webapp.views", "import engine.options"),
        ("webapp.views", "def view():\n    from speechclient import SpeechClient"),
        ("management.mirror", "from transcripts import models"),
        ("speechclient.client", "from django.conf import settings"),
        ("engine.gate", "import speechclient"),
        ("engine.speech.live", "from channels.db import database_sync_to_async"),
        ("engine.speech.live", "from ..models import Request"),
        ("engine.text.summary", "from engine import errors"),
    ],
)
def test_a_forbidden_import_is_noticed(module, source):
    assert [broken for name in imports(source, module) for broken in broken_arrows(module, name)]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transcripts.tasks", "from .management import commands"),
        ("transcripts.tasks", "import management.models, speechclient"),
        ("engine.consumers.listen", "from ..speech.live import ListenSession"),
        ("engine.speech.windows", "from engine.text import formatting"),
        ("engine.text.endpoint", "from network.jsontext import read_json"),
        ("engine.views.listen", "from django.http import HttpResponse"),
    ],
)
def test_an_allowed_import_passes(module, source):
    assert not [
        broken for name in imports(source, module) for broken in broken_arrows(module, name)
    ]
