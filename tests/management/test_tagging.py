"""Tags of the requests that Earshot makes."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from management.models import Connection, Project, UsedTag
from management.models.tags import KEPT_FREE, MOST_A_DAY
from management.tagging import request_tags, tagged
from speechclient import ListenOptions, ReadOptions

ROOM = MOST_A_DAY - KEPT_FREE


def test_project_and_feature_follow_the_tags_that_were_chosen(project):
    tags = request_tags(project, "transcribe", ("berlin",))
    assert tags == ("berlin", f"project:{project.pk}", "feature:transcribe")


def test_a_tag_is_sent_once(project):
    own = (f"project:{project.pk}", "feature:insights")
    assert request_tags(project, "insights", (*own, "berlin", "berlin")) == ("berlin", *own)


def test_options_have_the_tags_and_the_id_of_the_recording():
    options = ListenOptions(tag=("berlin",), extra={"order": "1"})
    made = tagged(options, ("berlin", "feature:x"), recording=12)
    assert made.tag == ("berlin", "feature:x")
    assert made.extra == {"order": "1", "recording": "12"}
    assert options.tag == ("berlin",)
    assert tagged(ReadOptions(), ("a",)).tag == ("a",)


def test_a_tag_that_is_too_long_is_left_out(project, caplog):
    tags = request_tags(project, "transcribe", ("x" * 128, "y" * 129))
    assert tags == ("x" * 128, f"project:{project.pk}", "feature:transcribe")
    assert "has no tag yyy" in caplog.text


def use(connection: Connection, count: int) -> None:
    today = timezone.now().date()
    UsedTag.objects.bulk_create(
        UsedTag(connection=connection, day=today, tag=f"tag-{number}") for number in range(count)
    )


def test_a_server_gets_at_most_500_tags_a_day(project, caplog):
    use(project.connection, ROOM - 1)
    # The project's own comes before those that were chosen.
    own = (f"project:{project.pk}", "feature:transcribe")
    assert request_tags(project, "transcribe", ("new", "tag-3")) == ("tag-3", *own)
    assert "has no tag new" in caplog.text
    assert UsedTag.objects.count() == ROOM
    assert request_tags(project, "insights", ("tag-4",))[:-1] == ("tag-4", own[0])
    UsedTag.objects.filter(tag=own[0]).update(tag="another")
    assert request_tags(project, "live") == ("feature:live",)
    assert f"A request of project {project.pk} has no tag {own[0]}" in caplog.text


def test_each_server_and_each_day_has_tags_of_its_own(project):
    use(project.connection, ROOM)
    hosted = Connection(kind="hosted", name="Deepgram", base_url="http://other.test")
    hosted.api_key = "secret"
    hosted.save()
    other = Project.objects.create(connection=hosted, upstream_id="p-2", name="Lectures")
    assert request_tags(other, "live") == (f"project:{other.pk}", "feature:live")
    assert request_tags(project, "live") == ("feature:live",)
    UsedTag.objects.filter(connection=project.connection).update(day=F("day") - timedelta(days=1))
    assert request_tags(project, "live") == (f"project:{project.pk}", "feature:live")
    assert UsedTag.objects.filter(connection=project.connection).count() == 1


def test_a_known_tag_takes_one_query(project, django_assert_num_queries):
    request_tags(project, "live")
    with django_assert_num_queries(1):
        request_tags(project, "transcribe")
