"""Facts of a request, and its outcome as the log and the sums keep it."""

import dataclasses
import uuid

import pytest

from engine.accounts.ledger import record
from engine.exchange import ApiRequest, Caller, Exchange, Outcome, Usage
from engine.models import Project, Request, UsageKind


def caller(project: Project, tags: tuple[str, ...] = ()) -> Caller:
    return Caller(uuid.uuid4(), project.pk, uuid.uuid4(), ("member",), ("member",), tags, None)


def test_the_facts_of_a_request_cannot_be_changed():
    request = ApiRequest("/v1/listen", "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.query = "model=nova-3"  # type: ignore[misc]


def test_a_request_without_a_key_has_no_caller():
    with pytest.raises(RuntimeError, match="caller is unknown"):
        _ = ApiRequest("/v1/models", "").caller


def test_the_recorded_path_has_no_credentials_of_a_callback():
    query = "callback=https%3A%2F%2Fada%3Asecret%40example.com%2Fdone&tag=a%20b"
    path = ApiRequest("/v1/listen", query).recorded_path()
    assert path == "/v1/listen?callback=https%3A%2F%2Fexample.com%2Fdone&tag=a%20b"


def test_a_member_bounds_what_a_key_may_do_and_grant():
    key_of_a_member = dataclasses.replace(caller(Project(name="Ada's")), scopes=("owner",))
    assert key_of_a_member.allows("usage:write")
    assert not key_of_a_member.allows("members:write")
    assert key_of_a_member.may_grant(["member"])
    assert not key_of_a_member.may_grant(["admin"])


@pytest.mark.django_db
@pytest.mark.usefixtures("environment")
def test_a_record_has_the_tags_of_the_key_before_those_of_the_options():
    project = Project.objects.create(name="Ada's")
    request = ApiRequest(
        "/v1/listen",
        "tag=urgent",
        kind="listen",
        processing_method="streaming",
        key_holder=caller(project, ("web",)),
    )
    record([Exchange(request, Outcome(101, Usage(seconds=2.0, tags=["urgent"])))])
    row = Request.objects.get(pk=request.request_id)
    assert (row.code, row.method) == (101, "streaming")
    assert row.details["tags"] == ["web", "urgent"]
    assert UsageKind.objects.get().tags == "\nurgent\nweb\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("environment")
def test_a_request_whose_client_left_is_recorded_and_not_counted():
    project = Project.objects.create(name="Ada's")
    request = ApiRequest("/v1/listen", "", kind="listen", key_holder=caller(project, ("web",)))
    record([Exchange(request)])
    row = Request.objects.get(pk=request.request_id)
    assert (row.code, row.details["tags"]) == (499, ["web"])
    assert not UsageKind.objects.exists()


def test_admins_manage_members_and_only_owners_manage_owners():
    admin = dataclasses.replace(
        caller(Project(name="Ada's")), scopes=("admin",), member_scopes=("admin",)
    )
    assert admin.may_manage(["member"], "write:kick")
    assert not admin.may_manage(["owner"], "write:kick")


def test_keys_of_other_members_are_deleted_by_owners_alone():
    bob = caller(Project(name="Ada's"))
    owner = dataclasses.replace(bob, scopes=("owner",), member_scopes=("owner",))
    assert bob.may_delete_key_of(bob.member_id)
    assert not bob.may_delete_key_of(uuid.uuid4())
    assert owner.may_delete_key_of(uuid.uuid4())
