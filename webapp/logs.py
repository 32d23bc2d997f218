"""Log lines about requests: the request's id, and no traceback for what a caller sent."""

import logging


class RequestFilter(logging.Filter):
    """Name the request by its id; a rejected request takes one line.

    Django logs a host, an address or a form that it rejects with a traceback, as an error.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if request_id := getattr(getattr(record, "request", None), "request_id", ""):
            record.msg, record.args = f"request_id={request_id} {record.getMessage()}", ()
        is_callers = record.name == "django.request" and record.levelno < logging.ERROR
        if is_callers or record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
            record.msg, record.args = record.getMessage().replace("\n", " "), ()
        return True
