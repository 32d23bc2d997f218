"""Django's errors in the forms of docs/contract.md, 3."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from engine.exchange import exchange_of
from engine.models import Key, Member, Project
from engine.wire.errors import ApiError, bad_request, internal_error, invalid_credentials, not_found


class ErrorForms(MiddlewareMixin):
    """Turn the ``ApiError`` of a view into its response; every response states its length."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Key.DoesNotExist | Member.DoesNotExist | Project.DoesNotExist):
            # The caller's own were deleted between the gate and the view.
            error = invalid_credentials()
        return respond(request, error) if isinstance(error, ApiError) else None

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if isinstance(response, HttpResponse):
            response["Content-Length"] = str(len(response.content))
        return response


def respond(request: HttpRequest, error: ApiError) -> HttpResponse:
    response = HttpResponse(
        error.body(exchange_of(request.scope).request.request_id),  # type: ignore[attr-defined]
        content_type=error.content_type,
        status=error.status,
    )
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def respond_bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, bad_request("Bad Request: the request could not be read."))


def respond_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, not_found("path"))


def respond_failure(request: HttpRequest) -> HttpResponse:
    return respond(request, internal_error())
