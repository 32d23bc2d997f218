"""The engine responds to any request as its documentation says, and never with a failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.scopes import KNOWN, ROLES, grants, grants_all
from engine.wire.errors import ApiError
from engine.wire.options import FluxSpeakOptions, ListenOptions, ReadOptions, SpeakOptions
from engine.wire.payloads import read_object
from engine.wire.query import read_options
from tests.engine.rest.conftest import Engine, start_engine

pytestmark = pytest.mark.full

# A call each; EARSHOT_CASES=200 makes some ten thousand over all operations.
CASES = int(os.environ.get("EARSHOT_CASES", "5"))
# A key that may do all but end the project it is used in.
SCOPES = [
    "usage:read",
    "usage:write",
    "project:read",
    "project:write",
    "keys:read",
    "keys:write",
    "members:read",
    "billing:read",
]


@pytest.fixture(scope="module")
def surface(tmp_path_factory):
    """An engine of its own, whose content may become anything."""
    running = start_engine(tmp_path_factory.mktemp("surface"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def api(surface: Engine):
    with surface.http() as http:
        made = http.post(
            f"/v1/projects/{surface.project_id}/keys",
            json={"comment": "properties", "scopes": SCOPES},
        ).json()
    schema = schemathesis.openapi.from_url(f"{surface.url}/openapi.json")
    schema.config.update(base_url=surface.url)
    return schema, made["key"], surface.project_id


def test_no_call_makes_the_engine_fail(api):
    documented, key, project_id = api
    for result in documented.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
        def hold(case):
            if "project_id" in case.path_parameters:
                case.path_parameters["project_id"] = project_id
            response = case.call(headers={"authorization": f"Token {key}"}, timeout=120)
            assert response.status_code < 500, f"{case.as_curl_command()}\n{response.text}"
            assert response.headers["dg-request-id"]

        hold()


def status_of(read: Callable[..., object], *arguments: object) -> int:
    try:
        read(*arguments)
    except ApiError as rejection:
        return rejection.status
    return 200


@given(
    some.dictionaries(some.text(max_size=20), some.text(max_size=50), max_size=8),
    some.sampled_from([ListenOptions, ReadOptions, SpeakOptions, FluxSpeakOptions]),
)
def test_any_query_is_read_or_rejected(parameters, kind):
    query = urlencode(parameters, errors="replace")
    assert status_of(read_options, kind, query) in (200, 400)


@given(some.sampled_from(sorted(ListenOptions.__dataclass_fields__)), some.text(max_size=40))
def test_any_value_of_a_parameter_is_read_or_rejected(name, value):
    assert status_of(read_options, ListenOptions, f"{name}={value}") in (200, 400)


@given(some.binary(max_size=200))
def test_any_body_is_an_object_or_rejected(body):
    assert status_of(read_object, body) in (200, 400)


@given(some.sampled_from(sorted(KNOWN)), some.sampled_from(sorted(KNOWN - ROLES.keys())))
def test_nobody_can_hand_out_a_scope_they_lack(held, wanted):
    assert grants_all([held], [wanted]) == grants([held], wanted)
    if grants([held], wanted):
        assert held in ROLES or wanted.split(":")[0] == held.split(":")[0]
