"""`make house`: the modules and the measures of the code, written into docs/architecture.md."""

import ast
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from tests.test_imports import (
    ARROWS,
    ROOT,
    imports,
    module_name,
    python_files,
    room_of,
)

PAGE = ROOT / "docs" / "architecture.md"
TESTS = ROOT / "tests"
# Programs that measure and attack the product; no test of a room.
NOT_TESTS = {"bench", "faults"}
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)
# Names that Django and Python give, the same in every package.
CONVENTIONAL = {
    "__init__", "__main__", "admin", "apps", "asgi", "celery", "env", "errors", "forms", "models",
    "settings", "tasks", "urls", "views",
}  # fmt: skip
# Folders that stand for one such module: `views/keys.py` is the part of `views.py` about keys and
# has the name of its subject, as `models/keys.py` has.
CONVENTIONAL_FOLDERS = {"commands", "consumers", "forms", "models", "templatetags", "views"}
HEADLESS = re.compile(r"(?:^|[.!?]\s+|\n\s*\n\s*)(What|Who|How|Whether|Where|Whose|Which)\b")
COMMITS = 200  # the newest, for the share of those with a body


# Of healthchecks, httpx, websockets, reader, datasette, livekit-agents and pipecat, November 2026.
ANCHORS = {
    "lines of a function, median": "8 to 13",
    "lines of a function, 90th percentile": "32 to 70",
    "nesting of a function, 90th percentile": "not measured",
    "Python files in the fullest folder": "13 to 20",
    "module names used twice in a package": "0 to 6",
    "headless sentences, per 10,000 words": "at most 1.5",
    "`answer*` to `response*`": "0 to 136, up to 0 to 480",
    "`refus*`": "at most 1",
    "lines of tests for a line of code": "0.87 to 1.35",
    "patches in a test": "not measured",
    "commits with a body": "27 to 66 %",
}


@cache
def trees() -> dict[Path, ast.Module]:
    """The product's modules without migrations."""
    return {
        path: ast.parse(path.read_text())
        for path in python_files()
        if "migrations" not in path.parts
    }


@cache
def test_files() -> list[Path]:
    """The files of the tests, without benchmarks and fault trials."""
    return [
        path
        for path in sorted(TESTS.rglob("*.py"))
        if not NOT_TESTS & set(path.relative_to(TESTS).parts)
    ]


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    first = function.body[0]
    is_docstring = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def nesting(node: ast.AST) -> int:
    """Blocks inside each other, at the deepest place of a function."""
    inner = max((nesting(child) for child in ast.iter_child_nodes(node)), default=0)
    return inner + isinstance(node, BLOCKS)


def percentile_90(values: list[int]) -> int:
    return round(statistics.quantiles(values, n=10)[-1])


def fullest_folder() -> int:
    return max(Counter(path.parent for path in trees() if path.stem != "__init__").values())


def repeated_names() -> list[str]:
    """Names that two or more modules of one package have, as ``package: name``.

    Names that Django gives, and modules in folders that Django names, are not counted.
    """
    names = Counter(
        f"{path.relative_to(ROOT).parts[0]}: {path.stem}"
        for path in trees()
        if path.stem not in CONVENTIONAL and path.parent.name not in CONVENTIONAL_FOLDERS
    )
    return sorted(name for name, count in names.items() if count > 1)


def docstrings() -> list[str]:
    return [
        text
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node))
    ]


def headless_per_10_000_words() -> float:
    """Sentences of docstrings that open with a question word instead of a subject."""
    words = sum(len(text.split()) for text in docstrings())
    return 10_000 * sum(len(HEADLESS.findall(text)) for text in docstrings()) / words


def uses(stem: str) -> int:
    """Occurrences of words that start with ``stem``, in code, comments and docstrings."""
    pattern = re.compile(rf"(?<![a-z]){stem}", re.IGNORECASE)
    return sum(len(pattern.findall(path.read_text())) for path in trees())


def lines(path: Path) -> int:
    return sum(1 for line in path.read_text().splitlines() if line.strip())


def code_lines() -> Counter[str]:
    """Lines of code of each room."""
    counts: Counter[str] = Counter()
    for path in trees():
        counts[room_of(module_name(path)) or ""] += lines(path)
    return counts


def test_lines() -> Counter[str]:
    """Lines of the tests of each room: a file counts for every room that it reaches.

    A file in the folder of a room's tests counts for it too: `tests/engine/views/` reaches the
    views by their paths, without an import.
    """
    counts: Counter[str] = Counter()
    for path in test_files():
        folder = path.parent.relative_to(TESTS).as_posix().replace("/", ".")
        for room in reached(module_name(path)) | ({folder} & ARROWS.keys()):
            counts[room] += lines(path)
    return counts


@cache
def reached(module: str) -> frozenset[str]:
    """Rooms that a module of the tests imports, itself or through the helpers it imports."""
    path = ROOT / (module.replace(".", "/") + ".py")
    is_package = not path.is_file()
    if is_package:
        path = ROOT / module.replace(".", "/") / "__init__.py"
    rooms: set[str] = set()
    for name in imports(path.read_text(), module, is_package):
        helper = helper_of(name)
        if helper is not None and helper != module:
            rooms |= reached(helper)
        elif room := room_of(name):
            rooms.add(room)
    return frozenset(rooms)


def helper_of(name: str) -> str | None:
    """The module of the tests that ``name`` is, or is in."""
    for module in (name, name.rpartition(".")[0]):
        path = ROOT / (module.replace(".", "/") + ".py")
        if module.startswith("tests.") and path.is_file():
            return module
    return None


def test_ratios() -> dict[str, float]:
    """Lines of tests for each line of code, by room."""
    code, tests = code_lines(), test_lines()
    return {room: tests[room] / code[room] for room in ARROWS if code[room]}


def test_ratio() -> float:
    return sum(lines(path) for path in test_files()) / sum(code_lines().values())


def patches_per_test() -> float:
    source = "\n".join(path.read_text() for path in test_files())
    tests = len(re.findall(r"^(?:async )?def test_", source, re.MULTILINE))
    return len(re.findall(r"monkeypatch\.setattr|mock\.patch", source)) / tests


def commits_with_a_body() -> float:
    """Percent of the newest commits."""
    log = subprocess.run(
        ["git", "log", f"-{COMMITS}", "--no-merges", "--format=%b%x00"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    bodies = log.split("\0")[:-1]
    return 100 * sum(bool(body.strip()) for body in bodies) / len(bodies)


MEASURES: dict[str, Callable[[], str]] = {
    "lines of a function, median": lambda: (
        f"{statistics.median(length(each) for each in functions()):.0f}"
    ),
    "lines of a function, 90th percentile": lambda: (
        f"{percentile_90([length(each) for each in functions()])}"
    ),
    "nesting of a function, 90th percentile": lambda: (
        f"{percentile_90([nesting(each) for each in functions()])}"
    ),
    "Python files in the fullest folder": lambda: f"{fullest_folder()}",
    "module names used twice in a package": lambda: f"{len(repeated_names())}",
    "headless sentences, per 10,000 words": lambda: f"{headless_per_10_000_words():.1f}",
    "`answer*` to `response*`": lambda: f"{uses('answer')} to {uses('response')}",
    "`refus*`": lambda: f"{uses('refus')}",
    "lines of tests for a line of code": lambda: f"{test_ratio():.2f}",
    "patches in a test": lambda: f"{patches_per_test():.2f}",
    "commits with a body": lambda: f"{commits_with_a_body():.0f} %",
}


def measures() -> str:
    """The table of the measures."""
    rows = [f"| {name} | {measure()} | {ANCHORS[name]} |" for name, measure in MEASURES.items()]
    return "\n".join(["| measure | Earshot | comparable projects |", "|---|---|---|", *rows])


def modules() -> str:
    """A table of every module and the first sentence of its docstring, for each folder."""
    folders: dict[str, list[Path]] = {}
    for path in trees():
        if path.stem != "__init__":
            folders.setdefault(path.parent.relative_to(ROOT).as_posix(), []).append(path)
    return "\n\n".join(
        "\n".join(
            [
                f"### `{folder}/`\n",
                "| module | contents |",
                "|---|---|",
                *(f"| `{path.name}` | {contents(trees()[path])} |" for path in sorted(paths)),
            ]
        )
        for folder, paths in sorted(folders.items())
    )


def rooms() -> str:
    """A table of the rooms, their contents and the imports that tests/test_imports.py allows."""
    rows = []
    for room, others in sorted(ARROWS.items()):
        package, _, inner = room.partition(".")
        path = ROOT / room.replace(".", "/") / "__init__.py"
        if not inner or not path.is_file():
            continue
        imported = ", ".join(f"`{other.removeprefix(package + '.')}`" for other in others)
        if contained := contents(ast.parse(path.read_text())):
            folder = path.parent.relative_to(ROOT).as_posix()
            rows.append(f"| `{folder}/` | {contained} | {imported or 'nothing'} |")
    return "\n".join(["| room | contents | imports |", "|---|---|---|", *rows])


def contents(module: ast.Module) -> str:
    """The first sentence of a module's docstring, as a cell of a table."""
    text = (ast.get_docstring(module) or "").split("\n\n")[0]
    sentence = re.split(r"(?<=[.:])\s*\n|(?<=\.)\s", " ".join(text.split()))[0]
    return sentence.rstrip(".:").replace("|", "\\|")


SECTIONS: dict[str, Callable[[], str]] = {
    "rooms": rooms,
    "modules": modules,
    "measures": measures,
}


def section(page: str, name: str) -> tuple[str, str, str]:
    """Text before the generated section of this name, the section itself, and the text after it."""
    before, rest = page.split(f"<!-- {name}: make house -->\n")
    content, after = rest.split(f"\n<!-- end of {name} -->")
    return before, content, after


def written(page: str) -> str:
    """``page`` with its generated sections made again."""
    for name, make in SECTIONS.items():
        before, _, after = section(page, name)
        page = f"{before}<!-- {name}: make house -->\n{make()}\n<!-- end of {name} -->{after}"
    return page


def main() -> None:
    PAGE.write_text(written(PAGE.read_text()))
    print(measures())
    print(f"\nModules of the same name: {', '.join(repeated_names())}")
    print("\nLines of tests for a line of code, by room:")
    for room, ratio in sorted(test_ratios().items(), key=lambda item: item[1]):
        print(f"  {ratio:5.2f}  {room}")


if __name__ == "__main__":
    main()
