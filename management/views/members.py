"""Members and invites of the speech account."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from management.access import get_permitted, person
from management.account_forms import InviteForm, RoleForm
from management.models import Action, AuditEntry, Invite, Member, Project
from management.servers.account_changes import (
    change_role,
    remove_member,
    send_invite,
    withdraw_invite,
)
from management.servers.key_changes import NotChanged
from management.views.mirror import chosen_projects, mirror_notes

PAGE_ROWS = 50
MOST_INVITES = 500


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    """Members and invites of the projects that the person administers; a form to invite."""
    user = person(request)
    chosen = chosen_projects(request, administered=True, present=True)
    form = InviteForm(request.POST or None, user=user, shown=chosen.shown)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            send_invite(facts["project"], facts["email"], facts["role"])
        except NotChanged as error:
            form.add_error(None, str(error))
        else:
            AuditEntry.record(
                Action.ACCOUNT_INVITED, request=request, subject=facts["email"],
                project=facts["project"], role=facts["role"],
            )  # fmt: skip
            messages.success(request, f"{facts['email']} is invited.")
            return redirect("members")
    listed = Member.objects.present().filter(project__among=chosen.shown).select_related("project")
    invited = Invite.objects.present().filter(project__among=chosen.shown).select_related("project")
    return render(
        request,
        "management/members.html",
        {
            "chosen": chosen,
            "page": Paginator(listed, PAGE_ROWS).get_page(request.GET.get("page")),
            "invites": invited[:MOST_INVITES],
            "form": form,
            "roles": RoleForm.ROLES,
            "notes": mirror_notes(chosen.shown, ["members", "invites"]),
        },
        status=422 if form.errors else 200,
    )


@never_cache
@require_POST
def member_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role for a member."""
    member = administered(request, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing was changed. Choose a role.")
        return redirect("members")
    role = form.cleaned_data["role"]
    return change(
        request, member, lambda: change_role(member, role), Action.ACCOUNT_MEMBER_CHANGED,
        f"{member} is now {role}.", role=role,
    )  # fmt: skip


@never_cache
@require_POST
def member_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a member."""
    member = administered(request, pk)
    return change(
        request, member, lambda: remove_member(member), Action.ACCOUNT_MEMBER_REMOVED,
        f"{member} is removed. Their keys are no longer accepted.",
    )  # fmt: skip


@never_cache
@require_POST
def invite_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw an invite."""
    projects = Project.objects.administered_by(person(request))
    permitted = Invite.objects.present().filter(project__in=projects)
    invite = get_permitted(request, permitted.select_related("project__connection"), pk)
    return change(
        request, invite, lambda: withdraw_invite(invite), Action.ACCOUNT_INVITE_WITHDRAWN,
        f"The invite of {invite} is withdrawn.",
    )  # fmt: skip


def administered(request: HttpRequest, pk: int) -> Member:
    projects = Project.objects.administered_by(person(request))
    permitted = Member.objects.present().filter(project__in=projects)
    member: Member = get_permitted(request, permitted.select_related("project__connection"), pk)
    return member


def change(
    request: HttpRequest,
    row: Member | Invite,
    act: Callable[[], None],
    action: Action,
    sentence: str,
    **details: Any,
) -> HttpResponse:
    """Do ``act`` and record it, or say why the server rejected it."""
    try:
        act()
    except NotChanged as error:
        messages.error(request, str(error))
    else:
        AuditEntry.record(action, request=request, subject=str(row), project=row.project, **details)
        messages.success(request, sentence)
    return redirect("members")
