"""Test of a speech server's addresses and key before they are saved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from management.models import Connection
from management.servers.speech import PROBE_SECONDS, speech_client
from speechclient import SpeechError, Timeouts

Response = TypeVar("Response")

TEST_SECONDS = 2 * PROBE_SECONDS
HOSTED = "https://api.deepgram.com"
# Regions of Deepgram: speech and agent addresses. Management is in one place for all of them:
# docs/contract.md, 1.1.
REGIONS = {
    "": ("Global", HOSTED, "https://agent.deepgram.com"),
    "eu": ("European Union", "https://api.eu.deepgram.com", "https://api.eu.deepgram.com"),
    "au": ("Australia", "https://api.au.deepgram.com", "https://api.au.deepgram.com"),
    "in": ("India", "https://api.in.deepgram.com", "https://api.in.deepgram.com"),
}


class Unusable(Exception):
    """A server that cannot be used; ``field`` is the one that people have to correct."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Tested:
    """The account that a key opens."""

    projects: int
    scopes: tuple[str, ...]


def test_server(connection: Connection) -> Tested:
    """Read the projects at the management address and the models at the speech address.

    Raises ``Unusable``.
    """
    limits = Timeouts(
        connect_seconds=TEST_SECONDS, response_seconds=TEST_SECONDS, body_seconds=TEST_SECONDS
    )
    try:
        with speech_client(connection, limits) as client:
            projects = read("management_url", client.projects)
            read("base_url", client.models)
            try:
                scopes = client.key().scopes
            except SpeechError:  # not every server describes its keys
                scopes = ()
    except ValueError as error:
        field = "key" if "API key" in str(error) else "base_url"
        raise Unusable(field, f"{str(error)[0].upper()}{str(error)[1:]}.") from error
    if not projects:
        raise Unusable("key", "The key is accepted, and opens no project.")
    return Tested(len(projects), scopes)


def read(field: str, call: Callable[[], Response]) -> Response:
    try:
        return call()
    except SpeechError as error:
        raise Unusable(*blame(field, error)) from error


def blame(field: str, error: SpeechError) -> tuple[str, str]:
    """Return the field that has to be corrected, and the sentence about it."""
    tail = f" Request id: {error.request_id}." if error.request_id else ""
    text = str(error).rstrip(".")
    if error.status == 401:
        return "key", f"The server does not accept this key (401): {text}.{tail}"
    if error.status == 403:
        return "key", f"The key may not list projects (403): {text}.{tail}"
    if error.status == 404:
        return field, f"There is no such interface at this address (404): {text}.{tail}"
    return field, f"The server does not respond as expected: {text}.{tail}"
