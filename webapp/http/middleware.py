"""Middleware: the request's id, what every response carries, and errors as pages."""

import uuid
from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url

from webapp.http.bodies import ID_HEADER, REQUEST_ID
from webapp.http.errors import error_page, id_of
from webapp.signin import resuming
from webapp.views import sign_in_to_resume

Respond = Callable[[HttpRequest], HttpResponse]

# No inline script, no other origin: transcripts are text from outside and stay text.
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def request_id(get_response: Respond) -> Respond:
    """Give each request its id, and each response a header with it."""

    def respond(request: HttpRequest) -> HttpResponse:
        scope = getattr(request, "scope", {})
        request.request_id = scope.get(REQUEST_ID) or str(uuid.uuid4())  # type: ignore[attr-defined]
        response = get_response(request)
        response.headers[ID_HEADER.decode()] = id_of(request)
        return response

    return respond


def content_security_policy(get_response: Respond) -> Respond:
    """Add the Content-Security-Policy header to every response that has none."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return respond


def errors_as_pages(get_response: Respond) -> Respond:
    """Show a page instead of an error without content, such as 405."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code >= 400 and not response.streaming and not response.content:
            page = error_page(request, response.status_code)
            # The length is that of the response without content.
            for name, value in response.items():
                if name != "Content-Length":
                    page.headers.setdefault(name, value)
            return page
        return response

    return respond


def private_responses(get_response: Respond) -> Respond:
    """Keep what somebody who signed in received out of caches: it would outlive the sign-out."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_stored = "no-store" not in response.get("Cache-Control", "")
        if is_stored and request.session.accessed and request.user.is_authenticated:
            response["Cache-Control"] = "private, no-store"
        return response

    return respond


class SignInRequired(LoginRequiredMiddleware):
    """Send strangers to the sign-in page, which keeps a form that a lapsed session sent."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        unsent = resuming.unsent_form(request)
        if unsent is not None:
            return sign_in_to_resume(request, unsent)
        # Not to the address itself, which is no page.
        return redirect_to_login(
            resuming.page_of(request), resolve_url(self.get_login_url(view_func))
        )
