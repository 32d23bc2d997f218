"""Projects, in process: their owners change them, strangers do not see them."""

import pytest

from engine.models import Project
from tests.engine.inprocess import FORBIDDEN, Inside, error


async def test_a_key_sees_its_own_project_alone(inside: Inside):
    response = await inside.get("/v1/projects")
    assert response.json() == {
        "projects": [{"project_id": str(inside.ada.project.pk), "name": "Interviews"}]
    }


async def test_an_owner_renames_the_project(inside: Inside):
    response = await inside.patch(inside.ada.path, json={"name": "Field notes"})
    assert response.json() == {"message": "Successfully updated project info."}
    assert (await inside.get(inside.ada.path)).json()["name"] == "Field notes"


@pytest.mark.parametrize("name", ["", "x" * 201, 5, None])
async def test_a_name_that_cannot_be_is_rejected(inside: Inside, name):
    response = await inside.patch(inside.ada.path, json={"name": name})
    assert response.status_code == 400
    assert (await inside.get(inside.ada.path)).json()["name"] == "Interviews"


async def test_a_member_does_not_delete_it(inside: Inside):
    response = await inside.delete(inside.ada.path, as_=inside.bob)
    assert error(response) == FORBIDDEN
    assert (await inside.get(inside.ada.path)).json()["name"] == "Interviews"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_stranger_does_not_find_it(inside: Inside, method):
    response = await inside.request(method, inside.ada.path, as_=inside.eve, json={"name": "Mine"})
    assert response.status_code == 404


async def test_a_deleted_project_takes_its_keys_along(inside: Inside):
    assert (await inside.delete(inside.ada.path)).status_code == 200
    assert (await inside.get("/v1/projects", as_=inside.bob)).status_code == 401
    assert [project.name async for project in Project.objects.all()] == ["Elsewhere"]


async def test_a_member_leaves_and_the_last_owner_stays(inside: Inside):
    assert (await inside.delete(f"{inside.bob.path}/leave", as_=inside.bob)).status_code == 200
    assert (await inside.get("/v1/projects", as_=inside.bob)).status_code == 401
    response = await inside.delete(f"{inside.ada.path}/leave")
    assert response.status_code == 400
    assert (await inside.get("/v1/projects")).status_code == 200
