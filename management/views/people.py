"""The people of the team, for administrators."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management import mail
from management.access import administrators_only, person
from management.forms import InvitationForm
from management.models import (
    Action,
    AuditEntry,
    Invitation,
    LastAdministrator,
    LastOwner,
    Membership,
    User,
)

PAGE = ["GET", "HEAD", "POST"]


@never_cache
@require_safe
@administrators_only
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, with role, projects, last seen and second factor, and the open invitations."""
    memberships = Membership.objects.select_related("project")
    everybody = User.objects.order_by("-is_active", "first_name", "email").prefetch_related(
        Prefetch("memberships", memberships), "authenticator_set"
    )
    invitations = Invitation.objects.open().select_related("created_by")
    context = {"people": everybody, "invitations": invitations.prefetch_related("projects")}
    return render(request, "management/people.html", context)


@never_cache
@require_safe
@administrators_only
def person_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: their projects and what an administrator may do."""
    somebody = get_object_or_404(User, pk=pk)
    memberships = somebody.memberships.select_related("project").order_by("project__name")
    return render(
        request,
        "management/person.html",
        {
            "somebody": somebody,
            "memberships": memberships,
            "factors": Authenticator.objects.filter(user=somebody).exclude(type="recovery_codes"),
            "others": User.objects.filter(is_active=True).exclude(pk=pk).order_by("email"),
            "recordings": somebody.recordings.count(),
        },
    )


@never_cache
@require_http_methods(PAGE)
@administrators_only
def person_invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody. The link is shown once, and mailed if there is a mail server."""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        invitation, token = form.save(by=person(request))
        AuditEntry.record(
            Action.PERSON_INVITED,
            request=request,
            subject=invitation.email,
            role=invitation.role,
            projects=[str(project) for project in invitation.projects.all()],
            administrator=invitation.is_administrator,
        )
        return show_invitation(request, invitation, token)
    status = 422 if form.errors else 200
    context = {"form": form, "has_mail": mail.has_server()}
    return render(request, "management/invite.html", context, status=status)


def show_invitation(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    """The page that shows a link once: it is in no database, and no other page has it."""
    link = request.build_absolute_uri(reverse("invitation", args=[token]))
    mailed = mail.has_server() and mail.send_invitation(invitation, link)
    context = {
        "title": f"Invitation of {invitation.email}",
        "link": link,
        "expires_at": invitation.expires_at,
        "mailed_to": invitation.email if mailed else "",
        "mail_failed": mail.has_server() and not mailed,
    }
    return render(request, "management/link.html", context)


@require_POST
@administrators_only
def invitation_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an invitation a new link, for a week."""
    invitation = get_object_or_404(Invitation.objects.open(), pk=pk)
    token = invitation.renew(days=7)
    AuditEntry.record(Action.INVITATION_RESENT, request=request, subject=invitation.email)
    return show_invitation(request, invitation, token)


@require_POST
@administrators_only
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the link of an invitation from working."""
    invitation = get_object_or_404(Invitation.objects.open(), pk=pk)
    if invitation.withdraw():
        AuditEntry.record(Action.INVITATION_WITHDRAWN, request=request, subject=invitation.email)
        messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("people")


@require_POST
@administrators_only
def person_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a person an administrator of the team, or no longer."""
    somebody = get_object_or_404(User, pk=pk)
    is_administrator = request.POST.get("administrator") == "yes"
    try:
        somebody.set_administrator(is_administrator)
    except LastAdministrator as error:
        messages.error(request, str(error))
        return redirect("person", pk)
    AuditEntry.record(
        Action.ROLE_CHANGED, request=request, subject=somebody.email, administrator=is_administrator
    )
    words = "is an administrator now" if is_administrator else "is no longer an administrator"
    messages.success(request, f"{somebody} {words}.")
    if somebody == request.user and not is_administrator:
        return redirect("account")
    return redirect("person", pk)


@require_POST
@administrators_only
def person_active(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate a person, or let them sign in again."""
    somebody = get_object_or_404(User, pk=pk)
    is_active = request.POST.get("active") == "yes"
    try:
        somebody.set_active(is_active)
    except (LastAdministrator, LastOwner) as error:
        messages.error(request, str(error))
        return redirect("person", pk)
    action = Action.PERSON_REACTIVATED if is_active else Action.PERSON_DEACTIVATED
    AuditEntry.record(action, request=request, subject=somebody.email)
    words = "can sign in again" if is_active else "is deactivated. Sessions and tokens have ended"
    messages.success(request, f"{somebody} {words}.")
    return redirect("person", pk)


@require_POST
@administrators_only
def person_password_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a link with which a person sets a new password, once."""
    somebody = get_object_or_404(User, pk=pk, is_active=True)
    generator: PasswordResetTokenGenerator = default_token_generator
    key = {"uidb36": user_pk_to_url_str(somebody), "key": generator.make_token(somebody)}
    link = request.build_absolute_uri(reverse("account_reset_password_from_key", kwargs=key))
    AuditEntry.record(Action.PASSWORD_LINK_CREATED, request=request, subject=somebody.email)
    context = {
        "title": f"New password for {somebody}",
        "link": link,
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
    }
    return render(request, "management/link.html", context)
