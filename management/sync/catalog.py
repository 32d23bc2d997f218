"""Projects and models of a connection."""

from dataclasses import asdict
from typing import Any

from management.models import Model, Project, Sync
from management.sync.rows import reconcile
from speechclient import Model as ListedModel
from speechclient import Models
from speechclient import Project as ListedProject


def read_projects(sync: Sync, listed: tuple[ListedProject, ...]) -> None:
    reconcile(
        Project.objects.mirrored().filter(connection=sync.connection),
        "upstream_id",
        {
            project.project_id[:100]: {"name": project.name[:200] or project.project_id[:100]}
            for project in listed
            if project.project_id
        },
        sync.hold,
        connection=sync.connection,
    )


def read_models(sync: Sync, listed: Models) -> None:
    models = {
        model.uuid[:100]: {"kind": kind.value, **model_fields(model)}
        for kind, found in ((Model.Kind.STT, listed.stt), (Model.Kind.TTS, listed.tts))
        for model in found
        if model.uuid
    }
    reconcile(
        Model.objects.filter(connection=sync.connection),
        "uuid",
        models,
        sync.hold,
        connection=sync.connection,
    )


def model_fields(model: ListedModel) -> dict[str, Any]:
    described = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(model.metadata).items()
        if value
    }
    if model.runs:
        described["runs"] = list(model.runs)
    return {
        "canonical_name": (model.canonical_name or model.name)[:200],
        "name": model.name[:200],
        "architecture": model.architecture[:100],
        "version": model.version[:100],
        "languages": list(model.languages),
        "batch": model.batch,
        "streaming": model.streaming,
        "formatted_output": model.formatted_output,
        "metadata": described,
    }
