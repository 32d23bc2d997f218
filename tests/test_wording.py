"""Sentences are in plain English: no phrase that was replaced comes back."""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import PACKAGES, ROOT

# Phrases that had to be read twice, and others of their kinds; in any case.
REPLACED = (
    r"\babout it\b",
    r"for the files you add",
    r"as chosen below",
    r"kept safe",
    r"\bis safe\b",
    r"\b(?:go|goes|going|went) on\b",
    r"(?:do|does|did) not answer",
    r"\banswers? (?:as|with|again|\d|\{)",
    r"\bis not asked\b",
    r"nobody said",
    r"\bnowhere\b",
    r"on the whole",
    r"strongest at",
    r"for its turn",
    r"(?:is|are|was|be) tried again",
    r"too old to be sent",
    r"\bcolours\b",
    r"keys on this page",
    r"voices apart",
    r"channels apart",
    r"private data to take out",
    r"options cannot be",
    r"belong together",
    r"broke(?:n)? (?:off|down)",
    r"leads on\b",
    r"summed up",
    r"given up\b",
    r"\bsays? why\b",
    r"the most taken",
    r"\bare (?:taken|possible)\b",
    r"worth telling",
    r"refused it\b",
    r"\bwill ring\b",
    r"without other choices",
    r"\bon our side\b",
    r"\bthe log has\b(?! the)",
    r"\bdied over\b",
    r"\bbeyond\b",
    r"\bnobody\b(?! works)",
    r"\btaken up\b",
    r"\btakes them\b",
    r"yours to change",
    r"more have come",
    r"all the room there is",
    r"cannot be chosen here",
    r"\bis gone\b",
    r"folder is not there",
    r"with a star\b",
    r"stays together",
    r"no project you may",
    r"takes what a form",
    r"<button[^>]*>\s*keep\s*<",
)
PHRASES = re.compile("|".join(REPLACED), re.IGNORECASE)
# Words of comments that have a plainer one: response, reject, continue, about, more than, after.
IN_COMMENTS = re.compile(
    r"\banswer|\brefus|\b(?:go|goes|going|went) on\b|\b(?:stands?|stood) still\b|\bset going\b"
    r"|\blets? (?:nobody )?go\b|\bbegin anew\b|\bdoorbell\b|taken for dead|\bsome \d|\blaid bare\b"
    r"|\bbeyond\b|\bbehind\b|\bbeside\b|\bnobody\b|\bnowhere\b|\bpeople\b|\bperson\b",
    re.IGNORECASE,
)


def template_texts(source: str) -> Iterator[str]:
    source = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", source, flags=re.S)
    yield re.sub(r"\s+", " ", re.sub(r"\{%.*?%\}", " ", source, flags=re.S))


HEADLESS = re.compile(r"(?:^|(?<=[.!?])\s+|\n\n)(?:What|Who|How|Whether|Where)\b")
HEADLESS_ANYWHERE = re.compile(r"(?:\"\"\"\s*|[.!?]\s+|\n\s*\n\s*)(?:What|Who|How|Whether|Where)\b")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def suspicious_docstrings() -> Iterator[tuple[Path, str]]:
    for package in (*PACKAGES, "tests", "requirements"):
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text()
            # Most modules have no such word in any place: their trees need not be built.
            if HEADLESS_ANYWHERE.search(source):
                for node in ast.walk(ast.parse(source)):
                    if isinstance(node, DOCUMENTED):
                        yield path.relative_to(ROOT), ast.get_docstring(node) or ""


def test_docstrings_open_with_their_subject():
    """A sentence that opens with "What" or "Whether" and is no question has no subject."""
    assert [(path, text) for path, text in suspicious_docstrings() if HEADLESS.search(text)] == []


def replaced_in_comments(source: str) -> list[str]:
    """The comments of a module with a word that has a plainer one."""
    # Tokens take long: only of a module with such a word after a "#", which may be in a string.
    if not any(IN_COMMENTS.search(line.partition("#")[2]) for line in source.splitlines()):
        return []
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return [comment for comment in comments if IN_COMMENTS.search(comment)]


def test_comments_use_the_plain_words():
    modules = [
        path
        for package in (*PACKAGES, "tests", "requirements")
        for path in sorted((ROOT / package).rglob("*.py"))
    ]
    replaced = {
        path.relative_to(ROOT).as_posix(): comments
        for path in modules
        if (comments := replaced_in_comments(path.read_text()))
    }
    assert replaced == {}


@pytest.mark.parametrize(
    ("comment", "is_plain"),
    [
        ("# The server does not answer.", False),
        ("# The server does not respond.", True),
        ("# Some 5 s, and nobody waits behind it.", False),
        ("# In some cases the response is late.", True),
        ("# It goes on.", False),
    ],
)
def test_a_replaced_word_is_noticed_in_a_comment(comment: str, is_plain: bool):
    replaced = replaced_in_comments(f'text = "# it goes on"  {comment}\n')
    assert replaced == ([] if is_plain else [comment])


def test_headings_name_their_subject():
    pages = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    headings = [
        (path.name, heading)
        for path in pages
        for heading in re.findall(r"^#+ (.*)$", path.read_text(), flags=re.M)
    ]
    assert headings
    assert [(page, heading) for page, heading in headings if HEADLESS.search(heading)] == []


def script_texts(source: str) -> Iterator[str]:
    source = re.sub(r"^\s*(?://|\*|/\*).*$", "", source, flags=re.M)
    yield from re.findall(
        r"\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`", re.sub(r"\s//[^\"`\n]*$", "", source, flags=re.M)
    )


def python_texts(source: str) -> Iterator[str]:
    """Every string of a module but its docstrings; of an f-string the constant parts."""
    tree, docstrings = ast.parse(source), set()
    for node in ast.walk(tree):  # a definition comes before what is in it
        if isinstance(node, DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr):
            docstrings.add(id(node.body[0].value))
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


@functools.cache
def texts() -> list[tuple[Path, str]]:
    found = []
    for folder, pattern, read in (
        *((ROOT / name, "*.html", template_texts) for name in ("templates",)),
        (ROOT / "static" / "js", "*.js", script_texts),
        *((ROOT / package, "*.py", python_texts) for package in PACKAGES),
    ):
        for path in sorted(folder.rglob(pattern)):
            if "migrations" not in path.parts:
                found += [(path.relative_to(ROOT), text) for text in read(path.read_text())]
    return found


def test_texts_open_with_their_subject():
    opening = re.compile(r"\s*(?:What|Who|How|Whether|Where)\b[^?]*$")
    assert [(path, text) for path, text in texts() if opening.match(text)] == []


# The phrases that replaced the first of them, and their files.
REQUIRED = {
    "Insights": "transcripts/choices.py",
    "Transcription settings": "templates/transcripts/upload.html",
    "Custom": "templates/transcripts/upload.html",
    "Files are saved first, then transcribed": "templates/transcripts/upload.html",
    "Select the same file to continue": "static/js/uploads.js",
    "Connection lost": "static/js/transfer.js",
    "Trying again in": "static/js/uploads.js",
    "Only ports": "transcripts/media/fetch.py",
    "are allowed.": "transcripts/media/fetch.py",
    "No results for": "templates/transcripts/_search_results.html",
    "No matches": "static/js/find.js",
    "Mostly": "templates/transcripts/_insight.html",
    "Peaks:": "templates/transcripts/_insight.html",
    "In the queue": "transcripts/progress.py",
    "queued again": "transcripts/forms.py",
    "This page has expired": "webapp/http/errors.py",
    "Cancel": "templates/base.html",
    "Theme": "templates/_rail.html",
    "Keyboard shortcuts": "templates/base.html",
    "Identify speakers": "transcripts/choices.py",
    "Separate channels": "transcripts/choices.py",
    "Redact": "transcripts/choices.py",
    "Invalid options:": "transcripts/choices.py",
}


@pytest.mark.parametrize(("phrase", "place"), REQUIRED.items())
def test_the_phrase_that_replaced_another_is_used(phrase: str, place: str):
    assert any(phrase in text for path, text in texts() if path.as_posix() == place)


def test_no_replaced_phrase_comes_back():
    # The words of the engine's text rules and of its voices are speech, not ours.
    spoken = ("engine/text", "engine/speech")
    found = [
        f"{path}: {text.strip()[:100]!r} ({match[0]})"
        for path, text in texts()
        if not str(path).startswith(spoken) and (match := PHRASES.search(text))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "<h1>This page was too old to be sent</h1>",
        "<p>The server does not answer; going\n on in 0:04</p>",
        "<button>Colours</button>",
    ],
)
def test_a_replaced_phrase_is_noticed_in_a_template(text):
    assert any(PHRASES.search(each) for each in template_texts(text))


def test_a_replaced_phrase_is_noticed_in_code():
    source = 'def f():\n    """It goes on."""\n    raise Refused(f"Port {x} is not asked; 80 are.")'
    assert [bool(PHRASES.search(each)) for each in python_texts(source)] == [True, False, True]
    assert any(
        PHRASES.search(each) for each in script_texts("say(`Nobody said “${x}”`); // goes on")
    )
