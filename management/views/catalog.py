"""Models, languages and voices of the servers, and what projects store there."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.access import administrators_only, get_permitted, person
from management.models import (
    AgentConfiguration,
    AgentVariable,
    Model,
    Project,
    SelfHostedCredential,
)
from management.views.mirror import chosen_projects, mirror_notes
from management.views.usage import usage_projects

MOST_ROWS = 500


@never_cache
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """Models that listen, and voices, as the servers list them."""
    chosen = usage_projects(request)
    connections = {project.connection_id for project in chosen.shown}
    listed = Model.objects.present().filter(connection__in=connections)
    listed = listed.select_related("connection").order_by("-is_preferred", "canonical_name", "pk")
    text = request.GET.get("q", "").replace("\0", "")[:100]
    if text:
        listed = listed.filter(canonical_name__icontains=text)
    return render(
        request,
        "management/models.html",
        {
            "chosen": chosen,
            "text": text,
            "stt": listed.filter(kind=Model.Kind.STT)[:MOST_ROWS],
            "tts": listed.filter(kind=Model.Kind.TTS)[:MOST_ROWS],
            "notes": mirror_notes(chosen.shown, ["models"]),
        },
    )


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
    chosen = chosen_projects(request, Project.objects.administered_by(person(request)))
    of = {"project__in": chosen.shown}
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
