"""Rows found by an id of a path: any id that is none has the error of the caller."""

import pytest
from django.db.models.query import QuerySet

from engine.models import Member, Project
from engine.views.lookup import find
from engine.wire.errors import ApiError, not_found

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Member:
    return Member.objects.create(
        project=Project.objects.create(name="Interviews"), email="ada@example.test"
    )


def members(ada: Member) -> QuerySet[Member]:
    return ada.project.members.all()


@pytest.mark.parametrize("written", [str, lambda key: str(key).upper(), lambda key: key.hex])
def test_a_row_is_found_by_any_form_of_its_id(ada: Member, written):
    assert find(members(ada), written(ada.pk), not_found("member")) == ada


UNKNOWN = "4fed71a2-7af8-4615-9014-76f3c5c3a7a1"


@pytest.mark.parametrize("key", ["", "none", "0", "8f4e0f7c", UNKNOWN, "\0", "é" * 36])
def test_an_id_that_is_none_raises_the_error(ada: Member, key: str):
    with pytest.raises(ApiError) as raised:
        find(members(ada), key, not_found("member"))
    assert (raised.value.status, raised.value.code) == (404, "MEMBER_NOT_FOUND")


def test_a_row_of_others_is_not_found(ada: Member):
    elsewhere = Project.objects.create(name="Elsewhere").members.all()
    with pytest.raises(ApiError, match="Member not found"):
        find(elsewhere, str(ada.pk), not_found("member"))
