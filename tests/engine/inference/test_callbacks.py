"""Requests with a callback, in process: stored at once, delivered later, never lost."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone

from engine.env import Environment, read_environment
from engine.inference.callbacks import MOST_RETRIES, MOST_WAITING, Deliveries
from engine.models import CallbackJob, Request
from tests.engine.inprocess import Inside, error

PUBLIC = "http://8.8.8.8/done"  # never called here
BODY = {"text": "All is well."}


async def defer(inside: Inside, callback: str = PUBLIC, **facts: Any) -> httpx.Response:
    query = {"sentiment": "true", "callback": callback} | facts.pop("query", {})
    return await inside.post("/v1/read", params=query, json=BODY, **facts)


async def wait_until_no_job_is_due(environment: Environment) -> None:
    """Run the deliveries until no job is due any more."""
    running = asyncio.create_task(Deliveries(environment).run())
    while await CallbackJob.objects.filter(due__lte=timezone.now()).aexists():
        done, _ = await asyncio.wait({running}, timeout=0.05)
        assert not done
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def environment(settings: Any, tmp_path: Path) -> Environment:
    """An engine that may call its own network, where nobody listens on port 9."""
    values = {"EARSHOT_DATA": str(tmp_path), "ENGINE_FETCH_PRIVATE_HOSTS": "true"}
    settings.ENVIRONMENT = made = read_environment(values)
    return made


async def test_the_response_is_the_id_of_a_stored_job(inside: Inside, environment: Environment):
    response = await defer(inside, query={"callback_method": "put", "tag": "lab"})
    assert response.json().keys() == {"request_id"}
    job = await CallbackJob.objects.aget()
    assert str(job.pk) == response.json()["request_id"]
    assert (job.kind, job.url, job.http_method) == ("read", PUBLIC, "PUT")
    assert job.body_file(environment.jobs).read_bytes() == response.request.content
    assert not await Request.objects.filter(code=200).aexists()  # recorded when it is done


@pytest.mark.parametrize("callback", ["here", "ftp://8.8.8.8/", "http://", "http://no.invalid/"])
async def test_a_callback_that_cannot_be_called_is_rejected(inside: Inside, callback: str):
    response = await defer(inside, callback)
    assert error(response) == (400, "INVALID_QUERY_PARAMETER")
    assert response.json()["err_msg"] == "Invalid callback url."
    assert not await CallbackJob.objects.aexists()


async def test_a_project_has_so_many_jobs(inside: Inside):
    facts = {"accessor": uuid.uuid4(), "created": timezone.now(), "due": timezone.now()}
    await CallbackJob.objects.abulk_create(
        CallbackJob(
            request_id=uuid.uuid4(), project_id=inside.ada.project.pk, kind="read",
            path="/v1/read", size_bytes=0, url=PUBLIC, **facts,
        )
        for _ in range(MOST_WAITING)
    )  # fmt: skip
    assert (await defer(inside)).status_code == 429
    assert (await defer(inside, as_=inside.eve)).status_code == 200


async def test_a_callback_that_does_not_respond_is_called_again_later(
    inside: Inside, environment: Environment
):
    await defer(inside, "http://127.0.0.1:9/")
    await wait_until_no_job_is_due(environment)
    job = await CallbackJob.objects.aget()
    assert (job.attempts, job.result_type) == (1, "application/json")
    assert job.due > timezone.now()
    assert job.result_file(environment.jobs).exists()


async def test_the_work_is_recorded_once_with_its_outcome(inside: Inside, environment: Environment):
    response = await defer(inside, "http://127.0.0.1:9/", query={"sentiment": "true"})
    await wait_until_no_job_is_due(environment)
    await CallbackJob.objects.aupdate(due=timezone.now())
    await wait_until_no_job_is_due(environment)
    row = await Request.objects.aget()
    assert (str(row.pk), row.code) == (response.json()["request_id"], 200)
    assert row.details["method"] == "async"
    assert (await CallbackJob.objects.aget()).attempts == 2


async def test_after_the_last_attempt_the_job_and_its_files_are_deleted(
    inside: Inside, environment: Environment
):
    await defer(inside, "http://127.0.0.1:9/")
    await CallbackJob.objects.aupdate(attempts=MOST_RETRIES)
    await wait_until_no_job_is_due(environment)
    assert not await CallbackJob.objects.aexists()
    assert list(environment.jobs.iterdir()) == []


async def test_files_of_jobs_that_are_over_are_deleted_at_the_start(
    inside: Inside, environment: Environment
):
    kept = (await defer(inside)).json()["request_id"]
    (environment.jobs / f"{uuid.uuid4()}.body").write_bytes(b"of a job that is over")
    await Deliveries(environment).prepare()
    assert {file.stem for file in environment.jobs.iterdir()} == {kept}
