"""Template filters, the context of every page, and what commands print."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from management.forms import option_list
from management.models import Project, User
from transcripts.context import shell
from transcripts.models import Utterance
from transcripts.templatetags import saying
from transcripts.terminal import take_every_name


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0, "0:00"), (61.9, "1:01"), (3723, "1:02:03")]
)
def test_a_length_is_a_clock(seconds, text):
    assert saying.clock(seconds) == text


def test_a_name_is_text_in_the_menu_of_projects_and_in_a_list():
    project = Project(pk=1, name='<b>"R & D"</b>')
    menu = saying.project_items([project, Project(pk=2, name="Two")], project, "/library/")
    assert menu.count("aria-current") == 1
    assert '?project=1" aria-current="true">' in menu
    listed = option_list([(1, project.name), ('"', "Two")], "1")
    assert '<option value="1" selected>' in listed
    assert '<option value="&quot;">Two' in listed
    for text in (menu, listed):
        assert "&lt;b&gt;&quot;R &amp; D&quot;&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (812_000, "812 kB"), (42e6, "42 MB"), (1.8e9, "1.8 GB")],
)
def test_a_size_has_the_largest_unit_that_fits(count, text):
    assert saying.size(int(count)) == text


def test_a_moment_is_said_by_its_distance():
    noon = timezone.localtime().replace(hour=12, minute=5)
    assert saying.said(noon) == "today 12:05"
    assert saying.said(noon - timedelta(days=1)) == "yesterday 12:05"
    weekday = noon - timedelta(days=3)
    assert saying.said(weekday) == f"{weekday:%A} 12:05"
    assert saying.said(noon.replace(year=2020, month=3, day=9)) == "9 March 2020"


def test_a_moment_is_exact_on_demand():
    moment = timezone.localtime().replace(2026, 11, 3, 14, 5, 6)
    assert saying.exactly(moment).startswith("Tuesday 3 November 2026, 14:05:06")


def test_an_utterance_without_times_is_one_word_to_click():
    words = saying.laid(Utterance(text="Good morning.", words=[], start=2.5))
    assert [word.start for word in words] == [2.5]


def test_an_icon_is_hidden_from_screen_readers():
    drawn = saying.icon("play", "<b>")
    assert 'aria-hidden="true"' in drawn
    assert "#play" in drawn
    assert "<b>" not in drawn


def request(user, query: str = "", **cookies: str):
    made = RequestFactory().get(f"/{query}")
    made.user = user
    made.COOKIES.update(cookies)
    return made


@pytest.mark.parametrize(("theme", "shown"), [("dark", "dark"), ("light", "light"), ("pink", "")])
def test_a_page_for_everyone_has_the_theme_alone(theme: str, shown: str):
    assert shell(request(AnonymousUser(), theme=theme)) == {"theme": shown}


def test_a_page_has_the_projects_of_its_reader(ada: User, vera: User, project, other_project):
    context = shell(request(ada))
    assert context["shell_projects"] == [project]
    assert context["may_upload"] is True
    assert shell(request(vera))["may_upload"] is False


def test_the_project_of_the_address_comes_before_that_of_the_cookie(ada: User, project):
    for query, cookie, chosen in (
        ("", "", None),
        ("", str(project.pk), project),
        (f"?project={project.pk}", "0", project),
        ("?project=0", str(project.pk), None),
    ):
        assert shell(request(ada, query, project=cookie))["shell_project"] == chosen


def test_any_name_is_printed_without_an_error():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    take_every_name(stream)
    stream.write("café 🎙")
    take_every_name(stream, "utf-8")
    stream.write("é")
    stream.flush()
    assert raw.getvalue() == b"caf? ?" + "é".encode()


def test_a_stream_in_memory_is_left_as_it_is():
    stream = io.StringIO()
    take_every_name(stream, "utf-8")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ([], []),
        (["de", "en-US", "en", "fr-CA"], ["English", "French", "German"]),
        (["xx"], ["xx"]),
        (["es", "es-419", "ca"], ["Catalan", "Spanish"]),
    ],
)
def test_languages_are_named_once_with_english_first(tags: list[str], names: list[str]):
    assert saying.language_names(tags) == names


def test_a_moment_of_this_week_has_its_day_and_one_before_its_date():
    noon = timezone.localtime().replace(hour=12, minute=5)
    assert saying.said(noon - timedelta(days=6)).endswith("day 12:05")
    earlier = noon - timedelta(days=7)
    assert saying.said(earlier).startswith(f"{earlier.day} {earlier:%B}")
    # A clock that is ahead: a day to come has its date.
    ahead = noon + timedelta(days=1)
    assert saying.said(ahead).startswith(f"{ahead.day} {ahead:%B}")


@pytest.mark.parametrize(
    ("count", "text"), [(1000, "1 kB"), (999_499, "999 kB"), (10**13, "10000.0 GB")]
)
def test_a_size_is_rounded_in_its_unit(count: int, text: str):
    assert saying.size(count) == text
