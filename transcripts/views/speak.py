"""Text into speech: the page, and the clips that were spoken. Sound is made over a socket."""

from http import HTTPStatus
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.access import get_permitted
from management.models import Action, AuditEntry, Model, OverBudget, Project, budgets
from management.servers.crypto import UnreadableKey
from speechclient import SpeechError
from speechclient.formats import SPEEDS
from transcripts.clips.files import make_file, sample_file
from transcripts.clips.forms import FormatForm, offered_formats
from transcripts.clips.models import MAX_CHARACTERS, Clip
from transcripts.clips.voices import voices_by_language
from transcripts.views.access import chosen_of, in_chosen_project, person, wants_fragment
from transcripts.views.exports import send

CLIPS_SHOWN = 50


@never_cache
@require_safe
@in_chosen_project
def speak(request: HttpRequest, project: Project | None) -> HttpResponse:
    user = person(request)
    writable = list(Project.objects.writable_by(user).select_related("connection"))
    chosen = chosen_of(writable, project)
    clips = visible_clips(request)
    if project is not None:
        clips = clips.filter(project=project)
    return render(
        request,
        "transcripts/speak.html",
        {
            "project": chosen,
            "projects": writable,
            "voices": voices_by_language(chosen.connection) if chosen else {},
            "clips": clips[:CLIPS_SHOWN],
            "writable": [each.pk for each in writable],
            "formats": offered_formats(),
            "speeds": SPEEDS,
            "max_characters": MAX_CHARACTERS,
        },
    )


@never_cache
@require_safe
def clip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One row of the list, for the page that has spoken it."""
    found = get_permitted(request, visible_clips(request), pk)
    writable = Project.objects.writable_by(person(request)).values_list("pk", flat=True)
    context = {"clip": found, "writable": list(writable)}
    return render(request, "transcripts/_clip.html", context)


@require_safe
def clip_audio(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The sound that was streamed, as WAV."""
    found = get_permitted(request, visible_clips(request), pk)
    response = send(request, str(found.file), "audio/wav", str(found.pk))
    response["Content-Disposition"] = str(content_disposition_header(False, f"{found.title}.wav"))
    return response


@require_POST
def clip_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The text as a file of the chosen format, made by the server of the project."""
    found = get_permitted(request, writable_clips(request), pk)
    form = FormatForm(request.POST, found)
    if not form.is_valid():
        return JsonResponse({"error": form.problem}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        with budgets.reserved(found.project, f"speech:{uuid4()}", found.amount):
            made = make_file(found, form.options)
    except OverBudget as error:
        return JsonResponse({"error": str(error)}, status=HTTPStatus.PAYMENT_REQUIRED)
    except (SpeechError, UnreadableKey) as error:
        request_id = getattr(error, "request_id", None)
        sentence = f"The file could not be made: {str(error).rstrip('.')}."
        if request_id:
            sentence += f" Request id of the speech server: {request_id}"
        return JsonResponse({"error": sentence}, status=HTTPStatus.BAD_GATEWAY)
    record(Action.CLIP_EXPORTED, request, found)
    response = HttpResponse(made.content, content_type=made.media_type)
    name = f"{found.title}.{made.ending}"
    response["Content-Disposition"] = str(content_disposition_header(True, name))
    return response


@require_safe
def voice_sample(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A sentence in a voice; the server makes it once."""
    projects = Project.objects.accounted_to(person(request))
    voices = Model.objects.present().filter(kind=Model.Kind.TTS, connection__projects__in=projects)
    voice = get_permitted(request, voices.select_related("connection").distinct(), pk)
    project = projects.filter(connection=voice.connection).order_by("pk").first()
    assert project is not None
    try:
        name = sample_file(voice, project)
    except OverBudget as error:
        return JsonResponse({"error": str(error)}, status=HTTPStatus.PAYMENT_REQUIRED)
    except (SpeechError, UnreadableKey) as error:
        sentence = f"The sample could not be made: {str(error).rstrip('.')}."
        return JsonResponse({"error": sentence}, status=HTTPStatus.BAD_GATEWAY)
    return send(request, name, "audio/mpeg", name)


@require_POST
def clip_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_permitted(request, writable_clips(request), pk)
    found.delete()
    record(Action.CLIP_DELETED, request, found)
    return HttpResponse() if wants_fragment(request) else redirect("speak")


def record(action: Action, request: HttpRequest, clip: Clip) -> None:
    AuditEntry.record(action, request=request, subject=clip.title, project=clip.project)


def visible_clips(request: HttpRequest) -> QuerySet[Clip]:
    return Clip.objects.visible_to(person(request)).select_related("project", "owner")


def writable_clips(request: HttpRequest) -> QuerySet[Clip]:
    return Clip.objects.writable_by(person(request)).select_related("project__connection")
