"""API tokens of the signed-in person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from management.access import person
from management.forms import TokenForm
from management.models import Action, AuditEntry


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_create(request: HttpRequest) -> HttpResponse:
    """Make a token. Its text is in the response, once."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        token, text = form.save(person(request))
        scope = "read and write" if token.may_write else "read"
        AuditEntry.record(
            Action.TOKEN_CREATED,
            request=request,
            subject=token.name,
            prefix=token.prefix,
            scope=scope,
        )
        home = request.build_absolute_uri("/").rstrip("/")
        context = {"token": token, "text": text, "home": home}
        return render(request, "management/token.html", context)
    status = 422 if form.errors else 200
    return render(request, "management/token_form.html", {"form": form}, status=status)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a token from working, at once."""
    token = get_object_or_404(person(request).tokens, pk=pk)
    token.delete()
    AuditEntry.record(
        Action.TOKEN_REVOKED, request=request, subject=token.name, prefix=token.prefix
    )
    messages.success(request, f"The API token {token.name} no longer works.")
    return redirect("account")
