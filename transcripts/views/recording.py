"""A recording's page: the transcript in blocks, the waveform, the progress of a run."""

from bisect import bisect_right
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management.models import Action, AuditEntry
from transcripts.choices import OptionsForm, first_choice, lists, offers
from transcripts.forms import MoveForm, TitleForm
from transcripts.live.models import LiveNote
from transcripts.models import Recording, Transcription, Waveform
from transcripts.progress import rows
from transcripts.text import reading
from transcripts.text.differences import compare
from transcripts.views.access import (
    finished_run,
    invalid,
    person,
    visible_recording,
    wants_fragment,
    writable_recording,
)
from transcripts.views.insights import insight_context

FOUND_SHOWN = 1000
# Key of the session: options with an error that were entered to transcribe a recording again.
ENTERED = "again"
SPEEDS = ("0.5", "0.75", "1", "1.1", "1.25", "1.5", "1.75", "2", "2.5", "3")
EXPORT_FORMATS = (
    ("txt", "Text"),
    ("srt", "SubRip subtitles (SRT)"),
    ("vtt", "WebVTT captions"),
    ("json", "JSON with word times"),
)


def seconds(text: str) -> float | None:
    """The ``t`` of an address; None when it is not a time."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 10**7 else None


@never_cache
@require_safe
def recording(request: HttpRequest, pk: int) -> HttpResponse:
    recording = visible_recording(request, pk)
    run = finished_run(request, recording)
    context: dict[str, Any] = {
        "recording": recording,
        "row": rows([recording])[0],
        "run": run,
        "versions": recording.finished_runs,
        "may_write": recording.is_writable_by(person(request)),
        "at": seconds(request.GET.get("t", "")),
        "speeds": SPEEDS,
        "export_formats": EXPORT_FORMATS,
        "notes": LiveNote.objects.filter(session__recording=recording),
    }
    if run:
        context |= transcript(run, context["at"] or 0.0) | insight_context(request, recording, run)
    if context["may_write"] and not context["row"].progress:
        context |= again(request, recording)
    return render(request, "transcripts/recording.html", context)


def again(request: HttpRequest, recording: Recording) -> dict[str, Any]:
    """Context of the dialog to transcribe again: filled with the newest options of the recording.

    After a form with an error it is filled with what was entered.
    """
    offered = offers(person(request), recording.project_id)
    newest = recording.transcription
    kept = newest.options if newest else first_choice(recording.project.connection)
    problem = ""
    if request.session.get(ENTERED, {}).get("recording") == recording.pk:
        entered = request.session.pop(ENTERED)
        kept, problem = entered["options"], entered["problem"]
    return {
        "offers": offered,
        "given": kept,
        "again_problem": problem,
        **lists(offered, kept),
    }


def transcript(run: Transcription, at: float) -> dict[str, Any]:
    """All blocks of a run by place and size, with the text of the one at this second."""
    voices = run.voices
    outline = run.outline()
    blocks = reading.blocks(outline)
    # Starts may repeat or step back where channels overlap; the last one not after it will do.
    first = max(0, bisect_right([block.start for block in blocks], at) - 1)
    return {
        "blocks": blocks,
        "first": first,
        "paragraphs": run.block(first, voices),
        "turns": reading.turns(outline, voices),
        "talkers": reading.talkers(outline, voices),
        "block_size": reading.BLOCK_UTTERANCES,
    }


@require_safe
def block(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One block of the transcript, 404 beyond the last. A finished run never changes."""
    run = finished_run(request, visible_recording(request, pk))
    paragraphs = run.block(number, run.voices) if run and number < 10**6 else []
    if not run or not paragraphs:
        raise Http404
    return render(request, "transcripts/_block.html", {"paragraphs": paragraphs})


@require_safe
def differences(request: HttpRequest, pk: int) -> HttpResponse:
    """Render the differences of a version from another, ``than``: by default the one before it."""
    recording = visible_recording(request, pk)
    run = finished_run(request, recording)
    versions = list(recording.finished_runs)
    others = [each for each in versions if each != run]
    context: dict[str, Any] = {"recording": recording, "run": run}
    if run is not None and others:
        numbers = {each.pk: len(versions) - index for index, each in enumerate(versions)}
        chosen = request.GET.get("than", "")
        earlier = [each for each in others if each.pk < run.pk]
        than = next((each for each in others if str(each.pk) == chosen), (earlier or others)[0])
        context |= {
            "number": numbers[run.pk],
            "than": than,
            "than_number": numbers[than.pk],
            "others": [(numbers[each.pk], each) for each in others],
            "comparison": compare(than.timed_words(), run.timed_words()),
        }
    return render(request, "transcripts/_differences.html", context)


@never_cache
@require_safe
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Render the progress of the newest run; the page reloads when it has ended."""
    recording = visible_recording(request, pk)
    row = rows([recording])[0]
    if not row.progress:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "transcripts/_progress.html", {"row": row})


@require_safe
def waveform(request: HttpRequest, pk: int) -> HttpResponse:
    """Loudness over time, one byte a step (0 silent to 255 the loudest), evenly over the length.

    202 while it is being drawn; empty when it cannot be. ``Audio-Seconds`` is the length, and
    ``Audio-Copy`` is there when the player has a listening copy to play.
    """
    recording = visible_recording(request, pk)
    drawn = Waveform.objects.filter(recording=recording).first()
    if drawn and not drawn.is_drawn:
        return HttpResponse(status=202)
    response = HttpResponse(drawn.peaks if drawn else b"", "application/octet-stream")
    response["Audio-Seconds"] = f"{recording.duration or 0:.3f}"
    if recording.listening_copy:
        response["Audio-Copy"] = "1"
    return response


@never_cache
@require_safe
def find(request: HttpRequest, pk: int) -> JsonResponse:
    """Return the places of ``q`` in the transcript: ``{"count": n, "places": [[...], ...]}``.

    A place is ``[utterance, character, last utterance, character]``: from where to where, in
    characters of what the page shows. At most 1,000 places.
    """
    run = finished_run(request, visible_recording(request, pk))
    if run is None:
        return JsonResponse({"count": 0, "places": []})
    places_found = run.find(request.GET.get("q", "")[:400])
    places = [[one.first, one.start, one.last, one.end] for one in places_found[:FOUND_SHOWN]]
    return JsonResponse({"count": len(places_found), "places": places})


@require_POST
def recording_rename(request: HttpRequest, pk: int) -> HttpResponse:
    recording = writable_recording(request, pk)
    form = TitleForm(request.POST)
    if not form.is_valid():
        return invalid(request, form, recording)
    recording.rename(form.cleaned_data["title"])
    if not wants_fragment(request):
        return redirect(recording)
    return render(request, "transcripts/_title.html", {"recording": recording, "may_write": True})


@require_POST
def recording_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    recording = writable_recording(request, pk)
    if not recording.cancel() and not wants_fragment(request):
        messages.warning(request, "Nothing was stopped: it was not being transcribed any more.")
    return render_row(request, recording)


@require_POST
def recording_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Transcribe again, with the options of the form or the same ones.

    A finished transcript stays as a version.
    """
    recording = writable_recording(request, pk)
    options = None
    if "model" in request.POST:
        form = OptionsForm(request.POST, base=recording.newest_options)
        if not form.is_valid():
            problem = f"Invalid options: {form.problem}"
            request.session[ENTERED] = {
                "recording": pk,
                "options": form.entered,
                "problem": problem,
            }
            return redirect(recording)
        options = form.cleaned_data["options"]
    if not recording.retry(options) and not wants_fragment(request):
        messages.warning(request, "Nothing was queued: it is being transcribed already.")
    return render_row(request, recording)


@require_POST
def recording_delete(request: HttpRequest, pk: int) -> HttpResponse:
    recording = writable_recording(request, pk)
    recording.remove()
    record_deletion(request, recording)
    if wants_fragment(request):
        return HttpResponse()  # the row it stood in goes with it
    messages.success(request, f"“{recording.title}” is deleted.")
    return redirect("library")


def render_row(request: HttpRequest, recording: Recording) -> HttpResponse:
    """Respond to a change with the row, for a list that requested it, or the recording's page."""
    if not wants_fragment(request):
        return redirect(recording)
    recording.refresh_from_db()
    context = {"row": rows([recording])[0], "writable": [recording.project_id]}
    return render(request, "transcripts/_library_row.html", context)


def record_deletion(request: HttpRequest, recording: Recording) -> None:
    AuditEntry.record(
        Action.RECORDING_DELETED,
        request=request,
        subject=recording.title,
        project=recording.project,
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def recording_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a recording with its transcripts to another project that the user may add to."""
    recording = writable_recording(request, pk)
    form = MoveForm(request.POST or None, user=person(request), recording=recording)
    if request.method == "POST" and form.is_valid():
        before, project = str(recording.project), form.cleaned_data["project"]
        if recording.move_to(project):
            AuditEntry.record(
                Action.RECORDING_MOVED,
                request=request,
                subject=recording.title,
                project=project,
                before=before,
            )
            messages.success(request, f"The recording is in {project} now.")
            return redirect(recording)
        form.add_error("project", "It is being transcribed. Move it when that has ended.")
    context = {"recording": recording, "form": form}
    status = 422 if form.errors else 200
    return render(request, "transcripts/move.html", context, status=status)
