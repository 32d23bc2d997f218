"""docs/architecture.md names every module and every measure; the picture is that of the arrows."""

import re

import pytest

from tests import house, picture
from tests.test_imports import ARROWS, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page() -> str:
    return house.PAGE.read_text()


def test_every_module_is_named_once_and_no_other(page: str):
    _, content, _ = house.section(page, "modules")
    folder, named = "", []
    for line in content.splitlines():
        if heading := re.match(r"### `(.+/)`", line):
            folder = heading[1]
        elif row := re.match(r"\| `(.+?\.py)` \| (.*) \|", line):
            assert row[2].strip(), f"{row[1]} has no docstring"
            named.append(folder + row[1])
    modules = [path.relative_to(ROOT).as_posix() for path in house.trees()]
    there = sorted(name for name in modules if not name.endswith("__init__.py"))
    assert sorted(named) == there, "run make house"


def test_a_name_stands_for_one_module_of_its_package():
    assert house.repeated_names() == [], "see docs/decisions.md on names of modules"


def test_the_rooms_are_those_of_the_arrows(page: str):
    _, content, _ = house.section(page, "rooms")
    assert content == house.rooms(), "run make house"


def test_each_measure_has_its_row(page: str):
    _, content, _ = house.section(page, "measures")
    names = [line.split(" | ")[0].removeprefix("| ") for line in content.splitlines()[2:]]
    assert names == list(house.MEASURES) == list(house.ANCHORS)


def test_modules_that_the_page_names_exist(page: str):
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|js|html))`", page)
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_files_that_the_recipes_change_exist():
    recipes = (ROOT / "CONTRIBUTING.md").read_text()
    changed = re.findall(r"(?<!\*)`((?:\w+/)+\w+\.\w+)`(?!\*)", recipes)
    assert len(changed) > 25
    assert [name for name in changed if not (ROOT / name).is_file()] == []


def test_the_picture_is_that_of_the_arrows():
    assert picture.FILE.read_text() == picture.picture(), "run make picture"


def test_the_picture_has_a_box_for_every_room():
    labels = set(re.findall(r">([\w.]+)</text>", picture.picture()))
    for room in ARROWS:
        package, _, inner = room.partition(".")
        assert {package, inner or package} & labels
        assert (inner or package) in labels


def test_an_arrow_that_follows_from_others_is_left_out():
    graph = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset()}
    assert picture.reduced(graph) == {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset()}
    assert picture.levels(graph) == {"a": 2, "b": 1, "c": 0}


@pytest.mark.parametrize(
    ("source", "deepest"),
    [
        ("def f():\n    return 1", 0),
        ("def f():\n    for a in b:\n        if a:\n            return 1", 2),
        ("def f():\n    if a:\n        pass\n    with b:\n        pass", 1),
    ],
)
def test_nesting_counts_blocks_inside_each_other(source: str, deepest: int):
    (function,) = house.ast.parse(source).body
    assert house.nesting(function) == deepest


def test_a_docstring_does_not_count_as_code():
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1'
    (function,) = house.ast.parse(source).body
    assert isinstance(function, house.ast.FunctionDef)
    assert house.length(function) == 2


def test_rooms_have_tests_of_their_own():
    few = {room for room, ratio in house.test_ratios().items() if ratio < 0.6}
    assert few == set(), "write tests of these rooms"
    assert house.test_ratio() > 0.78
