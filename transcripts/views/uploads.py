"""Audio on its way in: chunks with tus 1.0's semantics, and web addresses to fetch.

Errors are JSON, ``{"error": sentence}``. Source: tus.io resumable upload protocol 1.0.
"""

import base64
import binascii
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from management.access import get_permitted, person
from management.models import Project
from network.jsontext import read_json
from speechclient import InvalidOption
from transcripts import uploads as rules
from transcripts.choices import AddressForm
from transcripts.media import fetch
from transcripts.media.storage import DiskFull
from transcripts.models import Preset, Recording, Upload
from transcripts.options import complete
from transcripts.views.upload import upload_page

TUS = {"Tus-Resumable": "1.0.0"}
CHUNK_TYPE = "application/offset+octet-stream"
View = Callable[..., HttpResponse]


def with_rejections(view: View) -> View:
    """Say every way in which an upload is not taken, in JSON and with its status."""

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.headers.get("Tus-Resumable", "1.0.0") != "1.0.0":
            return rejection("This server speaks tus 1.0.0.", 412, {"Tus-Version": "1.0.0"})
        try:
            response = view(request, *args, **kwargs)
        except rules.Rejected as error:
            return rejection(str(error), error.status)
        except InvalidOption as error:
            return rejection(f"Invalid options: {error}.", 400)
        except rules.WrongOffset as error:
            return rejection(str(error), 409, {"Upload-Offset": str(error.offset_bytes)})
        except DiskFull as error:
            return rejection(str(error), 507)
        except Upload.DoesNotExist:
            raise Http404 from None
        for name, value in TUS.items():
            response[name] = value
        return response

    return respond


def rejection(message: str, status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    later = {"Retry-After": "60"} if status == 507 else {}
    return JsonResponse({"error": message}, status=status, headers=TUS | later | (headers or {}))


@never_cache
@require_http_methods(["GET", "POST", "OPTIONS"])
@with_rejections
def uploads(request: HttpRequest) -> HttpResponse:
    """GET: the caller's unfinished uploads. POST: open an upload, 201 and its address.

    Limits are checked here, before bytes travel.

    Takes tus's headers, with filename, project and options (JSON) as metadata, or a JSON
    body with name, size, project and options. Options that are not given are those of the project's
    default preset says.
    """
    if request.method == "OPTIONS":
        limit = str(settings.ENV.max_upload_bytes)
        extensions = {"Tus-Version": "1.0.0", "Tus-Extension": "creation,termination"}
        return HttpResponse(status=204, headers=extensions | {"Tus-Max-Size": limit})
    user = person(request)
    if request.method == "GET":
        listed = Upload.objects.resumable_by(user).unfinished().order_by("created_at", "pk")
        return JsonResponse({"uploads": [described(each, request) for each in listed]})
    creation = read_creation(request)
    project = Project.objects.writable_by(user).filter(pk=creation["project"]).first()
    if project is None:
        return rejection("There is no such project, or you may not add to it.", 404)
    options = complete(creation["options"], Preset.objects.defaults_of(project))
    upload = rules.begin(user, project, creation["name"], creation["size"], options)
    address = reverse("upload_chunk", args=[upload.pk])
    headers = {"Location": address, "Upload-Offset": "0"}
    return JsonResponse({"upload": str(upload.pk), "url": address}, status=201, headers=headers)


def read_creation(request: HttpRequest) -> dict[str, Any]:
    """Return the file to be uploaded: ``name``, ``size``, ``project`` and ``options``."""
    if request.content_type == "application/json":
        try:
            creation = read_json(request.body)
        except ValueError:
            creation = None
        if not isinstance(creation, dict):
            raise rules.Rejected("The body is not a JSON object.")
    else:
        metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
        try:
            options = read_json(metadata.get("options") or "{}")
        except ValueError:
            raise rules.Rejected("The options of the upload are not a JSON object.") from None
        creation = {
            "name": metadata.get("filename", ""),
            "size": whole(request.headers.get("Upload-Length", "")),
            "project": whole(metadata.get("project", "")),
            "options": options,
        }
    name, size, project = creation.get("name", ""), creation.get("size"), creation.get("project")
    if type(size) is not int or abs(size) > 2**62:
        raise rules.Rejected("The length of the upload is missing. Give it in bytes.")
    if type(project) is not int or abs(project) > 2**62:
        raise rules.Rejected("The project of the upload is missing. Give its id.")
    if not isinstance(name, str):
        raise rules.Rejected("The name of the upload is not text.")
    options = creation.get("options", {})
    if not isinstance(options, dict):
        raise rules.Rejected("The options of the upload are not a JSON object.")
    return {"name": name, "size": size, "project": project, "options": options}


def read_metadata(header: str) -> dict[str, str]:
    """tus's ``Upload-Metadata``: pairs of a name and a base64 value, with commas between."""
    metadata = {}
    for pair in header.split(","):
        name, _, encoded = pair.strip().partition(" ")
        try:
            metadata[name] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError):
            raise rules.Rejected(f"The upload's metadata {name!r} is not base64.") from None
    return metadata


def whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@never_cache
@require_http_methods(["HEAD", "GET", "PATCH", "DELETE"])
@with_rejections
def upload_chunk(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """HEAD, GET: how far it is. PATCH: the next bytes, 204, or 200 with the recording at the end.

    The ETag is the SHA-256 of the bytes that are here: a PATCH with it as If-Match is a 412
    when its sender has other ones, and would mix two files. DELETE forgets the upload. A PATCH
    of no bytes at the end of a finished upload gives its recording again, for a client whose
    response was lost.
    """
    mine = Upload.objects.resumable_by(person(request)).select_related(
        "project", "owner", "recording"
    )
    upload = get_permitted(request, mine, pk)
    if request.method in ("HEAD", "GET"):
        headers = {"Upload-Offset": str(upload.offset_bytes), "ETag": f'"{upload.sha256}"'}
        headers["Upload-Length"] = str(upload.size_bytes)
        return JsonResponse(described(upload, request), headers=headers)
    if request.method == "DELETE":
        rules.cancel(upload)
        return HttpResponse(status=204)
    return receive_chunk(request, upload)


def described(upload: Upload, request: HttpRequest) -> dict[str, Any]:
    """An upload as its page shows it; of one that is stored, the recording that it became."""
    return {
        "url": reverse("upload_chunk", args=[upload.pk]),
        "name": upload.name,
        "size": upload.size_bytes,
        "offset": upload.offset_bytes,
        "sha256": upload.sha256,
        "state": upload.state,
        "made": made_of(upload.recording, request) if upload.recording else None,
    }


def receive_chunk(request: HttpRequest, upload: Upload) -> HttpResponse:
    announced = whole(request.headers.get("Content-Length", "0")) or 0
    if announced and request.content_type != CHUNK_TYPE:
        return rejection(f"The content type of a chunk is {CHUNK_TYPE}.", 415)
    offset_bytes = whole(request.headers.get("Upload-Offset", ""))
    if offset_bytes is None:
        return rejection("Upload-Offset is missing. Give it in bytes.", 400)
    if offset_bytes + announced > upload.size_bytes:
        return rejection(f"{upload.name} has {upload.size_bytes:,} bytes; more were sent.", 413)
    prefix = request.headers.get("If-Match", "*").strip('"')
    asks_again = upload.is_complete and offset_bytes == upload.offset_bytes
    if not asks_again:
        rules.append(upload, offset_bytes, request, None if prefix == "*" else prefix)
    headers = {"Upload-Offset": str(upload.offset_bytes)}
    if not upload.is_complete:
        return HttpResponse(status=204, headers=headers)
    recording = rules.finish(upload)
    return JsonResponse(made_of(recording, request), headers=headers)


def made_of(recording: Recording, request: HttpRequest) -> dict[str, Any]:
    """The recording that an upload has become, and the first one with the same audio."""
    twin = recording.first_twin(person(request))
    return {
        "recording": recording.pk,
        "url": recording.get_absolute_url(),
        "duplicate_of": {"id": twin.pk, "title": twin.title, "url": twin.get_absolute_url()}
        if twin
        else None,
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def upload_by_url(request: HttpRequest) -> HttpResponse:
    """Queue audio at a web address, which a worker fetches; errors are shown beside the form.

    GET leads to the upload page: the address of a page with errors may be opened again.
    """
    if request.method != "POST":
        return redirect("upload")
    user = person(request)
    form = AddressForm(user, request.POST)
    if form.is_valid():
        try:
            address = fetch.check_address(form.cleaned_data["url"], fetch.house_rules())
        except fetch.Rejected as error:
            form.add_error("url", str(error))
    if not form.is_valid():
        return upload_page(request, form.chosen_project, form)
    name = fetch.name_of(address)
    project, options = form.cleaned_data["project"], form.cleaned_data["options"]
    return redirect(Recording.objects.add_address(project, user, str(address), name, options))
