"""Live pages: the start of a session, its microphone and captions."""

from typing import Any

import segno
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management.models import Action, AuditEntry, OverBudget, Project, User
from transcripts.live.appearance import Appearance
from transcripts.live.forms import SOURCES, LinkForm, LiveForm, PasswordForm
from transcripts.live.models import TICKET, LiveSession
from transcripts.views.access import chosen_of, in_chosen_project, person

RECENT = 20
THRESHOLDS = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")


@never_cache
@require_safe
@in_chosen_project
def live(request: HttpRequest, project: Project | None) -> HttpResponse:
    user = person(request)
    writable = list(Project.objects.writable_by(user))
    initial = {"project": chosen_of(writable, project)}
    return live_page(request, LiveForm(user, initial=initial))


@require_POST
def live_start(request: HttpRequest) -> HttpResponse:
    form = LiveForm(person(request), request.POST)
    if not form.is_valid():
        return live_page(request, form, status=422)
    try:
        session = form.save()
    except OverBudget as error:
        form.add_error(None, str(error))
        return live_page(request, form, status=422)
    return redirect(f"{session.get_absolute_url()}?source={form.cleaned_data['source']}")


def live_page(request: HttpRequest, form: LiveForm, status: int = 200) -> HttpResponse:
    user = person(request)
    sessions = LiveSession.objects.hosted_by(user).select_related("project", "recording")
    context: dict[str, Any] = {
        "form": form,
        "thresholds": {name: form[name].value() or "" for name in THRESHOLDS},
        "may_start": Project.objects.writable_by(user).exists(),
        "open_sessions": sessions.open(),
        "ended_sessions": sessions.filter(recording__isnull=False)[:RECENT],
    }
    return render(request, "transcripts/live_start.html", context, status=status)


@never_cache
@require_safe
def live_session(request: HttpRequest, pk: Any) -> HttpResponse:
    """Show the page with the microphone; an ended session is its recording."""
    user = person(request)
    session = get_object_or_404(LiveSession.objects.visible_to(user), pk=pk)
    if session.recording is not None:
        return redirect(session.recording)
    if session.is_ended or not LiveSession.objects.hosted_by(user).filter(pk=pk).exists():
        raise Http404
    source = request.GET.get("source", "")
    context = {
        "session": session,
        "source": source if source in dict(SOURCES) else "microphone",
        # A file or a tab has to be chosen first, and browsers let a click alone do that.
        "is_fresh": source == "microphone" and not session.epoch,
        "thresholds": session.options,
        "terms": session.options.get("keyterm", ()),
    }
    return render(request, "transcripts/live.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def live_link(request: HttpRequest, pk: Any) -> HttpResponse:
    """Show and change who sees the captions: a fragment of the page with the microphone."""
    session = get_object_or_404(LiveSession.objects.hosted_by(person(request)), pk=pk)
    form = LinkForm(request.POST) if request.method == "POST" else None
    is_saved = form is not None and form.is_valid()
    if form is not None and is_saved:
        form.save(session)
        AuditEntry.record(
            Action.CAPTIONS_SHARED, request=request, subject=session.title,
            project=session.project, audience=session.audience,
            until=session.link_until and session.link_until.isoformat(),
            has_password=bool(session.link_password),
        )  # fmt: skip
    address = request.build_absolute_uri(session.get_captions_url())
    code = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="white")
    context = {
        "session": session,
        "form": form,
        "address": address,
        "code": code,
        "is_saved": is_saved,
        "audiences": LiveSession.Audience.choices,
    }
    status = 422 if form is not None and not is_saved else 200
    return render(request, "transcripts/_live_link.html", context, status=status)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def captions(request: HttpRequest, link: str) -> HttpResponse:
    """Show the captions of a session to those who have its link."""
    user = request.user if isinstance(request.user, User) else None
    session = LiveSession.objects.watchable_by(user).filter(link=link).first()
    if session is None:
        if user is None and LiveSession.objects.filter(link=link).exists():
            return redirect_to_login(request.get_full_path())
        raise Http404
    if not session.admits_user(user) and not session.takes(request.COOKIES.get(TICKET, "")):
        return captions_password(request, session)
    context = {"session": session, "appearance": Appearance.read(request.GET)}
    return render(request, "transcripts/captions.html", context)


def captions_password(request: HttpRequest, session: LiveSession) -> HttpResponse:
    """Ask for the password of a link; the right one is remembered by a cookie of this link."""
    form = PasswordForm(request.POST or None)
    problem = ""
    if form.is_valid():
        is_right = session.admits(form.cleaned_data["password"])
        if is_right:
            response = redirect(request.get_full_path())
            response.set_cookie(
                TICKET,
                session.ticket,
                path=session.get_captions_url(),
                secure=request.is_secure(),
                httponly=True,
                samesite="Lax",
            )
            return response
        problem = "This is not the password."
        if is_right is None:
            problem = "Somebody tried a password just now. Try again in a moment."
    context = {"session": session, "problem": problem}
    status = 422 if problem else 200
    return render(request, "transcripts/captions_password.html", context, status=status)


@require_POST
def live_end(request: HttpRequest, pk: Any) -> HttpResponse:
    """End a session whose page is not open any more."""
    session = get_object_or_404(LiveSession.objects.hosted_by(person(request)), pk=pk)
    session.ask_to_end()
    return redirect("live")
