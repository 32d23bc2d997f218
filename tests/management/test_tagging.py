"""Tags of the requests that Earshot makes."""

from management.tagging import tagged
from speechclient import ListenOptions, ReadOptions


def test_project_and_feature_follow_the_tags_that_were_chosen():
    options = ListenOptions(tag=("berlin",), extra={"order": "1"})
    made = tagged(options, 7, "transcribe", recording=12)
    assert made.tag == ("berlin", "project:7", "feature:transcribe")
    assert made.extra == {"order": "1", "recording": "12"}
    assert options.tag == ("berlin",)


def test_a_tag_is_sent_once():
    made = tagged(ReadOptions(tag=("project:7", "berlin")), 7, "insights")
    assert made.tag == ("berlin", "project:7", "feature:insights")
