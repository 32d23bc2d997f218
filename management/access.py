"""The signed-in user and their rights. A denied request is a 404 and recorded."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponseBase

from management.models import Action, AuditEntry, Membership, Project, User

Row = TypeVar("Row", bound=Model)
View = Callable[..., HttpResponseBase]


def person(request: HttpRequest) -> User:
    """Return the signed-in user; only the pages of signing in are open to others."""
    assert isinstance(request.user, User)
    return request.user


def own_projects(request: HttpRequest) -> list[Project]:
    """The projects of the user with ``role``, read once a request: every page lists them."""
    if not hasattr(request, "own_projects"):
        projects = Project.objects.visible_to(person(request)).with_role()
        request.own_projects = list(projects)  # type: ignore[attr-defined]
    found: list[Project] = request.own_projects  # type: ignore[attr-defined]
    return found


def account_projects(request: HttpRequest) -> list[Project]:
    """The projects whose usage the user sees, with their servers and the user's ``role``.

    Their own projects are among them and need no other query.
    """
    user = person(request)
    roles = Membership.objects.filter(project=OuterRef("pk"), user=user).values("role")
    accounted = Project.objects.accounted_to(user).select_related("connection__sync")
    found = list(accounted.annotate(role=Subquery(roles)))
    request.own_projects = [each for each in found if each.role]  # type: ignore[attr-defined]
    return found


def administrators_only(view: View) -> View:
    """Allow ``view`` to administrators of the team; for others it does not exist."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not person(request).is_superuser:
            AuditEntry.record(Action.PERMISSION_DENIED, request=request, subject=request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def get_permitted(request: HttpRequest, permitted: QuerySet[Row], pk: Any) -> Row:
    """Return the row with this key among those that the user may use; else 404.

    A row that exists and is not permitted is recorded in the audit log.
    """
    row = permitted.filter(pk=pk).first()
    if row is not None:
        return row
    if permitted.model._default_manager.filter(pk=pk).exists():
        AuditEntry.record(Action.PERMISSION_DENIED, request=request, subject=request.path)
    raise Http404
