"""Forms that came too late, kept until their sender has signed in again.

A session may end while somebody types. The values of the form travel through the sign-in page,
signed, and is sent again when they say so.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
LONGEST = 32 * 1024  # characters, signed
KEPT_SECONDS = 24 * 3600
SALT = "webapp.signin.resuming"
WAITING = "unsent form"
# A form with one of these is not kept: it would be shown, and stored with the session.
SECRETS = ("key", "code", "token")
TOKEN = "csrfmiddlewaretoken"  # noqa: S105 the name of a field


@dataclass(frozen=True)
class Unsent:
    """A form that was not accepted: where it goes, its fields, and the page it was on."""

    path: str
    fields: list[tuple[str, str]]
    page: str

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Return the entered values for display."""
        return [(name, value) for name, value in self.fields if value and name != "next"]

    def sign(self) -> str:
        """The form as a text that only this server can make; nothing when it is too long."""
        facts = {"path": self.path, "fields": self.fields, "page": self.page}
        text = signing.dumps(facts, salt=SALT, compress=True)
        return text if len(text) <= LONGEST else ""


def read(text: str) -> Unsent | None:
    """The form that ``Unsent.sign`` made into ``text``; None for any other text."""
    try:
        facts = signing.loads(text, salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    fields = [(name, value) for name, value in facts["fields"]]
    return Unsent(facts["path"], fields, facts["page"])


def unsent_form(request: HttpRequest) -> Unsent | None:
    """The form that a browser sent with this request; None for what a script of ours sends."""
    navigates = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    is_form = request.method == "POST" and request.content_type in FORMS
    if not is_form or not navigates or "HX-Request" in request.headers:
        return None
    try:
        posted = request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, OSError):
        return None
    fields = [
        (name, str(value)) for name, values in posted.lists() for value in values if name != TOKEN
    ]
    if any(name in SECRETS or "password" in name for name, _ in fields):
        return None
    return Unsent(request.get_full_path(), fields, page_of(request))


def page_of(request: HttpRequest) -> str:
    """The page of ours that sent the request, else the library."""
    referrer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referrer, {request.get_host()}, request.is_secure()):
        return "/"
    parts = urlsplit(referrer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"


def offer(request: HttpRequest, unsent: Unsent, status: int = 200) -> HttpResponse:
    """A page that sends the form again, or drops it."""
    context: dict[str, Any] = {"unsent": unsent}
    return render(request, "webapp/resume.html", context, status=status)


def after_sign_in(request: HttpRequest, response: HttpResponse, unsent: str = "") -> HttpResponse:
    """Offer the form that was kept through the sign-in, once it is complete; else ``response``.

    While a second factor is missing, the form waits in the session.
    """
    if not request.user.is_authenticated:
        request.session[WAITING] = unsent
        return response
    kept = read(unsent or request.session.pop(WAITING, ""))
    return offer(request, kept) if kept else response
