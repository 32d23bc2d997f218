"""Recordings of a person who leaves, for administrators."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from management.access import administrators_only
from management.models import Action, AuditEntry, User
from transcripts.forms import is_id
from transcripts.models import Recording


@require_POST
@administrators_only
def recordings_reassign(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another person the owner of all recordings of this one."""
    somebody, given = get_object_or_404(User, pk=pk), request.POST.get("to", "")
    active = User.objects.filter(is_active=True).exclude(pk=pk)
    to = get_object_or_404(active, pk=int(given) if is_id(given) else None)
    count = Recording.objects.reassign(somebody, to)
    AuditEntry.record(
        Action.RECORDINGS_REASSIGNED,
        request=request,
        subject=somebody.email,
        to=to.email,
        count=count,
    )
    messages.success(request, f"{to} is the owner of {count} recordings of {somebody} now.")
    return redirect("person", pk)
