"""API keys of the speech account: list, create, rotate, delete."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management.access import get_permitted, person
from management.account_forms import DeleteKeyForm, KeyFilters, NewKeyForm
from management.models import Action, AuditEntry, Key, Project
from management.servers.key_changes import NotChanged, create_key, delete_key, rotate_key
from management.servers.snippets import snippets
from management.views.mirror import chosen_projects, mirror_notes

PAGE_ROWS = 50


@never_cache
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Keys of the projects that the person administers."""
    chosen = chosen_projects(request, administered=True)
    filters = KeyFilters(request.GET)
    listed = filters.narrow(Key.objects.filter(project__among=chosen.shown))
    page = Paginator(listed, PAGE_ROWS).get_page(filters.cleaned_data.get("page"))
    first = PAGE_ROWS * (page.number - 1)
    # Only the rows of the page are joined with others: of thousands it takes four times as long.
    shown = Key.objects.filter(pk__in=listed.values("pk")[first : first + PAGE_ROWS])
    return render(
        request,
        "management/keys.html",
        {
            "chosen": chosen,
            "filters": filters,
            "page": page,
            "keys": shown.select_related(
                "project__connection", "made_by", "replaced_by", "replaces"
            ),
            "notes": mirror_notes(chosen.shown, ["keys"]),
        },
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_create(request: HttpRequest) -> HttpResponse:
    """A new key: its form, then its value, once."""
    user = person(request)
    chosen_projects(request, administered=True)
    form = NewKeyForm(
        request.POST or None, user=user, initial={"project": request.GET.get("project")}
    )
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        project: Project = facts["project"]
        try:
            key, value = create_key(
                project, user, facts["comment"], facts["scopes"], facts["tags"], facts["expiration"]
            )
        except NotChanged as error:
            AuditEntry.record(
                Action.KEY_CHANGE_FAILED, request=request, project=project, error=str(error)
            )
            form.add_error(None, str(error))
        else:
            AuditEntry.record(
                Action.KEY_CREATED, request=request, subject=key.label, project=project,
                key=key.api_key_id, scopes=key.scopes,
            )  # fmt: skip
            return show_value(request, key, value)
    status = 422 if form.errors else 200
    return render(request, "management/key_form.html", {"form": form}, status=status)


@never_cache
@require_POST
def key_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the successor of a key and show its value, once."""
    key = administered_key(request, pk)
    try:
        made, value = rotate_key(key, person(request))
    except NotChanged as error:
        messages.error(request, str(error))
        return redirect("keys")
    AuditEntry.record(
        Action.KEY_ROTATED, request=request, subject=key.label, project=key.project,
        key=key.api_key_id, new_key=made.api_key_id,
    )  # fmt: skip
    return show_value(request, made, value)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a key once its name is typed."""
    key = administered_key(request, pk)
    form = DeleteKeyForm(request.POST or None, key=key)
    if request.method == "POST" and form.is_valid():
        try:
            delete_key(key)
        except NotChanged as error:
            form.add_error(None, str(error))
        else:
            AuditEntry.record(
                Action.KEY_DELETED, request=request, subject=key.label, project=key.project,
                key=key.api_key_id,
            )  # fmt: skip
            messages.success(request, f"The key {key.label} is deleted and no longer accepted.")
            return redirect("keys")
    status = 422 if form.errors else 200
    return render(request, "management/key_delete.html", {"form": form, "key": key}, status=status)


def administered_key(request: HttpRequest, pk: int) -> Key:
    keys = Key.objects.administered_by(person(request)).present()
    key: Key = get_permitted(request, keys.select_related("project__connection"), pk)
    return key


def show_value(request: HttpRequest, key: Key, value: str) -> HttpResponse:
    """The page with the value of a key, which is in this response only."""
    context = {"key": key, "value": value, "snippets": snippets(key.project.connection, value)}
    return render(request, "management/key_value.html", context)
