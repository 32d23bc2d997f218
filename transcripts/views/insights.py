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
    recording = visible_recording(request, pk)
    run = finished_run(request, recording)
    if run is None:
        raise Http404
    return render(request, "transcripts/_insight.html", insight_context(request, recording, run))


@require_POST
def insight_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the transcript read: again after a failure, or for the first time, for everything."""
    recording = writable_recording(request, pk)
    run = finished_run(request, recording)
    if run is None:
        raise Http404
    run.order_all_insights()
    if not wants_fragment(request):
        return redirect(recording)
    return render(request, "transcripts/_insight.html", insight_context(request, recording, run))


def insight_context(
    request: HttpRequest, recording: Recording, run: Transcription
) -> dict[str, Any]:
    """The insight of a run as the page shows it, or why there is none."""
    insight = Insight.objects.filter(transcription=run).first()
    context: dict[str, Any] = {
        "recording": recording,
        "run": run,
        "insight": insight,
        "is_read": is_read(run.language),
        "was_wanted": wants_insight(run.options),
        "may_write": recording.is_writable_by(person(request)),
    }
    if insight and insight.is_open:
        context["insight_words"] = reading_words(insight, recording.project.connection)
    elif insight:
        context |= {
            "labels": [
                ("Topics", moments.chips(insight.topics)),
                ("Intents", moments.chips(insight.intents)),
            ],
            "bars": moments.mood_bars(insight.sentiments, recording.duration or 0.0),
            "moments": moments.strongest(insight.sentiments),
            "average_mood": moments.mood(insight.average_score or 0.0),
            "is_bare": not (
                insight.summary or insight.topics or insight.intents or insight.sentiments
            ),
        }
    return context
