"""The import arrows of docs/architecture.md, read out of every file's syntax tree."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("network", "sandbox", "speechclient", "engine", "management", "transcripts", "webapp")

# Imports allowed from room to room. The longest name that fits a module is its room.
ARROWS: dict[str, tuple[str, ...]] = {
    "engine": (
        "engine.accounts",
        "engine.consumers",
        "engine.env",
        "engine.gateway",
        "engine.inference",
        "engine.models",
        "engine.runtime",
        "engine.speech",
        "engine.speech.synthesis",
        "engine.thinking",
        "engine.views",
        "engine.weights",
    ),
    "engine.accounts": (
        "engine.exchange",
        "engine.env",
        "engine.models",
        "engine.runtime",
        "engine.wire",
        "network",
    ),
    "engine.exchange": ("engine.scopes",),
    "engine.consumers": (
        "engine.env",
        "engine.exchange",
        "engine.gateway",
        "engine.inference",
        "engine.runtime",
        "engine.sessions",
        "engine.speech",
        "engine.speech.audio",
        "engine.speech.diarization",
        "engine.speech.recognition",
        "engine.speech.synthesis",
        "engine.text",
        "engine.thinking",
        "engine.weights",
        "engine.wire",
        "network",
    ),
    "engine.env": ("network",),
    "engine.gateway": (
        "engine.accounts",
        "engine.exchange",
        "engine.env",
        "engine.models",
        "engine.progress",
        "engine.runtime",
        "engine.wire",
    ),
    "engine.inference": (
        "engine.accounts",
        "engine.exchange",
        "engine.env",
        "engine.gateway",
        "engine.models",
        "engine.progress",
        "engine.runtime",
        "engine.sessions",
        "engine.speech",
        "engine.speech.audio",
        "engine.speech.diarization",
        "engine.speech.recognition",
        "engine.speech.synthesis",
        "engine.text",
        "engine.weights",
        "engine.wire",
        "network",
    ),
    "engine.models": ("engine.scopes",),
    "engine.progress": (),
    "engine.runtime": (),
    "engine.scopes": (),
    "engine.sessions": (
        "engine.speech.audio",
        "engine.speech.recognition",
        "engine.speech.synthesis",
        "engine.wire",
    ),
    "engine.speech": (),
    "engine.speech.audio": ("engine.speech", "network", "sandbox"),
    "engine.speech.diarization": ("engine.speech.audio", "engine.text", "engine.weights"),
    "engine.speech.recognition": (
        "engine.runtime",
        "engine.speech",
        "engine.speech.audio",
        "engine.speech.diarization",
        "engine.text",
        "engine.weights",
    ),
    "engine.speech.synthesis": (
        "engine.runtime",
        "engine.speech",
        "engine.text",
        "engine.weights",
        "network",
    ),
    "engine.text": ("engine.weights", "network"),
    "engine.thinking": (
        "engine.env",
        "engine.inference",
        "engine.sessions",
        "engine.weights",
        "engine.wire",
        "network",
    ),
    "engine.views": (
        "engine.accounts",
        "engine.exchange",
        "engine.gateway",
        "engine.inference",
        "engine.models",
        "engine.progress",
        "engine.runtime",
        "engine.scopes",
        "engine.speech.synthesis",
        "engine.thinking",
        "engine.wire",
    ),
    "engine.weights": (),
    "engine.weights.convert": ("engine.weights",),
    "engine.wire": ("engine.text", "network"),
    "management": ("network", "speechclient"),
    "network": (),
    "sandbox": (),
    "speechclient": (),
    "transcripts": ("management", "transcripts.search", "transcripts.stages", "transcripts.views"),
    "transcripts.agents": (
        "management",
        "network",
        "speechclient",
        "transcripts.clips",
        "transcripts.media",
        "transcripts.models",
        "transcripts.search",
        "transcripts.text",
    ),
    "transcripts.clips": (
        "management",
        "speechclient",
        "transcripts.media",
        "transcripts.text",
    ),
    "transcripts.calls": (
        "management",
        "speechclient",
        "transcripts.agents",
        "transcripts.live",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.queue",
    ),
    "transcripts.consumers": (
        "management",
        "network",
        "speechclient",
        "transcripts.calls",
        "transcripts.clips",
        "transcripts.live",
        "transcripts.media",
    ),
    "transcripts.live": (
        "management",
        "speechclient",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.queue",
        "transcripts.text",
    ),
    "transcripts.choices": (
        "management",
        "network",
        "speechclient",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.text",
    ),
    "transcripts.forms": (
        "management",
        "transcripts.media",
        "transcripts.models",
        "transcripts.progress",
        "transcripts.text",
    ),
    "transcripts.management": (
        "management",
        "speechclient",
        "transcripts.agents",
        "transcripts.calls",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.progress",
        "transcripts.queue",
        "transcripts.readiness",
        "transcripts.replays",
        "transcripts.search",
        "transcripts.terminal",
        "transcripts.text",
        "transcripts.uploads",
    ),
    "transcripts.media": ("network", "sandbox", "transcripts.text"),
    "transcripts.models": (
        "management",
        "speechclient",
        "transcripts.media",
        "transcripts.options",
        "transcripts.queue",
        "transcripts.text",
    ),
    "transcripts.options": ("speechclient",),
    "transcripts.progress": (
        "management",
        "transcripts.models",
        "transcripts.queue",
        "transcripts.text",
    ),
    "transcripts.queue": ("management",),
    "transcripts.readiness": (
        "management",
        "transcripts.media",
        "transcripts.models",
        "transcripts.queue",
        "transcripts.replays",
    ),
    "transcripts.replays": (
        "management",
        "network",
        "speechclient",
        "transcripts.agents",
        "transcripts.calls",
        "transcripts.live",
        "transcripts.queue",
        "transcripts.text",
    ),
    "transcripts.search": ("management", "network", "transcripts.models", "transcripts.text"),
    "transcripts.stages": (
        "management",
        "speechclient",
        "transcripts.agents",
        "transcripts.calls",
        "transcripts.live",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.queue",
        "transcripts.replays",
        "transcripts.uploads",
    ),
    "transcripts.templatetags": ("management", "transcripts.models", "transcripts.text"),
    "transcripts.terminal": (),
    "transcripts.text": ("speechclient",),
    "transcripts.uploads": ("management", "transcripts.media", "transcripts.models"),
    "transcripts.views": (
        "management",
        "network",
        "speechclient",
        "transcripts.agents",
        "transcripts.calls",
        "transcripts.choices",
        "transcripts.clips",
        "transcripts.forms",
        "transcripts.live",
        "transcripts.media",
        "transcripts.models",
        "transcripts.options",
        "transcripts.progress",
        "transcripts.queue",
        "transcripts.replays",
        "transcripts.search",
        "transcripts.text",
        "transcripts.uploads",
    ),
    "webapp": (
        "management",
        "network",
        "transcripts.agents",
        "transcripts.consumers",
        "transcripts.media",
        "transcripts.readiness",
    ),
}
FRAMEWORKS = {"django", "channels", "asgiref", "daphne", "celery"}
WITHOUT_FRAMEWORK = (
    "network",
    "sandbox",
    "speechclient",
    "engine.sessions",
    "engine.speech",
    "engine.text",
    "engine.weights",
    "engine.wire",
)
NAMES_WITHOUT_MEANING = {"utils", "helpers", "common", "core", "base", "manager"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@cache
def imports(source: str, module: str, is_package: bool = False) -> tuple[str, ...]:
    """Absolute names of everything that ``module`` imports, also inside functions."""
    return tuple(read_imports(source, module, is_package))


def read_imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    for node in statements(ast.parse(source)):
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


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement inside, at any depth, without expressions: they are most of a tree."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, field, ()):
            yield child
            yield from statements(child)


@cache
def room_of(name: str) -> str | None:
    """The room of a module, or of a name in one; None for packages of others."""
    return max((room for room in ARROWS if inside(name, room)), key=len, default=None)


def broken_arrows(module: str, imported: str) -> Iterator[str]:
    room, other = room_of(module), room_of(imported)
    assert room
    if other not in (None, room, *ARROWS[room]):
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
    broken: list[str] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        module = module_name(path)
        if "migrations" in path.parts:
            continue
        is_package = path.name == "__init__.py"
        for imported in imports(path.read_text(), module, is_package):
            broken += broken_arrows(module, imported)
    assert broken == []


def test_rooms_form_no_cycle():
    TopologicalSorter(ARROWS).prepare()  # raises CycleError


def test_each_arrow_is_an_import():
    used = {
        (room_of(module_name(path)), room_of(imported))
        for path in python_files()
        if "migrations" not in path.parts
        for imported in imports(path.read_text(), module_name(path), path.name == "__init__.py")
    }
    assert {(room, other) for room, others in ARROWS.items() for other in others} <= used


def test_no_import_is_for_types_alone():
    """Such an import hides a cycle."""
    assert [path for path in python_files() if "TYPE_CHECKING" in path.read_text()] == []


def test_names_say_what_is_inside():
    folders = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*")]
    names = [path for path in folders if path.suffix == ".py" or path.is_dir()]
    assert [path for path in names if path.stem in NAMES_WITHOUT_MEANING] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("webapp.views", "import engine.wire.options"),
        ("webapp.views", "def view():\n    from speechclient import SpeechClient"),
        ("management.servers.environment_connection", "from transcripts import models"),
        ("speechclient.client", "from django.conf import settings"),
        ("engine.gateway.gate", "import speechclient"),
        ("engine.sessions.live_listen", "from channels.db import database_sync_to_async"),
        ("engine.sessions.live_listen", "from ..models import Request"),
        ("engine.text.summary", "from engine.wire import errors"),
        ("engine.inference.models", "from engine.weights.convert import minilm"),
    ],
)
def test_a_forbidden_import_is_noticed(module, source):
    assert [broken for name in imports(source, module) for broken in broken_arrows(module, name)]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("transcripts.tasks", "from .stages import jobs"),
        ("transcripts.views.library", "import management.models, speechclient"),
        ("engine.consumers.listen", "from ..sessions.listen import ListenSession"),
        ("engine.speech.recognition.windows", "from engine.text import formatting"),
        ("engine.text.endpoint", "from network.jsontext import read_json"),
        ("engine.views.listen", "from django.http import HttpResponse"),
    ],
)
def test_an_allowed_import_passes(module, source):
    assert not [
        broken for name in imports(source, module) for broken in broken_arrows(module, name)
    ]
