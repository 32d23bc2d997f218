"""A disk that is really full: a file system of its own that is filled, and given room again."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.faults.kills import CHUNK, Speech, patiently, wav
from tests.product import Member, Product, until

SIZE_MIB = 700
# What a log may grow by while every request fails.
LOG_LINES = 200
TRIES = 100


def tried(environ: dict[str, str]) -> Iterator[tuple[str, str, float]]:
    """Facts with their outcomes and seconds. Needs the right to mount a file system."""
    started = time.monotonic()
    try:
        with small_disk() as data, Speech() as speech:
            product = Product(data, **environ, **speech.environ)
            product.start()
            try:
                for fact, outcome in fill(product, data):
                    yield fact, outcome, time.monotonic() - started
            finally:
                product.stop()
    except MayNotMount as error:
        yield "a full disk is survived", f"not tried: {error}", 0.0


class MayNotMount(Exception):
    """A file system of its own cannot be mounted here."""


@contextmanager
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="earshot-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", folder]
        try:
            subprocess.run(mount, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = str(getattr(error, "stderr", "") or error).strip()
            raise MayNotMount(f"mounting a file system needs root ({reason})") from error
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def fill(product: Product, data: Path) -> Iterator[tuple[str, str]]:
    member = patiently(product.member)
    recording = stored(member, "00001.wav")
    member.transcript(recording)
    open_upload = member.create_upload("00002.wav", len(wav("00002.wav"))).headers["Location"]
    processes = product.processes()
    filler = data / "filler"
    with filler.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(1024 * 1024))
        except OSError:
            pass
    before = log_lines(product)
    yield verdict("an upload is a 507 with Retry-After", refused(member, "00003.wav"))
    chunk = send(member, open_upload, "00002.wav")
    yield verdict("a chunk is a 507 or stored", chunk.status_code in (200, 507))
    statuses = {rename(member, recording) for _ in range(TRIES)}
    yield verdict(f"a rename is a 507 or done: {statuses}", statuses <= {200, 507})
    ready = member.http.get("/readyz")
    yield verdict(
        "/readyz says so", ready.status_code == 503 and "disk is full" in ready.json()["disk"]
    )
    yield verdict("/healthz serves", member.http.get("/healthz").status_code == 200)
    yield verdict("a page is shown", member.http.get("/").status_code == 200)
    grown = log_lines(product) - before
    yield verdict(f"the log is not flooded ({grown} lines)", grown < LOG_LINES)
    yield verdict("no process died", product.processes() == processes)
    filler.unlink()
    until(lambda: rename(member, recording) == 200, 60, "a rename works again")
    yield verdict("with room again the upload is completed", complete(member, open_upload))
    until(lambda: member.http.get("/readyz").status_code == 200, 60, "it is ready again")
    yield verdict("and everything is ready", True)


def verdict(fact: str, holds: bool) -> tuple[str, str]:
    return f"full disk: {fact}", "ok" if holds else "FAILED"


def stored(member: Member, name: str) -> int:
    location = member.create_upload(name, len(wav(name))).headers["Location"]
    return send(member, location, name).json()["recording"]


def send(member: Member, address: str, name: str) -> httpx.Response:
    head = member.http.head(address, headers=member.headers)
    offset = head.headers["Upload-Offset"]
    headers = member.headers | {"Upload-Offset": offset, "Content-Type": CHUNK}
    return member.http.patch(address, content=wav(name)[int(offset) :], headers=headers)


def complete(member: Member, address: str) -> bool:
    response = send(member, address, "00002.wav")
    return response.status_code == 200 and bool(member.transcript(response.json()["recording"]))


def refused(member: Member, name: str) -> bool:
    response = member.create_upload(name, len(wav(name)))
    return response.status_code == 507 and "Retry-After" in response.headers


def rename(member: Member, recording: int) -> int:
    fields = {"title": "Tuesday", "csrfmiddlewaretoken": member.http.cookies["csrftoken"]}
    return member.http.post(
        f"/recordings/{recording}/rename/", data=fields, headers=member.headers
    ).status_code


def log_lines(product: Product) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (product.data / "logs").glob("*.log"))
