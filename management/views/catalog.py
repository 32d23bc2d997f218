"""Models, languages and voices of the servers, and what projects store there."""

from collections.abc import Sequence
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.access import administrators_only, get_permitted
from management.account_forms import PurposesForm
from management.models import (
    AgentConfiguration,
    AgentVariable,
    Connection,
    Model,
    Purpose,
    SelfHostedCredential,
    model_of,
)
from management.views.mirror import chosen_projects, mirror_notes

MOST_ROWS = 500


@never_cache
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Models that listen, the named choices among them, and voices, as the servers list them."""
    chosen = chosen_projects(request)
    connections = {project.connection_id for project in chosen.shown}
    listed = Model.objects.present().filter(connection__in=connections)
    listed = listed.select_related("connection").order_by("-is_preferred", "canonical_name", "pk")
    listening = list(listed.filter(kind=Model.Kind.STT)[:MOST_ROWS])
    voices = listed.filter(kind=Model.Kind.TTS)
    text = request.GET.get("q", "").replace("\0", "")[:100]
    if text:
        voices = voices.filter(canonical_name__icontains=text)
    return render(
        request,
        "management/models.html",
        {
            "chosen": chosen,
            "text": text,
            "servers": choices_of_servers(listening),
            "stt": [each for each in listening if text.lower() in each.canonical_name.lower()],
            "tts": voices[:MOST_ROWS],
            "notes": mirror_notes(chosen.shown, ["models"]),
        },
    )


class Choice(NamedTuple):
    """A named choice: the model behind it, and the id of the one that it was given."""

    purpose: Purpose
    model: Model | None
    given: int | str


def choices_of_servers(
    listening: Sequence[Model],
) -> list[tuple[Connection, list[tuple[int, str]], list[Choice]]]:
    """Return each server with the ids and names of its models and its named choices."""
    servers: dict[Connection, list[Model]] = {}
    for model in listening:
        servers.setdefault(model.connection, []).append(model)
    return [
        (server, [(each.pk, each.canonical_name) for each in listed], choices_among(listed))
        for server, listed in servers.items()
    ]


def choices_among(listed: Sequence[Model]) -> list[Choice]:
    given = {model.purpose: model.pk for model in reversed(listed)}
    return [
        Choice(purpose, model_of(purpose, listed), given.get(purpose, "")) for purpose in Purpose
    ]


@require_POST
@administrators_only
def model_purposes(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the models that the named choices of a server stand for."""
    connection = get_permitted(request, Connection.objects.active(), pk)
    listed = Model.objects.present().filter(connection=connection, kind=Model.Kind.STT)
    form = PurposesForm(request.POST, listed=listed)
    if form.is_valid():
        form.save()
        messages.success(request, f"The choices of {connection} are saved.")
    else:
        messages.error(request, "Nothing was changed. Choose models that the server lists.")
    return redirect("models")


@require_POST
@administrators_only
def model_prefer(request: HttpRequest, pk: int) -> HttpResponse:
    """List a model first where people choose one, or no longer."""
    model = get_permitted(request, Model.objects.present(), pk)
    model.is_preferred = "prefer" in request.POST
    model.save(update_fields=["is_preferred"])
    return redirect("models")


@never_cache
@require_safe
def stored(request: HttpRequest) -> HttpResponse:
    """Agent configurations and variables, and self-hosted credentials."""
    chosen = chosen_projects(request, administered=True)
    of = {"project__among": chosen.shown}
    return render(
        request,
        "management/stored.html",
        {
            "chosen": chosen,
            "agents": AgentConfiguration.objects.present().filter(**of).select_related("project"),
            "variables": AgentVariable.objects.present().filter(**of).select_related("project"),
            "credentials": SelfHostedCredential.objects.present()
            .filter(**of)
            .select_related("project"),
            "notes": mirror_notes(chosen.shown, ["agents", "variables", "credentials"]),
        },
    )
