"""The account page of the signed-in person."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from management.access import person
from management.forms import ProfileForm
from management.models import User


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The person's name and how dates and colours look for them."""
    user = person(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("account")
    if form.errors:
        user.refresh_from_db()  # the rail shows the stored name
    status = 422 if form.errors else 200
    return render(request, "management/account.html", {"form": form}, status=status)


@require_POST
def account_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme that was chosen in the rail's menu."""
    theme = request.POST.get("theme", "")
    if theme in User.Theme.values:
        User.objects.filter(pk=person(request).pk).update(theme=theme)
    return HttpResponse(status=204)
