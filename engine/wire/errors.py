"""Every error of docs/contract.md, 3, in its literal form."""

from __future__ import annotations

from enum import Enum

from engine.wire.shapes import UNSET, Omittable, Shape, Uuid, encode


class Form(Enum):
    """Form of an error body (docs/contract.md, 3.1)."""

    LEGACY = "legacy"
    BARE = "legacy without a request id"
    MODERN = "modern"
    TEXT = "text"


class LegacyError(Shape):
    """The usual form; an error about a project has no request id."""

    err_code: str
    err_msg: str
    request_id: Omittable[Uuid] = UNSET
    error_code: Omittable[str] = UNSET  # with 503: the documentation prints it so


class ModernError(Shape):
    """The form of management and JSON bodies."""

    category: str
    message: str
    details: str | None
    request_id: Uuid


class ApiError(Exception):
    """A response other than success; ``code`` is ``err_code``, in the modern form ``category``."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        form: Form = Form.LEGACY,
        details: str = "",
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.form = form
        self.details = details
        self.retry_after = retry_after

    @property
    def content_type(self) -> str:
        return "text/plain; charset=utf-8" if self.form is Form.TEXT else "application/json"

    def body(self, request_id: str) -> bytes:
        """The body as it goes over the wire."""
        if self.form is Form.TEXT:
            return self.message.encode()
        if self.form is Form.MODERN:
            return encode(
                ModernError(
                    category=self.code,
                    message=self.message,
                    details=self.details,
                    request_id=request_id,
                )
            )
        return encode(
            LegacyError(
                err_code=self.code,
                err_msg=self.message,
                request_id=UNSET if self.form is Form.BARE else request_id,
                error_code=self.code if self.status == 503 else UNSET,
            )
        )


def bad_request(message: str) -> ApiError:
    """The 400 of listen."""
    return ApiError(400, "Bad Request", message)


def corrupt_audio() -> ApiError:
    return bad_request("Bad Request: failed to process audio: corrupt or unsupported data")


def unknown_model() -> ApiError:
    return bad_request("Bad Request: No such model/language/tier combination found.")


def no_access_to_model() -> ApiError:
    """The error of a strict engine for a model that does not exist (docs/contract.md, 3.3)."""
    return ApiError(
        403, "INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."
    )


def unsupported_audio_format(message: str) -> ApiError:
    """An encoding, container, rate and bit rate of speech that do not go together."""
    return ApiError(400, "UNSUPPORTED_AUDIO_FORMAT", message)


def bad_query(message: str) -> ApiError:
    return ApiError(400, "INVALID_QUERY_PARAMETER", message)


def undeserialized_query(problem: str) -> ApiError:
    return bad_query(f"Failed to deserialize query parameters: {problem}")


def bad_payload(message: str) -> ApiError:
    return ApiError(400, "PAYLOAD_ERROR", message)


def bad_json(details: str) -> ApiError:
    return ApiError(
        400, "INVALID_JSON", "Invalid JSON submitted.", form=Form.MODERN, details=details
    )


def bad_remote_content(message: str) -> ApiError:
    return ApiError(400, "REMOTE_CONTENT_ERROR", message)


def token_limit_exceeded(limit: int) -> ApiError:
    return ApiError(
        400, "TOKEN_LIMIT_EXCEEDED", f"The input has more than {limit:,} tokens; send less text."
    )


def no_text() -> ApiError:
    return bad_payload("Input text contains no characters.")


def no_sound(voice: str) -> ApiError:
    return bad_payload(f"Input text contains no characters that the voice {voice} can say.")


def text_or_url() -> ApiError:
    return bad_payload(
        "Failed to deserialize JSON payload. Please specify exactly one of `text` or `url` in the "
        "JSON body."
    )


def text_too_long(limit: int) -> ApiError:
    return ApiError(
        413,
        "Payload Too Large",
        f"Input text exceeds maximum character limit of {limit}.",
    )


def invalid_credentials() -> ApiError:
    return ApiError(401, "INVALID_AUTH", "Invalid credentials.")


def insufficient_scope() -> ApiError:
    return ApiError(401, "INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions.")


def no_credit() -> ApiError:
    return ApiError(
        402,
        "ASR_PAYMENT_REQUIRED",
        "Project does not have enough credits for an ASR request and does not have an overage "
        "agreement.",
    )


def forbidden() -> ApiError:
    return ApiError(403, "FORBIDDEN", "Insufficient permissions.")


def project_not_found() -> ApiError:
    return ApiError(404, "PROJECT_NOT_FOUND", "Project not found.", form=Form.BARE)


def malformed_project_id(problem: str) -> ApiError:
    return ApiError(404, "", f"UUID parsing failed: {problem}", form=Form.TEXT)


def not_found(what: str) -> ApiError:
    """``what`` is the thing's name in lower case: ``api key``."""
    code = what.upper().replace(" ", "_")
    return ApiError(404, f"{code}_NOT_FOUND", f"{what.capitalize()} not found.")


def method_not_allowed() -> ApiError:
    return ApiError(405, "METHOD_NOT_ALLOWED", "Method not allowed.")


def too_slow() -> ApiError:
    return ApiError(408, "REQUEST_TIMEOUT", "The request body did not arrive in time.")


def address_too_long(limit: int) -> ApiError:
    return ApiError(414, "URI_TOO_LONG", f"The path and query have more than {limit:,} bytes.")


def listen_too_large(limit: int) -> ApiError:
    size = f"{limit / 1_000_000_000:g} GB"
    return ApiError(413, "PAYLOAD_TOO_LARGE", f"Payload size exceeds limit of {size}.")


def payload_too_large() -> ApiError:
    return ApiError(413, "PAYLOAD_TOO_LARGE", "Payload size exceeds limit of 2 MB.")


def unsupported_media_type(content_type: str) -> ApiError:
    return ApiError(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        f"Unsupported content type {content_type!r}: send application/json.",
    )


def truncated() -> ApiError:
    return ApiError(422, "ASR_UNPROCESSABLE_ENTITY", "Unable to read the entire client request.")


def too_many_requests() -> ApiError:
    return ApiError(
        429,
        "TOO_MANY_REQUESTS",
        "Too many requests. Please try again later",
        retry_after=1,
    )


def too_much_speech() -> ApiError:
    return ApiError(429, "Too Many Requests", "Please try again later.", retry_after=1)


def internal_error() -> ApiError:
    return ApiError(500, "INTERNAL_SERVER_ERROR", "Internal server error.")


def no_room() -> ApiError:
    message = "The disk of the server is full."
    return ApiError(507, "Insufficient Storage", message, retry_after=60)


def unavailable() -> ApiError:
    return ApiError(503, "Service Unavailable", "Service Unavailable", retry_after=1)


def decoder_lost() -> ApiError:
    return ApiError(
        503,
        "DECODER_LOST",
        "The decoder was stopped while it read this audio.",
        retry_after=1,
    )


def gateway_timeout() -> ApiError:
    return ApiError(504, "GATEWAY_TIMEOUT", "Processing took longer than the limit.")
