"""Template filters for times, dates and states."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from django import template
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from management import dates
from management.models import Project
from transcripts.models import Utterance
from transcripts.text import reading
from transcripts.text.warned import language_name

register = template.Library()


@register.simple_tag
def project_items(projects: Iterable[Project], current: Project | None, url: str) -> SafeString:
    """The items of the menu of projects. There may be hundreds, on every page."""
    before = f'<li><a class="menu-item" href="{escape(url)}?project='
    here = ' aria-current="true"'
    items = (
        f'{before}{each.pk}"{here if each == current else ""}>'
        f'<span class="menu-name">{escape(each.name)}</span></a></li>'
        for each in projects
    )
    return mark_safe("\n".join(items))  # noqa: S308 all that is from outside is escaped


@register.filter
def clock(seconds: float | None) -> str:
    """1:02:03; nothing while the length is not known."""
    return "" if seconds is None else reading.clock(seconds)


@register.filter
def language_names(tags: list[str]) -> list[str]:
    """Names of languages without their regions, each once: English first, then by name."""
    names = {language_name(str(tag).partition("-")[0]) for tag in tags}
    return sorted(names, key=lambda name: (name != "English", name))


@register.filter
def size(count: int) -> str:
    """Bytes as people say them: 812 kB, 42 MB, 1.8 GB."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if unit == "GB" else f"{value:.0f} {unit}"


@register.filter
def said(moment: datetime) -> str:
    """A moment as people say it, in the reader's time zone: "today 14:05", "3 November"."""
    local, today = timezone.localtime(moment), timezone.localdate()
    time = f"{local:%H:%M}"
    days = (today - local.date()).days
    with translation.override(dates.used()):
        if days == 0:
            return f"{gettext('today')} {time}"
        if days == 1:
            return f"{gettext('yesterday')} {time}"
        if 1 < days < 7:
            return f"{date_format(local, 'l')} {time}"
        return in_words(local, with_year=local.year != today.year)


@register.filter
def exactly(moment: datetime) -> str:
    """A moment to the second, with its day of the week and its time zone."""
    local = timezone.localtime(moment)
    with translation.override(dates.used()):
        return f"{date_format(local, 'l')} {in_words(local)}, {local:%H:%M:%S %Z}"


def in_words(day: datetime, with_year: bool = True) -> str:
    """A day in the active language: "3 November 2025", "3. November 2025"."""
    if dates.used() == dates.ENGLISH:
        return date_format(day, "j F Y" if with_year else "j F")
    return date_format(day, "DATE_FORMAT" if with_year else "MONTH_DAY_FORMAT")


@register.filter
def laid(utterance: Utterance) -> list[reading.Word]:
    """The words of an utterance to click; its bare text as one when there are no times."""
    timed = utterance.words or [[utterance.text, utterance.start]]
    return reading.words(utterance.text, timed)


@register.simple_tag
def icon(name: str, kind: str = "") -> SafeString:
    """A drawing from icons.svg, for the eye alone: the words stand beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        kind,
        static("icons.svg"),
        name,
    )
