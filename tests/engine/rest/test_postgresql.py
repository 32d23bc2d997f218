"""The engine on PostgreSQL: what depends on the database, once more."""

from __future__ import annotations

import pytest
from deepgram.core.api_error import ApiError

from tests.engine.rest.conftest import Engine, Site, start_engine
from tests.services import postgresql_url

pytestmark = pytest.mark.full

__all__ = ["postgresql_url"]


@pytest.fixture
def on_postgresql(tmp_path, postgresql_url: str):
    running = start_engine(
        tmp_path / "data",
        ENGINE_DATABASE_URL=postgresql_url,
        ENGINE_FETCH_PRIVATE_HOSTS="true",
    )
    yield running
    running.stop()


def test_everything_that_needs_the_database_works(on_postgresql: Engine, site: Site, recording):
    client, project_id = on_postgresql.client(), on_postgresql.project_id
    projects = client.manage.v1.projects
    key = projects.keys.create(project_id, request={"comment": "c", "scopes": ["member"]})
    worker = on_postgresql.client(key.key)
    for tags in (["a"], ["A"], ["a"]):
        worker.listen.v1.media.transcribe_file(request=recording, tag=tags, punctuate=True)

    rows = projects.usage.breakdown.get(project_id, grouping="tags", tag="a").results
    assert [(row.grouping.tags, row.requests) for row in rows] == [(["a"], 2)]
    assert projects.usage.fields.list(project_id).features == ["punctuate"]
    assert len(projects.requests.list(project_id, accessor=key.api_key_id).requests) == 3
    assert projects.billing.breakdown.list(project_id, grouping=["line_item"]).results

    client.voice_agent.variables.create(project_id, key="DG_A", value=None)
    with pytest.raises(ApiError) as caught:
        client.voice_agent.variables.create(project_id, key="DG_A", value=1)
    assert caught.value.status_code == 400

    accepted = worker.read.v1.text.analyze(
        request={"text": "A fine day."}, sentiment=True, callback=f"{site.url}/done"
    )
    assert accepted.request_id in site.arrivals.get(timeout=60).body.decode()

    projects.keys.delete(project_id, key.api_key_id)
    with pytest.raises(ApiError) as caught:
        worker.manage.v1.projects.list()
    assert caught.value.status_code == 401
