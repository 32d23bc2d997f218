"""Requests of programs: an API token in place of a session.

``Authorization: Token eap_…`` (or ``Bearer``) reaches what its person reaches on the pages of
recordings, search and uploads. A token that only reads is limited to GET and HEAD. The settings
need a session: no token makes another one or changes who may do what.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from management.models import Token
from management.tokentext import PERSON

SCHEMES = ("token", "bearer")
READING = ("GET", "HEAD", "OPTIONS")
SETTINGS = "/settings/"


def token_in(request: HttpRequest) -> str:
    """Return the text of a token in the request's header; empty when there is none."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    text = text.strip()
    return text if scheme.lower() in SCHEMES and text.startswith(PERSON) else ""


def api_tokens(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Make the person of a token the user of the request; reject a token that is not valid."""

    def respond(request: HttpRequest) -> HttpResponse:
        text = token_in(request)
        if not text:
            return get_response(request)
        token = Token.objects.of(text)
        if token is None:
            return rejected(401, "This API token is not valid: unknown, revoked or expired.")
        if request.path.startswith(SETTINGS):
            return rejected(403, "The settings need a session; sign in with a browser.")
        if request.method not in READING and not token.may_write:
            return rejected(403, "This API token may only read. Make one with the scope write.")
        token.note_use()
        request.user = token.user
        # No browser adds this header by itself: there is nothing to forge.
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        response = get_response(request)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return respond


def rejected(status: int, text: str) -> JsonResponse:
    headers = {"WWW-Authenticate": "Token"} if status == 401 else {}
    return JsonResponse({"error": text}, status=status, headers=headers)
