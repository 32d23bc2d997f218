"""Template tags that find recordings."""

from typing import Any

from django import template

from management.models import Request
from transcripts.models import Recording

register = template.Library()


@register.simple_tag(takes_context=True)
def recording_of(context: dict[str, Any], request_id: str) -> Recording | None:
    """The recording whose transcript a request made, where the person may see it."""
    if not request_id:
        return None
    seen = Recording.objects.visible_to(context["request"].user)
    return seen.filter(transcriptions__request_id=request_id).first()


@register.simple_tag
def cost_of(recording: Recording, request_id: str) -> float | None:
    """US dollars of the request that made a transcript, once the server's log is mirrored."""
    if not request_id:
        return None
    requests = Request.objects.filter(project=recording.project, request_id=request_id)
    return requests.values_list("dollars", flat=True).first()
