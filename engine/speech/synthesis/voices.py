"""The voices on this machine, and Deepgram's voice names mapped to them.

A name of Deepgram's always gives the same local voice, of the same sex, language and, where
there is one, accent. The table is written out, so that a new voice never moves an old name.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from engine.speech.errors import UnknownModel

Sex = Literal["feminine", "masculine"]
Engine = Literal["piper", "kokoro"]

VERSION = "2026-11-01.0"
# Names the models of this engine; a model's uuid is made from its canonical name.
NAMESPACE = uuid.UUID("6a0f5f4e-5d0b-5c8e-9b43-0c3d9b8e2f10")
SAMPLE_RATE: dict[Engine, int] = {"piper": 22_050, "kokoro": 24_000}
ARCHITECTURES = ("aura", "aura-2", "flux")


@dataclass(frozen=True)
class Voice:
    """A voice that can be spoken with here."""

    name: str  # "af_heart"
    engine: Engine
    language: str  # BCP 47, what its phonemes are made for: "en-US"
    sex: Sex
    accent: str
    vectors: tuple[str, ...] = ()  # Kokoro: the style vectors it is the mean of
    melody: str = ""  # Kokoro: the one that gives pitch and pace, if not all of them

    @property
    def sample_rate(self) -> int:
        return SAMPLE_RATE[self.engine]


@dataclass(frozen=True)
class SpeechModel:
    """A name that a caller may request, and the voice that it selects."""

    canonical_name: str  # "aura-2-thalia-en"
    architecture: str  # "aura", "aura-2", "flux", or the engine's own: "kokoro", "piper"
    voice: Voice
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The voice's part of the name: "thalia", "heart" of "af_heart"."""
        if self.architecture not in ARCHITECTURES:
            return self.canonical_name.partition("_")[2].replace("_", " ") or self.canonical_name
        return self.canonical_name.removeprefix(f"{self.architecture}-").rsplit("-", 1)[0]

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.canonical_name} {VERSION}"))

    @property
    def languages(self) -> tuple[str, ...]:
        return (self.voice.language.split("-")[0], self.voice.language)


COLORS: dict[Sex, str] = {"feminine": "#AA77FF", "masculine": "#3388CC"}

# Kokoro's names: language (a American, b British, e Spanish, f French, i Italian) and sex.
KOKORO = {
    "a": ("en-US", "American"),
    "b": ("en-GB", "British"),
    "e": ("es-ES", "Peninsular"),
    "f": ("fr-FR", "French"),
    "i": ("it-IT", "Italian"),
}
SEXES: dict[str, Sex] = {"f": "feminine", "m": "masculine"}
KOKORO_NAMES = (
    "af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nova af_river af_sarah af_sky "
    "am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck "
    "bf_alice bf_emma bf_isabella bf_lily bm_daniel bm_fable bm_george bm_lewis "
    "ef_dora em_alex ff_siwis if_sara im_nicola"
).split()


def _kokoro(name: str) -> Voice:
    language, accent = KOKORO[name[0]]
    return Voice(name, "kokoro", language, SEXES[name[1]], accent, (name,))


VOICES: dict[str, Voice] = {
    voice.name: voice
    for voice in (
        Voice("joe", "piper", "en-US", "masculine", "American"),
        *(_kokoro(name) for name in KOKORO_NAMES),
        # The same speakers with the s of Latin America where Spain says th.
        Voice("ef_dora_latin", "kokoro", "es-419", "feminine", "Latin American", ("ef_dora",)),
        Voice("em_alex_latin", "kokoro", "es-419", "masculine", "Latin American", ("em_alex",)),
        # Kokoro has no Frenchman. Men of other languages do not know the sounds of French (29 %
        # of the words were misheard); half a Frenchwoman's sound on a man's melody does: 4 %.
        Voice(
            "fm_michel",
            "kokoro",
            "fr-FR",
            "masculine",
            "French",
            ("ff_siwis", "im_nicola"),
            melody="im_nicola",
        ),
    )
}

# Deepgram's names, by the local voice that speaks for them.
AURA = {
    "af_heart": "asteria", "af_bella": "luna", "af_sarah": "stella", "af_kore": "hera",
    "bf_emma": "athena", "am_michael": "orion", "joe": "arcas", "am_fenrir": "perseus",
    "bm_lewis": "angus", "am_puck": "orpheus", "bm_george": "helios", "am_onyx": "zeus",
}  # fmt: skip
AURA_2_EN = {
    "af_alloy": "andromeda callista minerva",
    "af_aoede": "athena cordelia electra",
    "af_bella": "luna delia iris",
    "af_heart": "asteria thalia",
    "af_jessica": "aurora phoebe ophelia",
    "af_kore": "hera juno vesta",
    "af_nova": "amalthea",
    "af_river": "harmonia selene",
    "af_sarah": "cora helena",
    "af_sky": "janus",
    "am_adam": "jupiter saturn",
    "am_echo": "apollo",
    "am_eric": "atlas odysseus",
    "am_fenrir": "aries mars",
    "am_liam": "hermes",
    "am_michael": "orion neptune",
    "am_onyx": "zeus pluto",
    "am_puck": "orpheus",
    "bf_emma": "pandora",
    "bf_isabella": "theia",
    "bm_fable": "hyperion",
    "bm_george": "draco",
    "joe": "arcas",
}
AURA_2_ES = {
    "ef_dora": "agustina carina diana silvia",
    "ef_dora_latin": "antonia celeste estrella gloria olivia selena",
    "em_alex": "alvaro nestor",
    "em_alex_latin": "aquila javier luciano sirio valerio",
}
AURA_2_FR = {"ff_siwis": "agathe", "fm_michel": "hector"}
AURA_2_IT = {
    "if_sara": "cinzia demetra livia maia melia",
    "im_nicola": "cesare dionisio elio flavio perseo",
}
FLUX = {
    "af_heart": "alexis", "af_sarah": "haley", "af_bella": "heather", "af_nova": "priya",
    "af_river": "renee", "bf_isabella": "sharon", "am_michael": "cole", "joe": "jack",
    "am_onyx": "bruce", "bm_george": "rufus", "am_puck": "drew", "am_fenrir": "marcus",
}  # fmt: skip


def _models() -> dict[str, SpeechModel]:
    models: dict[str, SpeechModel] = {}
    for architecture, language, table in (
        ("aura", "en", AURA),
        ("aura-2", "en", AURA_2_EN),
        ("aura-2", "es", AURA_2_ES),
        ("aura-2", "fr", AURA_2_FR),
        ("aura-2", "it", AURA_2_IT),
        ("flux", "en", FLUX),
    ):
        for speaker, names in table.items():
            for name in names.split():
                canonical = f"{architecture}-{name}-{language}"
                models[canonical] = SpeechModel(canonical, architecture, VOICES[speaker])
    for voice in VOICES.values():
        models[voice.name] = SpeechModel(voice.name, voice.engine, voice)
    return models


MODELS = _models()


def find_model(name: str, *, strict: bool = False) -> SpeechModel:
    """The model called ``name``: one of Deepgram's ("aura-2-thalia-en") or a local voice's.

    A name of Deepgram's that came after us gets a voice of its language, always the same,
    unless ``strict`` (docs/contract.md, choice 24). Raises ``UnknownModel`` for other names,
    and for German, Dutch and Japanese ones: no local voice speaks these languages.
    """
    if name in MODELS:
        return MODELS[name]
    newer = re.fullmatch(r"(aura|aura-2|flux)-[a-z]{1,40}-([a-z]{2})", name)
    if newer and not strict:
        speakers = [
            model.voice
            for model in MODELS.values()
            if model.architecture == newer[1] and model.languages[0] == newer[2]
        ]
        if speakers:
            voice = min(speakers, key=lambda voice: crc32(f"{name} {voice.name}".encode()))
            return SpeechModel(name, newer[1], voice)
    raise UnknownModel("No such model/language/tier combination found.")


def find_voice(name: str) -> Voice:
    """The local voice that speaks for ``name``. Raises ``UnknownModel``."""
    return find_model(name).voice


def public_models() -> list[SpeechModel]:
    """Return the voices in the public list of models, which has no Flux voices."""
    return [model for model in MODELS.values() if model.architecture != "flux"]
