"""Citations of docs/contract.md: one form, and every one of them names something that exists."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "docs/contract.md"

_NUMBER = r"\d{1,2}(?:\.\d{1,2})?"
_PLACE = rf"(?:choice \d+|{_NUMBER})"
# `docs/contract.md, 5.5`, `docs/contract.md, 9.3 to 9.6`, `docs/contract.md, 5.1 and choice 24`.
_CITATION = re.compile(rf"docs/contract\.md, (?P<places>{_PLACE}(?:(?:, | and | to ){_PLACE})*)")
_LINE_BREAK = r"(?:\s+(?:#\s+)?)"
_OTHER_FORMS = re.compile(
    rf"contract(?:'s|,){_LINE_BREAK}sections?\b"
    rf"|sections?{_LINE_BREAK}{_NUMBER}[^.;:()]{{0,40}}{_LINE_BREAK}of{_LINE_BREAK}the{_LINE_BREAK}contract"
    rf"|\bchoice{_LINE_BREAK}\d|\bsections?{_LINE_BREAK}{_NUMBER}",
    re.IGNORECASE,
)
# Documents that are cited by section, before or after the number.
_OTHER_DOCUMENTS = re.compile(r"RFC \d|G\.711|W3C|manual")


def cited(text: str) -> Iterator[str]:
    """The sections and choices that ``text`` cites."""
    for citation in _CITATION.finditer(text):
        yield from re.findall(_PLACE, citation["places"])


def other_forms(text: str) -> Iterator[str]:
    """Citations in ``text`` that are in another form."""
    rest = _CITATION.sub("", text)
    for match in _OTHER_FORMS.finditer(rest):
        line = rest[rest.rfind("\n", 0, match.start()) + 1 : match.end()]
        if not _OTHER_DOCUMENTS.search(line):
            yield line.strip()


def existing(contract: str) -> set[str]:
    """The numbers of the headings of ``contract``, and of its choices."""
    headings = re.findall(rf"^##+ ({_NUMBER})\.? ", contract, re.M)
    choices = re.findall(r"^\| (\d+) \|", contract.partition("\n## 16. ")[2], re.M)
    return {*headings, *(f"choice {number}" for number in choices)}


def files() -> Iterator[tuple[str, str]]:
    """Every tracked text that may cite, by name."""
    names = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.js", "*.mjs", "*.html"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name in names:
        if name not in (CONTRACT, Path(__file__).relative_to(ROOT).as_posix()):
            yield name, (ROOT / name).read_text()


def test_every_citation_names_a_section_or_a_choice():
    known = existing((ROOT / CONTRACT).read_text())
    cites = [(name, place) for name, text in files() for place in cited(text)]
    assert len(cites) > 50
    assert [(name, place) for name, place in cites if place not in known] == []


def test_there_is_one_form_of_citation():
    assert [(name, form) for name, text in files() for form in other_forms(text)] == []


def test_the_sections_are_numbered_without_gaps():
    known = existing((ROOT / CONTRACT).read_text())
    sections = sorted(int(number) for number in known if number.isdigit())
    assert sections == list(range(1, 17))
    for section in sections:
        parts = sorted(int(one.partition(".")[2]) for one in known if one.startswith(f"{section}."))
        assert parts == list(range(1, len(parts) + 1))


@pytest.mark.parametrize(
    "text",
    [
        '"""Usage: the contract\'s section 14.6."""',
        "# Contract, sections 5.1 and 9.1",
        "Source: sections 14.3 to 14.9 of the contract.",
        "# One that came after us: section 16, choice 24.",
        "ignored (the contract's\n    # section 2)",
    ],
)
def test_another_form_is_noticed(text):
    assert list(other_forms(text))


@pytest.mark.parametrize(
    "text",
    [
        '"""Usage (docs/contract.md, 14.6)."""',
        "Source: docs/contract.md, 5.1, 5.4 and choice 24.",
        "Source: RFC 9110, section 14.",
        "[the contract](docs/contract.md)",
    ],
)
def test_the_one_form_and_other_documents_pass(text):
    assert not list(other_forms(text))


def test_a_list_of_places_is_read_to_its_end():
    text = "docs/contract.md, 9.3 to 9.6; docs/contract.md, 5.1, 12.4 and choice 13."
    assert list(cited(text)) == ["9.3", "9.6", "5.1", "12.4", "choice 13"]
