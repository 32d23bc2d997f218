"""Asynchronous mode: the response is sent to the callback URL later (docs/contract.md, 5.5).

A job is a row and a file, both on disk before the caller gets the request id, so that a restart
loses nothing. The work is done once: its result, its record and the end of the work are one
transaction. Deliveries are tried eleven times, 30 s apart, then dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
from django.conf import settings
from django.db import transaction

from engine.accounts.ledger import record
from engine.env import Environment
from engine.exchange import ApiRequest, ApiResponse, Body, Caller, Exchange, Outcome, Usage
from engine.inference import listen as transcription
from engine.inference import read as reading
from engine.inference import speak as speaking
from engine.inference.fetch import Unreachable, check_callback, open_url
from engine.models import CallbackJob
from engine.runtime.database import in_database
from engine.wire.errors import ApiError, LegacyError, internal_error, too_many_requests
from engine.wire.responses import Accepted
from engine.wire.shapes import encode

logger = logging.getLogger("engine.inference.callbacks")

MOST_RETRIES = 10
MOST_WAITING = 1_000  # jobs of one project; each holds a file
_RENEW_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_JOBS_AT_ONCE = 8


class Work(Protocol):
    """Work of listen, read and speak that can run for a callback."""

    def check(self, request: ApiRequest) -> Any: ...

    async def respond(self, request: ApiRequest, plan: Any) -> ApiResponse: ...


WORK: dict[str, Work] = {"listen": transcription, "read": reading, "speak": speaking}


async def defer(request: ApiRequest, options: Any) -> Accepted:
    """Store ``request`` as a job and return the response for now. Raises ``ApiError``."""
    environment: Environment = settings.ENVIRONMENT
    await check_callback(options.callback, environment.reach)
    if await in_database(_is_full, request.caller.project_id):
        raise too_many_requests()
    body = request.body
    job = CallbackJob(
        request_id=request.request_id,
        project_id=request.caller.project_id,
        accessor=request.caller.api_key_id,
        created=request.created,
        kind=request.kind,
        path=request.path,
        query=request.query,
        content_type=request.content_type,
        size_bytes=body.size,
        sha256=body.sha256,
        tags=list(request.caller.tags),
        url=options.callback,
        http_method=options.callback_method,
        due=request.created,
    )
    await asyncio.to_thread(_keep, body, job.body_file(environment.jobs))
    # Not `save`, which would update the row of a request id that exists.
    await in_database(job.save, force_insert=True)
    return Accepted(request_id=request.request_id)


class Deliveries:
    """Does the jobs that are due, as many as there are places."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._jobs = environment.jobs
        self._retry_pause = timedelta(seconds=environment.callback_retry_seconds)
        self._under_way: set[asyncio.Task[None]] = set()

    async def prepare(self) -> None:
        """To be done before any call is let in."""
        await in_database(CallbackJob.objects.free_leases_ahead)
        await in_database(_remove_orphans, self._environment)

    async def run(self) -> None:
        """Look for due jobs until cancelled."""
        try:
            while True:
                try:
                    await self._start_due()
                except Exception:
                    logger.exception("looking for callbacks failed")
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            tasks = list(self._under_way)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self) -> None:
        places = _JOBS_AT_ONCE - len(self._under_way)
        for job in await in_database(self._claim, places) if places else ():
            task = asyncio.create_task(self._do(job))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _claim(self, places: int) -> list[CallbackJob]:
        return CallbackJob.objects.claim_due(
            places, self._retry_pause, lambda job: job.body_file(self._jobs).exists()
        )

    async def _do(self, job: CallbackJob) -> None:
        try:
            async with _leased(job):
                if not job.result_type:
                    await self._work(job)
                await self._deliver(job)
        except Exception:
            # The lease runs out and the job is tried again.
            logger.exception("request_id=%s callback failed", job.request_id)

    async def _work(self, job: CallbackJob) -> None:
        """Do the requested work and store the result."""
        request, status = _request_of(job, self._jobs), 200
        work = WORK[job.kind]
        try:
            response = await work.respond(request, work.check(request))
        except ApiError as error:
            response, status = _failed(request, error), error.status
        except Exception:
            logger.exception("request_id=%s failed", job.request_id)
            failure = internal_error()
            response, status = _failed(request, failure), failure.status
        job.result_type = response.content_type
        job.result_headers = dict(response.headers)
        await asyncio.to_thread(_write, job.result_file(self._jobs), response.content)
        outcome = Outcome(status, response.usage, callback=job.url)
        await in_database(_finish_work, job, Exchange(request, outcome))

    async def _deliver(self, job: CallbackJob) -> None:
        content = await asyncio.to_thread(job.result_file(self._jobs).read_bytes)
        headers = job.result_headers | {
            "content-type": job.result_type,
            "dg-token": str(job.accessor),
            "dg-request-id": str(job.request_id),
        }
        try:
            async with open_url(
                job.http_method,
                httpx.URL(job.url),
                self._environment.reach,
                content=content,
                headers=headers,
            ) as response:
                problem = "" if response.is_success else f"status {response.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, Unreachable) as error:
            problem = f"{type(error).__name__}"
        if not problem:
            logger.info("request_id=%s delivered", job.request_id)
        elif job.attempts < MOST_RETRIES:
            logger.info("request_id=%s not delivered: %s", job.request_id, problem)
            await in_database(job.postpone, self._retry_pause)
            return
        else:
            logger.warning("request_id=%s callback failed for good: %s", job.request_id, problem)
        files = [job.body_file(self._jobs), job.result_file(self._jobs)]
        await in_database(job.delete)
        await asyncio.to_thread(_remove, files)


@asynccontextmanager
async def _leased(job: CallbackJob) -> AsyncIterator[None]:
    """Keep the lease of ``job`` while the block runs."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            await in_database(job.renew)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


def _is_full(project_id: str) -> bool:
    return CallbackJob.objects.filter(project_id=project_id).count() >= MOST_WAITING


def _keep(body: Body, path: Path) -> None:
    """Move what was sent to where it outlives a restart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if body.path is None:
        _write(path, body.data)
        return
    with body.path.open("rb") as file:
        os.fsync(file.fileno())
    body.path.rename(path)


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove_orphans(environment: Environment) -> None:
    """Delete the files of jobs that are over: a kill can fall between a row and its files."""
    environment.jobs.mkdir(parents=True, exist_ok=True)
    known = {str(key) for key in CallbackJob.objects.values_list("pk", flat=True)}
    for file in environment.jobs.iterdir():
        if file.stem not in known:
            file.unlink(missing_ok=True)


def _finish_work(job: CallbackJob, exchange: Exchange) -> None:
    with transaction.atomic():
        job.save(update_fields=["result_type", "result_headers"])
        record([exchange])


def _request_of(job: CallbackJob, folder: Path) -> ApiRequest:
    """Return the request as it was sent."""
    path = job.body_file(folder)
    is_audio = job.kind == "listen" and job.content_type != "application/json"
    return ApiRequest(
        job.path,
        job.query,
        kind=job.kind,
        processing_method="async",
        request_id=str(job.request_id),
        created=job.created,
        key_holder=Caller(
            api_key_id=job.accessor,
            project_id=job.project_id,
            member_id=job.accessor,
            scopes=(),
            member_scopes=(),
            tags=tuple(job.tags),
            expires=None,
        ),
        content_type=job.content_type,
        body=(
            Body(job.size_bytes, job.sha256, path=path)
            if is_audio
            else Body(job.size_bytes, job.sha256, data=path.read_bytes())
        ),
    )


def _failed(request: ApiRequest, error: ApiError) -> ApiResponse:
    """Return the body that a callback receives for failed work: the legacy error form."""
    body = LegacyError(err_code=error.code, err_msg=error.message, request_id=request.request_id)
    return ApiResponse(encode(body), Usage())
