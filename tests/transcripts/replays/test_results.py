"""Results of function calls in a replay."""

import json

import pytest

from transcripts.replays.results import Results

pytestmark = pytest.mark.django_db

RECORDED = {("lookup", '{"id": 7}'): ["first", "second"]}


async def test_a_recorded_result_is_found_however_its_arguments_are_written(version):
    results = Results(RECORDED, version, None)
    assert await results.respond("lookup", '{"id":7}') == "first"
    assert await results.respond("lookup", '{ "id": 7 }') == "second"
    assert await results.respond("lookup", '{"id": 7}') == "second"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lookup", "no result for these arguments"),
        ("cancel", "does not call functions that change something"),
        ("sing", "there is no function sing"),
    ],
)
async def test_other_calls_that_cannot_be_made_are_an_error(version, ada, name, words):
    content = await Results(RECORDED, version, ada).respond(name, '{"id": 8}')
    assert words in json.loads(content)["error"]
