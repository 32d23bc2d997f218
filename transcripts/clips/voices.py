"""Voices of a server by language, as a list to choose from."""

from collections import defaultdict
from dataclasses import dataclass

from management.models import Connection, Model
from transcripts.text.warned import language_name

# Spoken to try a voice; a language without a sentence uses the English one.
SAMPLES = {
    "en": "Hello! This is how I sound when I read to you.",
    "es": "¡Hola! Así sueno cuando leo en voz alta.",
    "de": "Hallo! So klinge ich, wenn ich Ihnen vorlese.",
    "fr": "Bonjour ! Voilà ma voix quand je vous lis un texte.",
    "it": "Ciao! Questa è la mia voce quando leggo per te.",
    "nl": "Hallo! Zo klink ik wanneer ik u voorlees.",
    "ja": "こんにちは。私の声はこのように聞こえます。",
    "pt": "Olá! É assim que eu soo quando leio para você.",
}


@dataclass(frozen=True)
class VoiceChoice:
    """A voice as the page lists it."""

    model: str
    label: str
    language: str


def voices_by_language(connection: Connection) -> dict[str, list[VoiceChoice]]:
    """Return the voices of a server by the name of their language, English first.

    Those that the team prefers are before them.
    """
    found: defaultdict[str, list[VoiceChoice]] = defaultdict(list)
    preferred: list[VoiceChoice] = []
    for row in voices(connection):
        choice = _choice(row)
        group = preferred if row.is_preferred else found[language_name(choice.language) or "Other"]
        group.append(choice)
    ordered = sorted(found.items(), key=lambda pair: (pair[0] != "English", pair[0]))
    if preferred:
        ordered.insert(0, ("Preferred", preferred))
    return {name: sorted(choices, key=lambda each: each.label) for name, choices in ordered}


def voices(connection: Connection) -> list[Model]:
    return list(Model.objects.filter(connection=connection, kind=Model.Kind.TTS, gone_at=None))


def has_voice(connection: Connection, model: str) -> bool:
    return any(row.canonical_name == model for row in voices(connection))


def sample_of(model: str) -> str:
    """Return the sentence with which a voice is tried, in its language."""
    row = Model.objects.filter(canonical_name=model, kind=Model.Kind.TTS).first()
    return SAMPLES.get(_language(row) if row else "", SAMPLES["en"])


def _language(row: Model) -> str:
    return str(next(iter(row.languages), "")).split("-")[0].lower()


def _choice(row: Model) -> VoiceChoice:
    metadata = row.metadata if isinstance(row.metadata, dict) else {}
    listed = metadata.get("tags")
    tags = listed if isinstance(listed, list) else []
    sex = next((tag for tag in tags if tag in ("feminine", "masculine")), "")
    facts = [str(fact) for fact in (metadata.get("accent"), sex, row.architecture) if fact]
    label = f"{(row.name or row.canonical_name).capitalize()} ({', '.join(facts)})"
    return VoiceChoice(row.canonical_name, label, _language(row))
