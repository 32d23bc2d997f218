"""The signed-in user and their rights. A denied request is a 404 and recorded."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from management.models import Action, AuditEntry, User

Row = TypeVar("Row", bound=Model)
View = Callable[..., HttpResponseBase]


def person(request: HttpRequest) -> User:
    """Return the signed-in user; only the pages of signing in are open to others."""
    assert isinstance(request.user, User)
    return request.user


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
