"""The names of a recording's speakers."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from transcripts.forms import SpeakerForm
from transcripts.text import reading
from transcripts.views.access import finished_run, invalid, wants_fragment, writable_recording


@require_POST
def speaker_rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a voice by a name wherever it speaks in the transcript; by an empty one as before."""
    recording = writable_recording(request, pk)
    run = finished_run(request, recording)
    if run is None:
        raise Http404
    form = SpeakerForm(request.POST)
    if not form.is_valid():
        return invalid(request, form, recording)
    run.call(form.cleaned_data["voice"], form.cleaned_data["name"])
    if not wants_fragment(request):
        return redirect(recording)
    context = {
        "recording": recording,
        "run": run,
        "talkers": reading.talkers(run.outline(), run.voices),
        "may_write": True,
    }
    return render(request, "transcripts/_speakers.html", context)
