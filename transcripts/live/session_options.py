"""Options of a live session: those of its stream, and those of the recording it becomes."""

from collections.abc import Mapping
from typing import Any

from speechclient.options import FluxOptions, ListenStreamOptions
from transcripts.live.audio import SAMPLE_RATE
from transcripts.options import complete

ENCODING = "linear16"
ENDPOINTING_MS = 300
# Pauses that end a paragraph although noise hides them from endpointing.
UTTERANCE_END_MS = 1_000
TURN_MODEL, TURN_MODEL_OF_LANGUAGES = "flux-general-en", "flux-general-multi"
# Names that only a stream has.
STREAM_ONLY = (
    "endpointing",
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
    "language_hint",
)
# Names that a session keeps for its recording and that no turn has.
NOT_OF_TURNS = ("language", "diarize", "endpointing")


def stream_options(kept: Mapping[str, Any]) -> ListenStreamOptions:
    """Return the options of the stream of a session. Raises ``InvalidOption``."""
    return ListenStreamOptions.from_json(
        {
            "smart_format": True,
            "punctuate": True,
            "endpointing": ENDPOINTING_MS,
            "utterance_end_ms": UTTERANCE_END_MS,
            **kept,
            "interim_results": True,
            "encoding": ENCODING,
            "sample_rate": SAMPLE_RATE,
        }
    )


def turn_options(kept: Mapping[str, Any]) -> FluxOptions:
    """Return the options of the stream of a session in turn mode. Raises ``InvalidOption``."""
    given = {name: value for name, value in kept.items() if name not in NOT_OF_TURNS}
    return FluxOptions.from_json({**given, "encoding": ENCODING, "sample_rate": SAMPLE_RATE})


def recording_options(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which the recording of a session is transcribed again."""
    chosen = {name: value for name, value in kept.items() if name not in STREAM_ONLY}
    if str(chosen.get("model", "")).startswith("flux"):
        del chosen["model"]
    return complete(chosen)
