"""Names that people and their files have, made fit to be stored and shown."""

import re
import unicodedata

LONGEST = 255
UNNAMED = "Recording"


def clean_title(given: str) -> str:
    """One line without control and direction characters, at most LONGEST long; may be empty."""
    text = unicodedata.normalize("NFC", given[:10_000].encode("utf-8", "ignore").decode())
    text = " ".join(text.split())
    # Cc and Cf hold NUL and what turns the direction of the text around it.
    return "".join(char for char in text if unicodedata.category(char)[0] != "C")[:LONGEST].strip()


def clean_name(given: str) -> str:
    """A file's own name: no folders, nothing that `clean_title` takes out, never empty.

    A name that is too long is cut before its ending, which people know files by.
    """
    name = re.split(r"[/\\]", given)[-1]
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 10:
        stem, dot, ending = name, "", ""
    ending = clean_title(dot + ending)
    return (clean_title(stem)[: LONGEST - len(ending)].lstrip(".").strip() or UNNAMED) + ending


def title_of(name: str) -> str:
    """What a recording is called at first: its file's name without the ending."""
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending.isalnum() and len(ending) <= 5 else name
