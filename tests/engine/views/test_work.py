"""Views of listen, read and speak, in process: checks before the work, and its progress."""

from __future__ import annotations

import pytest

from engine.models import Request
from engine.progress import PROGRESS
from engine.runtime.database import in_database
from tests.engine.inprocess import Inside, error, make_holder

PATHS = ["/v1/listen", "/v1/read", "/v1/speak", "/v2/speak"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_without_the_scope_does_no_work(inside: Inside, path: str):
    reader = await in_database(make_holder, inside.ada.project, "ron", "usage:read")
    response = await inside.post(path, json={"text": "Hello."}, as_=reader)
    assert error(response) == (401, "INSUFFICIENT_PERMISSIONS")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_work_is_a_post(inside: Inside, path: str, method: str):
    assert error(await inside.request(method, path)) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", PATHS)
async def test_a_rejected_request_is_recorded_with_its_status(inside: Inside, path: str):
    response = await inside.post(f"{path}?model=no-such-model&topics=perhaps", json={})
    assert response.status_code == 400
    row = await Request.objects.aget()
    assert (row.code, row.path.partition("?")[0]) == (400, path)
    assert str(row.pk) == response.headers["dg-request-id"]


async def test_progress_is_that_of_a_named_recording_of_the_project(inside: Inside):
    path = "/v1/listen/progress/first"
    with PROGRESS.of(str(inside.ada.project.pk), "first") as note:
        assert (await inside.get(path)).json() == {"seconds": 0.0}
        note(12.3456)
        assert (await inside.get(path, as_=inside.bob)).json() == {"seconds": 12.35}
        assert error(await inside.get(path, as_=inside.eve)) == (404, "RECORDING_NOT_FOUND")
    assert error(await inside.get(path)) == (404, "RECORDING_NOT_FOUND")
