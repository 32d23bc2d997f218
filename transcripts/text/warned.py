"""Warnings of a server in a response, as they are stored and shown."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf.locale import LANG_INFO

from speechclient import Warning

# A server that warns about each word of hours says no more with the next ones.
MAX_WARNINGS = 100
MAX_CHARACTERS = 1000
# Of servers; Django has no translation for these.
OTHER_LANGUAGES = {
    "am": "Amharic", "as": "Assamese", "ba": "Bashkir", "bo": "Tibetan", "fo": "Faroese",
    "gu": "Gujarati", "ha": "Hausa", "haw": "Hawaiian", "ht": "Haitian Creole", "jw": "Javanese",
    "la": "Latin", "ln": "Lingala", "lo": "Lao", "mg": "Malagasy", "mi": "Maori",
    "mt": "Maltese", "oc": "Occitan", "ps": "Pashto", "sa": "Sanskrit", "sd": "Sindhi",
    "si": "Sinhala", "sn": "Shona", "so": "Somali", "su": "Sundanese", "taq": "Tamasheq",
    "tl": "Tagalog", "yi": "Yiddish", "yo": "Yoruba", "yue": "Cantonese", "zh": "Chinese",
}  # fmt: skip
_SUGGESTED = re.compile(r"\blanguage=([a-z]{2,3}(?:-[a-z0-9]{2,8})*)\b", re.IGNORECASE)


def kept_warnings(warnings: Iterable[Warning]) -> list[dict[str, str]]:
    """Warnings as a row keeps them: ``parameter``, ``type`` and ``message``, each one once."""
    kept: dict[tuple[str, ...], dict[str, str]] = {}
    for each in warnings:
        fields = {"parameter": each.parameter, "type": each.type, "message": each.message}
        fields = {name: text.strip()[:MAX_CHARACTERS] for name, text in fields.items()}
        if any(fields.values()):
            kept.setdefault(tuple(fields.values()), fields)
    return list(kept.values())[:MAX_WARNINGS]


def caution(warning: Mapping[str, Any]) -> str:
    """A kept warning as a sentence; of one without a message its parameter and type."""
    message = str(warning.get("message", ""))
    if message:
        return message
    named = (str(warning.get("parameter", "")), str(warning.get("type", "")).replace("_", " "))
    return ": ".join(part for part in named if part)


def suggested_language(warning: Mapping[str, Any]) -> str:
    """Return the tag of the language that a server heard instead of the one named, or "".

    Of warnings the wire has the message alone, which says what to set: ``language=es``.
    """
    if warning.get("type") != "other_language":
        return ""
    named = _SUGGESTED.search(str(warning.get("message", "")))
    return named[1] if named else ""


def language_name(tag: str) -> str:
    """A language as people call it: "Portuguese (BR)" for pt-BR; the tag if it is unknown."""
    language, _, region = tag.partition("-")
    code = language.lower()
    known = LANG_INFO.get(code, {}).get("name") or OTHER_LANGUAGES.get(code)
    if not known:
        return tag
    return f"{known} ({region})" if region else str(known)
