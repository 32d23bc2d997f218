"""Insights of a recording: summary, topics, intents and sentiment."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from transcripts.models import Insight, Recording, Transcription
from transcripts.options import is_read, wants_insight
from transcripts.progress import reading_words
from transcripts.text import moments
from transcripts.views.access import (
    finished_run,
    person,
    visible_recording,
    wants_fragment,
    writable_recording,
)


@never_cache
@require_safe
def insight(request: HttpRequest, pk: int) -> HttpResponse:
    """Render the insights so far; the page asks again while they are being made."""
    found = visible_recording(request, pk)
    run = finished_run(request, found)
    if run is None:
        raise Http404
    return render(request, "transcripts/_insight.html", insight_context(request, found, run))


@require_POST
def insight_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the transcript read: again after a failure, or for the first time, for everything."""
    found = writable_recording(request, pk)
    run = finished_run(request, found)
    if run is None:
        raise Http404
    run.order_all_insights()
    if not wants_fragment(request):
        return redirect(found)
    return render(request, "transcripts/_insight.html", insight_context(request, found, run))


def insight_context(
    request: HttpRequest, recording: Recording, run: Transcription
) -> dict[str, Any]:
    """The insight of a run as the page shows it, or why there is none."""
    found = Insight.objects.filter(transcription=run).first()
    context: dict[str, Any] = {
        "recording": recording,
        "run": run,
        "insight": found,
        "is_read": is_read(run.language),
        "was_wanted": wants_insight(run.options),
        "may_write": recording.is_writable_by(person(request)),
    }
    if found and found.is_open:
        context["insight_words"] = reading_words(found, recording.project.connection)
    elif found:
        context |= {
            "labels": [
                ("Topics", moments.chips(found.topics)),
                ("Intents", moments.chips(found.intents)),
            ],
            "bars": moments.mood_bars(found.sentiments, recording.duration or 0.0),
            "moments": moments.strongest(found.sentiments),
            "average_mood": moments.mood(found.average_score or 0.0),
            "is_bare": not (found.summary or found.topics or found.intents or found.sentiments),
        }
    return context
