"""Options of a recording: the choices, their stored form, and those of each stage."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from speechclient import InvalidOption, ListenOptions, ReadOptions
from speechclient.options import TAG_LENGTH

DEFAULTS: dict[str, Any] = {
    "model": "nova-3",
    "smart_format": True,
    "punctuate": True,
    "paragraphs": True,
    "utterances": True,
    "diarize": True,
}
# The library stores utterances and asks for its response itself.
NOT_CHOSEN = ("utterances", "callback", "callback_method")
DETECT = "detect"
MAX_JSON = 20_000
# What the second stage is asked for. The first leaves it out: the transcript does not wait for
# it, and a failure there costs no transcript.
INSIGHTS = ("summarize", "topics", "intents", "sentiment")
READ = (
    *INSIGHTS,
    "custom_topic",
    "custom_topic_mode",
    "custom_intent",
    "custom_intent_mode",
)
# Labels that the request carries, whatever is asked for.
SHARED = ("tag",)
# Text intelligence is for English only: docs/contract.md, 5.4.
READ_LANGUAGES = ("en",)


def complete(chosen: Mapping[str, Any], defaults: Mapping[str, Any] = DEFAULTS) -> dict[str, Any]:
    """The options of a run: what was chosen over the defaults, checked, ready for its row.

    ``chosen`` has the names of ``ListenOptions``; the language "detect" is detected. Raises
    ``InvalidOption`` with a sentence that names what is wrong.
    """
    if not isinstance(chosen, Mapping):
        raise InvalidOption("options are an object of names and values")
    for name in NOT_CHOSEN:
        if name in chosen:
            raise InvalidOption(f"{name} is set by the library")
    selected = {name: value for name, value in chosen.items() if value not in ("", None)}
    if any("language" in name for name in selected):
        # Chosen or detected: what the defaults say about it is the other way.
        defaults = {name: defaults[name] for name in defaults if "language" not in name}
    # Servers reject ``diarize`` together with a model of diarization; either identifies speakers.
    if "diarize_model" in selected:
        defaults = {name: defaults[name] for name in defaults if name != "diarize"}
    elif selected.get("diarize") and "diarize_model" in defaults:
        del selected["diarize"]
    elif "diarize" in selected:
        defaults = {name: defaults[name] for name in defaults if name != "diarize_model"}
    merged = {**defaults, **selected}
    if merged.get("language") == DETECT:
        del merged["language"]
        merged["detect_language"] = True
    options = ListenOptions.from_json(merged)
    if any(len(tag) > TAG_LENGTH for tag in options.tag):
        raise InvalidOption(f"a tag has at most {TAG_LENGTH} characters")
    kept = {"model": options.model} | options.to_json()
    if len(json.dumps(kept)) > MAX_JSON:
        raise InvalidOption(f"the options are longer than {MAX_JSON} characters")
    return kept


def short_name(model: str) -> str:
    """Return the default model's short name for its general variant, else the name itself.

    Older recordings and presets have the short one.
    """
    default = str(DEFAULTS["model"])
    return default if model == f"{default}-general" else model


def from_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Options chosen as text, such as ``("diarize", "true")``; a repeated name is a list.

    Raises ``InvalidOption``.
    """
    listed = list(pairs)
    for name, _ in listed:
        if name in NOT_CHOSEN:
            raise InvalidOption(f"{name} is set by the library")
    options = ListenOptions.from_query(listed)
    return {name: getattr(options, name) for name, _ in listed}


def listen_options(kept: Mapping[str, Any]) -> ListenOptions:
    """Return the listen options of the options kept on a run. Raises ``InvalidOption``."""
    return ListenOptions.from_json({name: kept[name] for name in kept if name not in READ})


def read_options(kept: Mapping[str, Any], language: str) -> ReadOptions | None:
    """Return the read options for a text in this language; None for no request.

    An empty language is the server's own default, English. Raises ``InvalidOption``.
    """
    if not wants_insight(kept) or not is_read(language):
        return None
    options = {name: kept[name] for name in (*READ, *SHARED) if name in kept}
    return ReadOptions.from_json(options | {"language": language or READ_LANGUAGES[0]})


def wants_insight(kept: Mapping[str, Any]) -> bool:
    return any(kept.get(name) for name in INSIGHTS)


def is_read(language: str) -> bool:
    """Return whether servers find summaries and the rest in texts of this language."""
    return not language or language.partition("-")[0].lower() in READ_LANGUAGES
