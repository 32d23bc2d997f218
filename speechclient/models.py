"""Projects and models: what a server has. Source: sections 14.1 and 14.2 of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field

from .fields import Fields


@dataclass(frozen=True, slots=True)
class Project:
    project_id: str
    name: str
    mip_opt_out: bool = False

    @classmethod
    def read(cls, fields: Fields) -> Project:
        return cls(
            project_id=fields.text("project_id"),
            name=fields.text("name"),
            mip_opt_out=fields.flag("mip_opt_out"),
        )


@dataclass(frozen=True, slots=True)
class Model:
    """A model that listens or speaks. ``languages`` are BCP-47 tags.

    ``batch``, ``streaming`` and ``formatted_output`` speak of models that listen; ``metadata``
    (accent, age, colour, image, sample) and ``tags`` and ``use_cases`` of voices.
    """

    name: str
    canonical_name: str
    architecture: str
    languages: tuple[str, ...]
    version: str
    uuid: str
    batch: bool = False
    streaming: bool = False
    formatted_output: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    use_cases: tuple[str, ...] = ()

    @classmethod
    def read(cls, fields: Fields) -> Model:
        metadata = fields.object("metadata")
        return cls(
            name=fields.text("name"),
            canonical_name=fields.text("canonical_name") or fields.text("name"),
            architecture=fields.text("architecture"),
            languages=fields.texts("languages"),
            version=fields.text("version"),
            uuid=fields.text("uuid"),
            batch=fields.flag("batch"),
            streaming=fields.flag("streaming"),
            formatted_output=fields.flag("formatted_output"),
            metadata=fields.pairs("metadata"),
            tags=metadata.texts("tags"),
            use_cases=metadata.texts("use_cases"),
        )


@dataclass(frozen=True, slots=True)
class Models:
    """Models that listen (``stt``) and voices (``tts``)."""

    stt: tuple[Model, ...]
    tts: tuple[Model, ...]

    @classmethod
    def read(cls, fields: Fields) -> Models:
        return cls(
            stt=tuple(Model.read(model) for model in fields.objects("stt", 10_000)),
            tts=tuple(Model.read(model) for model in fields.objects("tts", 10_000)),
        )
