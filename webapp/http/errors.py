"""Error pages: one look, a sentence that says what to do, and the id of the request."""

import logging
import sys
from types import FrameType
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.debug import SafeExceptionReporterFilter

from webapp.http.failures import failure_of
from webapp.signin import resuming

logger = logging.getLogger(__name__)

# Title and text of a page by its status.
PAGES = {
    400: (
        "This request could not be read",
        "Go back, load the page again and repeat what you did.",
    ),
    403: ("Permission denied", "Ask an administrator of the project for the permission."),
    404: (
        "Page not found",
        "It may have been deleted, or it belongs to a project that you are not in.",
    ),
    405: (
        "This address is not a page",
        "This address only accepts forms. Open the page with the form.",
    ),
    408: ("The request did not arrive in time", "Check your connection, then send it again."),
    413: ("This request is too large", "Upload recordings on the upload page."),
    429: ("Too many attempts", "Wait a moment, then try again."),
    500: (
        "The server failed on this page",
        "Your recordings are safe. Load the page again. If it fails again, give the request id "
        "to an administrator: the log of the server has the cause.",
    ),
    503: (
        "The server is busy",
        "Nothing was changed, and your recordings are safe. Try again in a moment.",
    ),
    507: (
        "The disk of the server is full",
        "Nothing was changed, and your recordings are safe. Delete what is no longer needed, or "
        "ask an administrator for more space.",
    ),
}
NOT_CHANGED = (
    "Nothing was changed",
    "It may have been deleted, or your role in its project does not allow this.",
)
EXPIRED = (
    "This page has expired",
    "You signed in or out since it was opened. Go back, load the page again and send the form "
    "once more.",
)


class WithoutValues(SafeExceptionReporterFilter):
    """Reports of exceptions, also Django's debug pages, without values of forms and variables.

    A form has passwords and keys of servers, and so have the variables of the frames below it.
    """

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> Any:
        if request is None:
            return {}
        return dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> Any:
        return [(name, self.cleansed_substitute) for name in tb_frame.f_locals]


def id_of(request: HttpRequest) -> str:
    """The id of a request; nothing before the middleware has given it one."""
    return getattr(request, "request_id", "")


def error_page(
    request: HttpRequest, status: int, words: tuple[str, str] | None = None
) -> HttpResponse:
    """An error in the form that the caller reads: a page, or JSON with ``error``.

    Reads neither the body nor the query of the request, which may be what is wrong with it.
    """
    known = PAGES.get(status) or PAGES[400 if status < 500 else 500]
    title, text = words or known
    if not wants_page(request):
        facts = {"error": f"{title}. {text}", "request_id": id_of(request)}
        # The page can be loaded again and the change sent once more.
        expired = {"expired": True} if words is EXPIRED else {}
        return JsonResponse(facts | expired, status=status)
    context: dict[str, Any] = {"title": title, "text": text, "request_id": id_of(request)}
    if status < 500:
        opens_connection = connection.connection is None
        try:
            return HttpResponse(render_to_string("error.html", context, request), status=status)
        except Exception:
            # The frame around the page reads the database.
            logger.exception("request_id=%s the error page failed", id_of(request))
        finally:
            # Django renders the page of an exception in a thread of the event loop's pool,
            # and the end of the request closes the connection of the request's thread alone.
            if opens_connection:
                connection.close()
    return HttpResponse(render_to_string("error_alone.html", context), status=status)


def early_page(status: int, text: str, request_id: str) -> bytes:
    """The page of an error that is sent before Django has seen the request."""
    title, _ = PAGES.get(status) or PAGES[400 if status < 500 else 500]
    context = {"title": title, "text": text, "request_id": request_id}
    return render_to_string("error_alone.html", context).encode()


def wants_page(request: HttpRequest) -> bool:
    """Return whether a browser shows the response, rather than a script reading it."""
    if "Tus-Resumable" in request.headers or "HX-Request" in request.headers:
        return False
    accepted = request.headers.get("Accept", "*/*")
    return request.content_type != "application/json" and (
        "text/html" in accepted or "*/*" in accepted
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    reads = request.method in ("GET", "HEAD")
    return error_page(request, 404, None if reads else NOT_CHANGED)


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to an exception that no view has handled, which is the one being handled now."""
    failure = failure_of(sys.exc_info()[1])
    if failure is None:
        return error_page(request, 500)
    page = error_page(request, failure.status)
    page.headers["Retry-After"] = str(failure.retry_after)
    page.headers["Cache-Control"] = "no-store"
    return page


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form once more when a page of ours sent it, to be confirmed; else an error."""
    unsent = resuming.unsent_form(request)
    is_ours = resuming.page_of(request) != "/" and request.user.is_authenticated
    if unsent is not None and is_ours:
        return resuming.offer(request, unsent, 403)
    return error_page(request, 403, EXPIRED)
