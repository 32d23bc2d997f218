"""Projects and models of a server. Source: docs/contract.md, 14.1 and 14.2."""

from __future__ import annotations

from dataclasses import dataclass

from speechclient.records import Record


@dataclass(frozen=True, slots=True)
class Project(Record):
    """``mip_opt_out`` is None in lists, which do not say."""

    project_id: str
    name: str
    mip_opt_out: bool | None


@dataclass(frozen=True, slots=True)
class VoiceMetadata(Record):
    """Description of a voice; ``image`` and ``sample`` are URLs of the server's."""

    accent: str
    age: str
    color: str
    image: str
    sample: str
    tags: tuple[str, ...]
    use_cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model(Record):
    """A model that listens or speaks. ``languages`` are BCP-47 tags.

    ``batch``, ``streaming`` and ``formatted_output`` speak of models that listen, ``metadata``
    of voices. ``runs`` names the local models of an engine that serve it.
    """

    name: str
    canonical_name: str
    architecture: str
    languages: tuple[str, ...]
    version: str
    uuid: str
    batch: bool
    streaming: bool
    formatted_output: bool
    runs: tuple[str, ...]
    metadata: VoiceMetadata


@dataclass(frozen=True, slots=True)
class Models(Record):
    """Models that listen (``stt``) and voices (``tts``)."""

    stt: tuple[Model, ...]
    tts: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class ThinkModel(Record):
    """A language model that voice agents can think with. Source: docs/contract.md, 14.8."""

    id: str
    name: str
    provider: str
